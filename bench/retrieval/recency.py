"""Measure what weighing recent edits brings, on the commits of git histories.

    python -m bench.retrieval.recency REPOSITORY... [--commits 400] [--of-each 12] [--out FILE]

A commit that changes several files is made again, file by file: what was changed before is open and was
edited. A case is an identifier that a change adds to a file which did not have it, and that another file
declares. Is it in the context, with each weight?
"""

from __future__ import annotations

import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.command import finish, parser_of
from bench.retrieval.coverage import our_context
from bench.retrieval.token_counts import count_tokens

from infill_ls.measuring.cross_file import GENERIC, MIN_NAME_CHARS, NAME
from infill_ls.measuring.git_history import (
    ChangedFile,
    changed_files,
    check_out_parent,
    edits_between,
    with_blobs,
)
from infill_ls.measuring.intervals import compare
from infill_retrieval import RetrievalSettings
from infill_retrieval.files.sources import find_sources, read_source
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.indexing.words import STOP_WORDS
from infill_retrieval.settings import DEFAULT_SETTINGS
from infill_retrieval.syntax import language_of, outline, parse

MOST_FILES, MOST_LINES = 8, 400
"""Of a commit; a larger one is no work of some minutes."""
MOST_CASES = 12
"""Of one changed file."""
MOST_SOURCES = 600
"""Of a repository: larger ones take too long to read for each commit."""

PLAIN = replace(
    DEFAULT_SETTINGS,
    crawl_in_process=False,
    open_boost=1.0,
    recent_boost=1.0,
    edited_lines_boost=1.0,
)
WEIGHTS: dict[str, RetrievalSettings] = {
    "none": PLAIN,
    "files 1.44": replace(PLAIN, open_boost=1.2, recent_boost=1.2),
    "files 2": replace(PLAIN, open_boost=1.2, recent_boost=1.67),
    "lines 2": replace(PLAIN, edited_lines_boost=2.0),
    "files 1.44, lines 1.5": replace(
        PLAIN, open_boost=1.2, recent_boost=1.2, edited_lines_boost=1.5
    ),
    "files 1.44, lines 2.5": replace(
        PLAIN, open_boost=1.2, recent_boost=1.2, edited_lines_boost=2.5
    ),
}
"""By name; the first is what the others are compared with."""


def main() -> None:
    """Run the measure as the command line says."""
    parser = parser_of(__doc__)
    parser.add_argument("repositories", type=Path, nargs="+")
    parser.add_argument("--commits", type=int, default=400, help="the last ones that are looked at")
    parser.add_argument("--of-each", type=int, default=12, help="commits taken of each repository")
    options = parser.parse_args()
    found: dict[str, list[tuple[bool, bool, bool]]] = defaultdict(list)
    for repository in options.repositories:
        for commit in _commits(repository, options.commits, options.of_each):
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place).resolve() / "tree"
                check_out_parent(repository, commit[0].commit, folder)
                for name, rows in _measure(repository, folder, commit).items():
                    found[name] += rows
        print(repository, {name: _percent(rows) for name, rows in found.items()}, flush=True)
    plain = found["none"]
    figures: dict[str, object] = {}
    for name, these in found.items():
        for part, keep in (("all", None), ("changed by the commit", True), ("other", False)):
            pairs = [
                (a, b) for a, b in zip(plain, these, strict=True) if keep is None or a[0] is keep
            ]
            figures[f"{name}: {part}"] = {
                "cases": len(pairs),
                "mentioned": _difference([(a[1], b[1]) for a, b in pairs]),
                "declared": _difference([(a[2], b[2]) for a, b in pairs]),
            }
    finish(options.out, "recency", run={"repositories": len(options.repositories)}, figures=figures)


def _difference(pairs: Sequence[tuple[bool, bool]]) -> dict[str, float]:
    compared = compare([a for a, _ in pairs], [b for _, b in pairs])
    return {
        "percent": round(100 * sum(b for _, b in pairs) / max(len(pairs), 1), 1),
        "won": sum(b and not a for a, b in pairs),
        "lost": sum(a and not b for a, b in pairs),
        "cases": compared.cases,
    }


def _percent(rows: Sequence[tuple[bool, bool, bool]]) -> tuple[int, float, float]:
    count = max(len(rows), 1)
    return (
        len(rows),
        round(100 * sum(mentioned for _, mentioned, _ in rows) / count, 1),
        round(100 * sum(declared for _, _, declared in rows) / count, 1),
    )


