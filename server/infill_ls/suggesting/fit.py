"""Fit the model's text between the text left and right of the cursor.

Editors close brackets and quotes as they are opened, so that the rest of the line is often there
already: ``print(‸)``. The model writes on as if it was not: ``x, y) -> int:``. A suggestion is
therefore an edit: a text, and how much of the rest of the line it takes the place of. Each mark that
closes something right of the cursor is matched with the place where the text closes the same thing;
from there on the text goes on behind it. What cannot be matched stays, and the text ends before it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from infill_ls.document.balance import Balance
from infill_ls.document.brackets import CLOSER_OF, Bracket
from infill_retrieval.syntax import Language

CLOSING = re.compile(
    r"""</[\w:.-]*\s*>|/>|\*/|-->|\?>|-?%>|[#%-]?\}\}?|%\}|\$\$?|[)\]}>"'`,;:|]|[\s]+"""
)
"""What closes or ends something, in whatever language; or white space."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Text for the cursor, and the characters right of it that it takes the place of."""

    text: str
    replaced: int
    first_closer: int
    """Length of the text up to where it closes what stands right of the cursor: what fits for an
    editor that can only insert."""


def is_closing(rest_of_line: str) -> bool:
    """Whether the text consists only of marks that close or end something."""
    position = 0
    while position < len(rest_of_line):
        token = CLOSING.match(rest_of_line, position)
        if token is None:
            return False
        position = token.end()
    return True


def fit(text: str, rest: str, balance: Balance, language: Language) -> Fit:
    """Return the part of ``text`` that fits before ``rest``, the rest of the cursor's line."""
    stripped, own = text.rstrip(), balance.of(text).outer_closers
    if rest.strip() and stripped.endswith(rest.strip()):
        # It goes on to the line's end, the very way that the line ends.
        whole = stripped[: len(stripped) - len(rest.strip())]
        if not balance.of(whole).outer_closers:
            return Fit(stripped, len(rest.rstrip()), len(whole))
    replaced, position, first = _matched(text, rest, balance, own)
    end = _end(text, position, balance, own)
    is_between = not is_closing(_without_comment(rest[replaced:], language))
    if replaced and is_between and text[position:end].strip():
        return Fit(text[:first], 0, first)
    return Fit(text[:end], replaced, min(first, end))


def smallest(found: Fit, rest: str) -> Fit:
    """Return the same edit without what it would replace by itself."""
    text, replaced = found.text, found.replaced
    while replaced and text and text[-1] == rest[replaced - 1]:
        text, replaced = text[:-1], replaced - 1
    return Fit(text, replaced, min(found.first_closer, len(text)))


def _matched(
    text: str, rest: str, balance: Balance, own: Sequence[Bracket]
) -> tuple[int, int, int]:
    """Return how much of ``rest`` is matched, up to where in ``text``, and where that begins.

    ``own`` is what in ``text`` closes something that was opened before it.
    """
    closings = {one.offset: one for one in balance.closers_on_line}
    on_line = {one.depth for one in balance.closers_on_line if one.depth >= 0}
    replaced, position, first, place = 0, 0, len(text), 0
    while place < len(rest):
        token = CLOSING.match(rest, place)
        if token is None:
            break
        mark, at = token[0], place
        known = closings.get(at)
        if known is not None:
            mark = known.char
        place = at + len(mark)
        if not mark.strip():
            continue
        following = [one for one in own if one.offset >= position]
        if known is not None and known.depth >= 0:
            if not following or following[0].depth != known.depth:
                break
            start = following[0].offset
        else:
            # Not beyond what the rest of the line closes as well, nor beyond where the text must end.
            next_one = next((one for one in following if _is_limit(one, on_line, balance)), None)
            limit = len(text)
            if next_one is not None:
                is_mark = next_one.depth in on_line or next_one.char == mark
                limit = next_one.offset + (len(next_one.char) if is_mark else 0)
            found = _find(text, position, limit, mark)
            if found is None and len(mark) > 1 and mark[0] in ")]}":
                mark, place = mark[0], at + 1
                found = _find(text, position, limit, mark)
            if found is None:
                break
            start = found
        first = min(first, start)
        position = start + len(mark)
        replaced = place
    return replaced, position, first


def _is_limit(closer: Bracket, on_line: set[int], balance: Balance) -> bool:
    """Whether nothing behind a bracket of the text is to be matched before that is."""
    depth = closer.depth
    return depth < 0 or depth in on_line or balance.is_closed_after(depth)


def _find(text: str, position: int, limit: int, mark: str) -> int | None:
    """Return where ``mark`` is in ``text``, outside of brackets or quotes opened there."""
    if len(mark) > 1:
        found = text.find(mark, position, limit)
        return found if found >= 0 else None
    inside: list[str] = []
    while position < min(limit, len(text)):
        char = text[position]
        if char == "\\":
            position += 1
        elif not inside and char == mark:
            return position
        elif inside and char == inside[-1]:
            inside.pop()
        elif char in CLOSER_OF and mark not in "\"'`":
            inside.append(CLOSER_OF[char])
        position += 1
    return None


def _end(text: str, position: int, balance: Balance, own: Sequence[Bracket]) -> int:
    """Return where the text must end: at what closes something that is closed further down."""
    for closer in own:
        if closer.offset < position:
            continue
        if closer.depth < 0 or balance.is_closed_after(closer.depth):
            return closer.offset
    return len(text)


def _without_comment(tail: str, language: Language) -> str:
    start = tail.find(language.comment)
    return tail[:start] if start >= 0 and not language.is_prose else tail
