"""Holes cut from a file: the text around each, the typed part, and the expected text.

Pure, and the same each time: a hole depends on the text and the seed alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from infill_ls.document.lines import indent_columns

LEAST_CHARS = 8
"""A line with less to say is no case."""
MOST_BLOCK_LINES = 8
_COMMENT_STARTS = ("#", "//", "/*", "*", "--", '"""', "'''")


class HoleKind(StrEnum):
    """What is cut out."""

    LINE = "line"
    """The rest of a line."""
    BLOCK = "block"
    """The body of a block that has not many lines."""
    CALL = "call"
    """The rest of a line, from the first use in the file of what another file declares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutHole:
    """A file with a hole: ``text[:start] + wanted + text[end:]`` is the file."""

    id: str
    kind: HoleKind
    path: str
    """Relative to the repository, with ``/``."""
    text: str
    start: int
    end: int

    @property
    def wanted(self) -> str:
        """What was cut out."""
        return self.text[self.start : self.end]

    def buffer(self, typed_chars: int) -> tuple[str, int]:
        """Return the editor's text and cursor when so much of the hole is typed."""
        offset = min(self.start + typed_chars, self.end)
        return self.text[:offset] + self.text[self.end :], offset


def line_holes(path: str, text: str, count: int, seed: int) -> list[CutHole]:
    """Return up to ``count`` lines of code, chosen by chance, cut behind their indentation."""
    found = []
    for offset, line in _lines(text):
        code = line.strip()
        if len(code) >= LEAST_CHARS and not code.startswith(_COMMENT_STARTS):
            start = offset + len(line) - len(line.lstrip())
            found.append((start, offset + len(line.rstrip())))
    return _chosen(HoleKind.LINE, path, text, found, count, seed)


def block_holes(path: str, text: str, count: int, seed: int) -> list[CutHole]:
    """Return up to ``count`` bodies of two lines or more, cut behind their first indentation.

    A body is the lines below a line that ends with a colon or an opening brace, as long as they
    are indented deeper.
    """
    lines = _lines(text)
    found = []
    for number, (_, header) in enumerate(lines[:-1]):
        if not header.rstrip().endswith((":", "{")) or header.strip().startswith(_COMMENT_STARTS):
            continue
        body = []
        for offset, line in lines[number + 1 :]:
            if line.strip() and indent_columns(line) <= indent_columns(header):
                break
            body.append((offset, line))
        while body and not body[-1][1].strip():
            body.pop()
        if 2 <= len(body) <= MOST_BLOCK_LINES and body[0][1].strip():
            (first, line), (last, last_line) = body[0], body[-1]
            start = first + len(line) - len(line.lstrip())
            found.append((start, last + len(last_line.rstrip())))
    return _chosen(HoleKind.BLOCK, path, text, found, count, seed)


def _chosen(
    kind: HoleKind, path: str, text: str, found: list[tuple[int, int]], count: int, seed: int
) -> list[CutHole]:
    chooser = random.Random(f"{seed} {kind} {path}")  # noqa: S311 - a sample, not a secret
    chosen = sorted(chooser.sample(found, min(count, len(found))))
    return [
        CutHole(id=f"{path}:{kind}:{start}", kind=kind, path=path, text=text, start=start, end=end)
        for start, end in chosen
    ]


def _lines(text: str) -> list[tuple[int, str]]:
    """Return each line with its offset, without its end."""
    found, offset = [], 0
    for line in text.split("\n"):
        found.append((offset, line))
        offset += len(line) + 1
    return found
