"""Cases: the use of an identifier that the same file declares, far from the cursor.

So far that neither the declaration nor another use stands in what the prompt shows of the file. The
cursor stands just before the identifier, as in :mod:`infill_ls.measuring.cross_file`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from infill_ls.measuring.cross_file import (
    GENERIC,
    MIN_NAME_CHARS,
    NAME,
    NeededIdentifier,
    is_use,
    read,
)
from infill_retrieval.files.sources import find_sources
from infill_retrieval.indexing.words import STOP_WORDS
from infill_retrieval.settings import DEFAULT_SETTINGS
from infill_retrieval.syntax import language_of, outline, parse

SHOWN_BEFORE_CHARS = 768 * 4
"""More than the prompt shows of the file above the cursor by default."""
SHOWN_AFTER_CHARS = 256 * 4


def far_cases_of(package: str, language: str, folder: Path, limit: int) -> list[NeededIdentifier]:
    """Return up to ``limit`` cases, chosen by chance but the same each time."""
    found = [
        case
        for source in find_sources(folder, DEFAULT_SETTINGS)
        if language_of(source.path).name == language and not source.name.endswith(".d.ts")
        for case in _cases(package, language, Path(source.path))
    ]
    chooser = random.Random(f"{package} 2")  # noqa: S311 - a sample, not a secret
    return sorted(
        chooser.sample(found, min(limit, len(found))), key=lambda c: (str(c.path), c.offset)
    )


def _cases(package: str, language: str, path: Path) -> Iterator[NeededIdentifier]:
    text = read(path)
    tree = parse(language_of(str(path)), text)
    if tree is None:
        return
    lines = text.split("\n")
    declared: dict[str, list[str]] = {}
    for one in outline(language_of(str(path)), tree, text).declarations:
        declared.setdefault(one.name, []).append(lines[one.first_line].strip())
    places: dict[str, int] = {}
    """Where each name stood last."""
    matches = list(NAME.finditer(text))
    following: dict[int, int] = {}
    for match in reversed(matches):
        following[match.start()] = places.get(match[0], len(text) + SHOWN_AFTER_CHARS)
        places[match[0]] = match.start()
    places.clear()
    seen: set[str] = set()
    for match in matches:
        name, start = match[0], match.start()
        last = places.get(name)
        places[name] = start
        end_of_line = text.find("\n", start)
        if (
            name in seen
            or name not in declared
            or last is None
            or len(name) < MIN_NAME_CHARS
            or name.lower() in STOP_WORDS
            or name in GENERIC
            or start - last <= SHOWN_BEFORE_CHARS
            or following[start] - end_of_line <= SHOWN_AFTER_CHARS
            or any(name in line for line in lines_at(text, start, declared[name]))
            or not is_use(tree, start)
        ):
            continue
        seen.add(name)
        yield NeededIdentifier(package, language, path, start, name, tuple(declared[name]), False)


def lines_at(text: str, offset: int, wanted: list[str]) -> list[str]:
    """Return the line of ``offset``, if it is one of the ``wanted``: a declaration is no use."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    line = text[start : end if end >= 0 else len(text)].strip()
    return [line] if line in wanted else []
