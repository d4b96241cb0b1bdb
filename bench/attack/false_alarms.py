"""Count the lines of ordinary source that are hidden as secrets.

python -m bench.attack.false_alarms FOLDER…
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from infill_retrieval.lines import bare_lines
from infill_retrieval.secrets.judgement import certain_lines, is_bare, secret_lines
from infill_retrieval.syntax import language_of


def main() -> None:
    """Print a row for each folder and one for all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--pattern", default="*.py", help="which files")
    parser.add_argument("--show", action="store_true", help="print the hidden lines")
    options = parser.parse_args()
    all_lines = all_hidden = 0
    started = time.perf_counter()
    for folder in options.folders:
        counted = hidden = off = 0
        for path in sorted(folder.rglob(options.pattern)):
            lines = bare_lines(path.read_text("utf-8", errors="replace"))
            numbers = secret_lines(lines, bare=is_bare(language_of(str(path)).name))
            counted += len(lines)
            hidden += len(numbers)
            off += bool(certain_lines(lines))
            if options.show:
                for number in numbers:
                    print(f"{path.name}:{number + 1}: {lines[number].strip()[:140]}")
        print(f"{folder.name:20} {counted:8} lines {hidden:5} hidden, {off} files switched off")
        all_lines, all_hidden = all_lines + counted, all_hidden + hidden
    share = 100 * all_hidden / max(all_lines, 1)
    seconds = time.perf_counter() - started
    print(f"{'all':20} {all_lines:8} lines {all_hidden:5} hidden: {share:.4f} % ({seconds:.1f} s)")


if __name__ == "__main__":
    main()
