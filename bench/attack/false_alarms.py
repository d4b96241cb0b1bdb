"""Count the lines of ordinary source that are hidden as secrets.

python -m bench.attack.false_alarms FOLDER…
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.command import finish, parser_of

from infill_retrieval.files.sources import is_source_name, read_source
from infill_retrieval.lines import bare_lines
from infill_retrieval.secrets.judgement import is_bare, secret_lines, sensitivity
from infill_retrieval.settings import DEFAULT_SETTINGS
from infill_retrieval.syntax import language_of


@dataclass
class Count:
    """What was counted in a package."""

    package: str
    files: int = 0
    lines: int = 0
    hidden_lines: int = 0
    files_switched_off: int = 0


def count(folder: Path, pattern: str, *, show: bool) -> Count:
    """Count the hidden lines of the files below ``folder`` that would be searched."""
    found = Count(folder.name)
    for path in sorted(folder.rglob(pattern)):
        if (
            path.is_symlink()
            or not path.is_file()
            or not is_source_name(str(path), DEFAULT_SETTINGS)
        ):
            continue
        text = read_source(str(path), DEFAULT_SETTINGS.max_file_bytes)
        if text is None:
            continue
        lines = bare_lines(text)
        language = language_of(str(path))
        numbers = secret_lines(lines, bare=is_bare(language.name), language=language)
        is_off = sensitivity(str(path), text) is not None
        found.files += 1
        found.lines += len(lines)
        found.hidden_lines += len(numbers)
        found.files_switched_off += is_off
        if show:
            for number in numbers:
                mark = "OFF " if is_off else ""
                print(f"{mark}{path.name}:{number + 1}: {lines[number].strip()[:140]}")
    return found


def main() -> None:
    """Print a row for each folder and one for all of them."""
    parser = parser_of(__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--pattern", default="*", help="which files")
    parser.add_argument("--show", action="store_true", help="print the hidden lines")
    options = parser.parse_args()
    started = time.perf_counter()
    counts = [count(folder, options.pattern, show=options.show) for folder in options.folders]
    seconds = time.perf_counter() - started
    total = Count("all")
    for one in counts:
        total.files += one.files
        total.lines += one.lines
        total.hidden_lines += one.hidden_lines
        total.files_switched_off += one.files_switched_off
    for one in [*counts, total]:
        share = 100 * one.hidden_lines / max(one.lines, 1)
        print(
            f"{one.package:28} {one.lines:8} lines {one.hidden_lines:5} hidden ({share:.4f} %), "
            f"{one.files_switched_off} of {one.files} files switched off"
        )
    print(f"{seconds:.1f} s")
    figures = {one.package: asdict(one) for one in [*counts, total]}
    finish(options.out, "false_alarms", run={"pattern": options.pattern}, figures=figures)


if __name__ == "__main__":
    main()