def _commits(repository: Path, most: int, count: int) -> list[list[ChangedFile]]:
    by_commit: defaultdict[str, list[ChangedFile]] = defaultdict(list)
    for change in changed_files(repository, most, lambda path: _grammar_of(path) is not None):
        by_commit[change.commit].append(change)
    fitting = [
        files
        for files in by_commit.values()
        if 2 <= len(files) <= MOST_FILES and sum(file.lines for file in files) <= MOST_LINES
    ]
    return random.Random(1).sample(fitting, min(count, len(fitting)))


def _grammar_of(path: str) -> str | None:
    language = language_of(path)
    return None if language.name in {"json", "yaml", "toml", "html", "css"} else language.grammar


def _measure(
    repository: Path, folder: Path, commit: Sequence[ChangedFile]
) -> dict[str, list[tuple[bool, bool, bool]]]:
    sources = find_sources(folder, DEFAULT_SETTINGS)
    texts = {
        source.path: read_source(source.path, DEFAULT_SETTINGS.max_file_bytes) or ""
        for source in sources
        if _grammar_of(source.path) is not None
    }
    if not texts or len(texts) > MOST_SOURCES:
        return {}
    changes = [
        (str(folder / change.path), old.decode("utf-8", "replace"), new.decode("utf-8", "replace"))
        for change, old, new in with_blobs(repository, commit)
    ]
    random.Random(commit[0].commit).shuffle(changes)
    declared = {path: _declared(path, text) for path, text in texts.items()}
    indexes = {name: WorkspaceIndex([folder], settings) for name, settings in WEIGHTS.items()}
    for index in indexes.values():
        index.crawl()
    rows: dict[str, list[tuple[bool, bool, bool]]] = {name: [] for name in WEIGHTS}
    changed_lines: set[str] = set()
    for path, old, new in changes:
        for before, after, name in list(_cases(path, old, new, declared))[:MOST_CASES]:
            word = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])")
            by_commit = any(word.search(line) for line in changed_lines)
            lines = [line for file, names in declared.items() if file != path
                     for line in names.get(name, ())]  # fmt: skip
            for weight, index in indexes.items():
                context = our_context(index, Path(path), before, after)
                assert count_tokens(context) <= 512
                shown = [line.strip() for line in context.split("\n") if word.search(line)]
                is_declared = any(
                    line and (one.startswith(line) or line.startswith(one))
                    for line in shown
                    for one in lines
                )
                rows[weight].append((by_commit, bool(shown), is_declared))
        for index in indexes.values():
            index.open_buffer(Path(path), old)
            index.open_buffer(Path(path), new)
        declared[path] = _declared(path, new)
        for before, typed, _ in edits_between(old, new):
            changed_lines.update(typed.split("\n"))
            changed_lines.add(before[before.rfind("\n") + 1 :] + typed.partition("\n")[0])
    for index in indexes.values():
        index.close()
    return rows


def _declared(path: str, text: str) -> dict[str, list[str]]:
    language = language_of(path)
    lines = text.split("\n")
    found: defaultdict[str, list[str]] = defaultdict(list)
    for one in outline(language, parse(language, text), text).declarations:
        found[one.name].append(lines[min(one.first_line, len(lines) - 1)].strip())
    return found


def _cases(
    path: str, old: str, new: str, declared: dict[str, dict[str, list[str]]]
) -> Iterator[tuple[str, str, str]]:
    known = set(NAME.findall(old))
    for before, typed, after in edits_between(old, new):
        for match in NAME.finditer(typed):
            name = match[0]
            elsewhere = [file for file, names in declared.items() if name in names]
            if (
                name in known
                or len(name) < MIN_NAME_CHARS
                or name.lower() in STOP_WORDS
                or name in GENERIC
                or path in elsewhere
                or not 1 <= len(elsewhere) <= 3
                or re.search(r"^\s*(import|from|#|//|\*|use |using )", _line(before, typed, match))
            ):
                continue
            known.add(name)
            rest = (typed[match.start() :] + after).partition("\n")
            yield before + typed[: match.start()], rest[1] + rest[2], name


def _line(before: str, typed: str, match: re.Match[str]) -> str:
    head = before[before.rfind("\n") + 1 :] + typed[: match.start()]
    return head[head.rfind("\n") + 1 :] + match[0]


if __name__ == "__main__":
    main()
