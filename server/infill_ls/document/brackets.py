"""Brackets, strings and comments of a text, by a scan that needs no whole program.

A parser says what a finished text is; here the text ends at a cursor, in the middle of things. The
scan knows which brackets are open there, and whether the place is in a string or a comment. It
reads the quotes and comment marks of the language, and takes an unfinished string for one that
ends with its line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from infill_ls.document.lines import indent_columns
from infill_retrieval.syntax import Language

CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
OPENER_OF = {closer: opener for opener, closer in CLOSER_OF.items()}

_COMMENT_ENDS = {"/*": "*/", "<!--": "-->", "{-": "-}"}


@dataclass(frozen=True, slots=True)
class Bracket:
    """A bracket in code: not in a string, not in a comment."""

    char: str
    offset: int
    indent: int
    """Columns that its line is indented by."""
    starts_line: bool
    """Whether only white space and closing brackets stand before it on its line."""


@dataclass(frozen=True, slots=True)
class State:
    """What is going on at a place of a text."""

    open: tuple[Bracket, ...] = ()
    """Brackets that are not closed yet, outermost first."""
    unmatched: tuple[Bracket, ...] = ()
    """Closing brackets whose opener is not in the text, in order."""
    string: str = ""
    """The mark that ends the string the place is in, or ``""``."""
    comment: str = ""
    """The mark that began the comment the place is in, or ``""``."""

    @property
    def in_code(self) -> bool:
        """Whether the place is neither in a string nor in a comment."""
        return not self.string and not self.comment


START = State()


def scan(language: Language, text: str, state: State = START, at: str = "") -> State:
    """Return the state at the end of ``text``.

    ``state`` is that at its beginning, and ``at`` what stands before it on its line. Offsets in
    the result count from the beginning of ``text``; those of brackets of ``state`` stay.
    """
    tokens = _tokens_of(language)
    open_brackets, unmatched = list(state.open), list(state.unmatched)
    position, inside_string, inside_comment = 0, state.string, state.comment
    while True:
        if inside_string or inside_comment:
            end = _end_of(text, position, inside_string, inside_comment)
            if end < 0:
                return State(tuple(open_brackets), tuple(unmatched), inside_string, inside_comment)
            position, inside_string, inside_comment = end, "", ""
        token = tokens.search(text, position)
        if token is None:
            return State(tuple(open_brackets), tuple(unmatched))
        position = token.end()
        if token.lastgroup == "comment":
            inside_comment = token[0]
        elif token.lastgroup == "string":
            inside_string = token[0]
        elif token.lastgroup == "bracket":
            bracket = _bracket(text, token.start(), at)
            if bracket.char in CLOSER_OF:
                open_brackets.append(bracket)
            elif open_brackets and CLOSER_OF[open_brackets[-1].char] == bracket.char:
                open_brackets.pop()
            else:
                unmatched.append(bracket)


@lru_cache(maxsize=16)
def state_after(language: Language, text: str) -> State:
    """Return what :func:`scan` does, from its memory for text that stays while a line is typed."""
    return scan(language, text)


def closed_by(openers: Sequence[Bracket], closers: Sequence[Bracket]) -> set[int]:
    """Return the places in ``openers`` of the brackets that ``closers``, further down, close.

    ``openers`` are open at the cursor, outermost first; ``closers`` are those of the text after it
    whose openers are not there. The innermost takes the first closer of its kind, but not one that
    begins a line and is indented less than the opener's line: that belongs to an outer bracket.
    """
    closed: set[int] = set()
    next_closer = 0
    for place in range(len(openers) - 1, -1, -1):
        if next_closer == len(closers):
            break
        opener, closer = openers[place], closers[next_closer]
        is_outer = closer.starts_line and closer.indent < opener.indent
        if CLOSER_OF[opener.char] == closer.char and not is_outer:
            closed.add(place)
            next_closer += 1
    return closed


def _bracket(text: str, offset: int, at: str) -> Bracket:
    line = text.rfind("\n", 0, offset) + 1
    before = text[line:offset] if line else at + text[:offset]
    return Bracket(text[offset], offset, indent_columns(before), not before.strip(" \t)]}"))


@cache
def _tokens_of(language: Language) -> re.Pattern[str]:
    marks = {language.comment, *language.further_comments}
    comment = "|".join(map(re.escape, sorted(marks, reverse=True)))
    inner, outer = (r"(?<!\S)", r"(?<!\w)") if language.words_hold_marks else ("", "")
    parts = [*language.literals, f"{inner}(?P<comment>{comment})"]
    if language.quotes:
        parts.append(f"{outer}(?P<string>{'|'.join(language.quotes)})")
    parts.append(r"(?P<bracket>[()\[\]{}])")
    return re.compile("|".join(parts))


def _end_of(text: str, position: int, string: str, comment: str) -> int:
    """Return where the string or comment that ``position`` is in ends, or -1 if not in ``text``."""
    if comment:
        mark = _COMMENT_ENDS.get(comment, "\n")
        end = text.find(mark, position)
        return end + len(mark) if end >= 0 else -1
    match = _rest_of_string(string).match(text, position)
    return match.end() if match is not None else -1


@cache
def _rest_of_string(mark: str) -> re.Pattern[str]:
    if len(mark) > 1 or mark == "`":
        return re.compile(rf"(?:\\[\s\S]|(?!{mark})[^\\])*{mark}")
    return re.compile(rf"(?:\\[\s\S]|[^\\{mark}\n])*[{mark}\n]")
