"""Calls and lists of parameters, by their brackets. Works in any language, in broken code too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from infill_ls.next_edit.view import View

MAX_CHARS = 2_000
"""Longer lists are left alone."""
_NAME_BEFORE = re.compile(r"([^\W\d]\w*)[!?]?\s*(?:::)?(?:<[\w\s,.]*>)?\s*\Z")
_DECLARED = re.compile(r"\b(?:def|func|fn|function|fun|sub)\s+[\w.:?!<>, ]*\Z")
_CLOSERS = {"(": ")", "[": "]", "{": "}"}


class BracketedList(NamedTuple):
    """A list in round brackets, and the word before it."""

    name: str
    open: int
    close: int
    items: tuple[tuple[int, int], ...]
    """Where each item stands, blanks aside."""


def list_at(text: str, opening: int) -> BracketedList | None:
    """Return the list whose opening bracket stands at ``opening``, if it is whole."""
    end = min(len(text), opening + MAX_CHARS)
    stack: list[str] = []
    items: list[tuple[int, int]] = []
    start = opening + 1
    at = opening
    while at < end:
        char = text[at]
        if char in "\"'`":
            at = _past_string(text, at, end)
            continue
        if char in _CLOSERS:
            stack.append(_CLOSERS[char])
        elif char in ")]}":
            if not stack or stack.pop() != char:
                return None
            if not stack:
                _add(text, items, start, at)
                before = text[max(opening - 80, 0) : opening]
                name = _NAME_BEFORE.search(before)
                return BracketedList(name[1] if name else "", opening, at, tuple(items))
        elif char == "," and len(stack) == 1:
            _add(text, items, start, at)
            start = at + 1
        at += 1
    return None


def list_around(view: View, offset: int) -> BracketedList | None:
    """Return the innermost list in round brackets that holds a place."""
    depth, low = 0, max(offset - MAX_CHARS, view.low)
    text = view.text
    for at in range(offset - 1, low - 1, -1):
        char = text[at]
        if char in ")]}":
            depth += 1
        elif char in "([{":
            if depth == 0:
                found = list_at(text, at) if char == "(" else None
                return found if found is not None and found.close >= offset else None
            depth -= 1
    return None


def calls_of(view: View, name: str) -> Iterator[BracketedList]:
    """Yield the lists behind a name: its calls, and its declarations."""
    for match in view.find(rf"(?<!\w){re.escape(name)}[!?]?\s*\("):
        found = list_at(view.text, match.end() - 1)
        if found is not None:
            yield found


def is_declaration(view: View, opening: int) -> bool:
    """Tell whether a list is one of parameters."""
    facts = view.facts(opening, opening + 1)
    if "param" in facts.node or "param" in facts.parent:
        return True
    head = view.text[max(view.text.rfind("\n", 0, opening), opening - 200) + 1 : opening]
    return _DECLARED.search(head) is not None


def _add(text: str, items: list[tuple[int, int]], start: int, end: int) -> None:
    piece = text[start:end]
    if piece.strip():
        begin = start + len(piece) - len(piece.lstrip())
        items.append((begin, begin + len(piece.strip())))


def _past_string(text: str, at: int, end: int) -> int:
    quote = text[at]
    after = at + 1
    while after < end and text[after] != quote:
        if text[after] == "\n" and quote != "`":
            return at + 1  # an apostrophe, not a string
        after += 2 if text[after] == "\\" else 1
    return after + 1 if after < end else at + 1
