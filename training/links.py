"""Lines that use, first in their file, what another file of the package declares.

Only snippets of other files can tell how such a line goes on. Found by patterns, not by parsing:
a pass over the lines, in all languages of the corpus.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

LEAST_NAME_CHARS = 4
MOST_DECLARING_FILES = 3
"""What more files declare says little of any of them."""

_DECLARED = re.compile(
    r"\s*(?:(?:export|default|declare|pub(?:\([a-z]+\))?|public|private|protected|internal|static"
    r"|async|final|abstract|sealed|open|data|override|inline|const|unsafe|partial|local|readonly"
    r"|suspend|virtual)\s+)*"
    r"(?:def|class|function|interface|type|enum|enum class|struct|trait|fn|fun|func|module|object|record"
    r"|namespace|typedef struct)\s+(?:\([^()]*\)\s*|self\.|M\.)?([A-Za-z_]\w*)"
)
_ASSIGNED = re.compile(r"(?:export\s+)?(?:const\s+|let\s+|var\s+)?([A-Z]\w*)\s*(?::[^=]+)?=[^=]")
_NO_USE = re.compile(
    r"\s*(?:import\b|export\b|using\b|use\b|require\b|include\b|package\b|#|--|//|/\*|\*|@|\"\"\"|'''|\}?\s*from\b)"
)
_WORD = re.compile(r"[A-Za-z_]\w*")


def declared_in(lines: Sequence[str]) -> set[str]:
    """Return the functions, classes, types and constants that ``lines`` declare."""
    found = set()
    for line in lines:
        match = _DECLARED.match(line) or _ASSIGNED.match(line)
        if match and len(match[1]) >= LEAST_NAME_CHARS:
            found.add(match[1])
    return found


def foreign_uses(files: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """Return, for each file's lines, the indices of those that use a foreign name first."""
    declares = {path: declared_in(lines) for path, lines in files.items()}
    times = Counter(name for names in declares.values() for name in names)
    told = {name for name, count in times.items() if count <= MOST_DECLARING_FILES}
    return {path: _first_uses(lines, told - declares[path]) for path, lines in files.items()}


def _first_uses(lines: Sequence[str], foreign: set[str]) -> list[int]:
    """Return the lines on which one of the names ``foreign`` is used first."""
    left, found = set(foreign), []
    for number, line in enumerate(lines):
        if _NO_USE.match(line) or _DECLARED.match(line):
            continue
        met = left.intersection(_WORD.findall(line))
        if met:
            left -= met
            found.append(number)
    return found
