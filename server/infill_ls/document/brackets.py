"""Scan a text for what is open at a place: brackets, strings, comments and tags.

A parser says what a finished text is; here the text ends at a cursor, in the middle of things. The
scan keeps a stack of what is open, by the rules of the language's entry in the table: code within a
string (``f"{x}"``) is code again, and a string that does not span lines ends with its line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

from infill_ls.document.lines import indent_columns
from infill_retrieval.syntax import Language, language_named
from infill_retrieval.syntax.strings import ATTRIBUTES, StringRule

CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
_COMMENT_ENDS = {"/*": "*/", "<!--": "-->", "{-": "-}", "(*": "*)", "<#": "#>"}
_TEMPLATES = {"{{": "}}", "{%": "%}", "<%": "%>", "<?": "?>"}
"""Marks between which code stands in the text of markup, whatever makes pages of it."""


class BracketKind(StrEnum):
    """What is open."""

    BRACKET = "bracket"
    STRING = "string"
    COMMENT = "comment"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Bracket:
    """Something that is open, or that closes something."""

    char: str
    """The mark itself."""
    offset: int
    indent: int
    """Columns that its line is indented by."""
    starts_line: bool
    """Whether only white space and closing brackets stand before it on its line."""
    closer: str = ""
    """The mark that ends what this opens; empty for one that closes."""
    kind: BracketKind = BracketKind.BRACKET
    rule: StringRule | None = None
    inner: Language | None = None
    """The language inside, where it is another one than outside."""
    depth: int = -1
    """Of one that closes: the place in the first state's ``open`` of what it closes, or -1."""


@dataclass(frozen=True, slots=True)
class ScanState:
    """What is going on at a place of a text."""

    open: tuple[Bracket, ...] = ()
    """What is not closed yet, outermost first."""
    unmatched: tuple[Bracket, ...] = ()
    """Closing brackets whose opener is not there, in order."""
    closed: tuple[Bracket, ...] = ()
    """What closed things that were open at the beginning of the scan, in order."""

    @property
    def string(self) -> str:
        """The mark that ends the string the place is in, or ``""``."""
        return self.open[-1].closer if self._is_in(BracketKind.STRING) else ""

    @property
    def comment(self) -> str:
        """The mark that began the comment the place is in, or ``""``."""
        return self.open[-1].char if self._is_in(BracketKind.COMMENT) else ""

    @property
    def in_code(self) -> bool:
        """Whether the place is neither in a string nor in a comment."""
        return not self._is_in(BracketKind.STRING) and not self._is_in(BracketKind.COMMENT)

    @property
    def outer_closers(self) -> tuple[Bracket, ...]:
        """All that closes what was opened before, whether that is known or not, in order."""
        return tuple(sorted((*self.closed, *self.unmatched), key=lambda one: one.offset))

    def _is_in(self, kind: BracketKind) -> bool:
        return bool(self.open) and self.open[-1].kind is kind


START = ScanState()


def scan(
    language: Language, text: str, state: ScanState = START, at: str = "", *, strict: bool = False
) -> ScanState:
    """Return the state at the end of ``text``.

    ``state`` is that at its beginning, and ``at`` what stands before it on its line. Offsets in
    the result count from the beginning of ``text``; those of brackets of ``state`` stay. A closing
    bracket that fits only further out closes that, as what is within was left unfinished;
    ``strict``ly it has no opener.
    """
    stack = list(state.open)
    outer = len(stack)  # so many of the first state's are still open
    unmatched: list[Bracket] = []
    closed: list[Bracket] = []
    position = 0
    while (token := _next_token(language, stack, text, position)) is not None:
        position = token.end()
        name, mark = token.lastgroup, token[0]
        if name is None or name == "raw":
            continue  # a literal: whatever it holds is no mark
        if name == "newline":
            while stack and _ends_with_line(stack):
                stack.pop()
            outer = min(outer, len(stack))
        elif name == "close":
            found = _opener_of(stack, mark, strict=strict)
            if found is None:
                if mark not in language.stray_closers:
                    unmatched.append(_bracket(text, token.start(), at, mark))
                continue
            if found < outer:
                closed.append(_bracket(text, token.start(), at, mark, depth=found))
                outer = found
            del stack[found:]
        else:
            stack.append(_opened(language, stack, token, text, at))
    return ScanState(tuple(stack), tuple(unmatched), tuple(closed))


@lru_cache(maxsize=16)
def state_after(language: Language, text: str) -> ScanState:
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
        if opener.closer == closer.char and not is_outer:
            closed.add(place)
            next_closer += 1
    return closed


def _opener_of(stack: Sequence[Bracket], mark: str, *, strict: bool) -> int | None:
    """Return the place of what ``mark`` closes, not looking out of a string."""
    for place in range(len(stack) - 1, -1, -1):
        one = stack[place]
        if one.closer == mark or (one.kind is BracketKind.TAG and mark == "/>"):
            return place
        if strict or one.kind is not BracketKind.BRACKET:
            return None
    return None


def _ends_with_line(stack: Sequence[Bracket]) -> bool:
    """Whether the line end ends the innermost thing, or a string that it stands in."""
    if stack[-1].kind is BracketKind.COMMENT:
        return stack[-1].closer == "\n"
    return _is_in_line_string(stack)


def _is_in_line_string(stack: Sequence[Bracket]) -> bool:
    """Whether the innermost thing stands in a string that ends with its line."""
    return any(one.rule is not None and not one.rule.spans_lines for one in stack)


def _opened(
    language: Language, stack: Sequence[Bracket], token: re.Match[str], text: str, at: str
) -> Bracket:
    """Return what ``token`` opens."""
    name, mark = token.lastgroup or "", token[0]
    inner = _inner(language, stack)
    start = _bracket(text, token.start(), at, mark)
    closer, kind, rule = CLOSER_OF.get(mark, ""), BracketKind.BRACKET, None
    of: Language | None = stack[-1].inner if stack else None
    if name == "comment":
        closer, kind = _COMMENT_ENDS.get(mark, "\n"), BracketKind.COMMENT
    elif name == "tag":
        closer, kind = ">", BracketKind.TAG
    elif name == "template":
        closer, of = _TEMPLATES[mark], language_named("javascript")
    elif name == "code":
        outer = stack[-1].rule
        assert outer is not None
        closer = dict(outer.code)[mark]
    elif name.startswith("string"):
        kind = BracketKind.STRING
        is_tag = bool(stack) and stack[-1].kind is BracketKind.TAG
        rule = (ATTRIBUTES if is_tag else inner.strings)[int(name.removeprefix("string"))]
        fence = token["fence"] if "(?P<fence>" in rule.opens else ""
        closer = rule.closes.replace("%", fence)
    return Bracket(
        start.char, start.offset, start.indent, start.starts_line, closer, kind, rule, of
    )


def _inner(language: Language, stack: Sequence[Bracket]) -> Language:
    """Return the language at the end of ``stack``."""
    return (stack[-1].inner or language) if stack else language


def _next_token(
    language: Language, stack: Sequence[Bracket], text: str, position: int
) -> re.Match[str] | None:
    inner = _inner(language, stack)
    if not stack:
        return _code_tokens(inner, "", False).search(text, position)
    top = stack[-1]
    if top.kind is BracketKind.STRING:
        assert top.rule is not None
        return _string_tokens(top.rule, top.closer).search(text, position)
    if top.kind is BracketKind.COMMENT:
        return _comment_tokens(top.closer).search(text, position)
    if top.kind is BracketKind.TAG:
        return _tag_tokens().search(text, position)
    closer = top.closer if len(top.closer) > 1 else ""
    return _code_tokens(inner, closer, _is_in_line_string(stack)).search(text, position)


def _bracket(text: str, offset: int, at: str, mark: str, depth: int = -1) -> Bracket:
    line = text.rfind("\n", 0, offset) + 1
    before = text[line:offset] if line else at + text[:offset]
    indent, starts_line = indent_columns(before), not before.strip(" \t)]}")
    return Bracket(mark, offset, indent, starts_line, depth=depth)


@cache
def _code_tokens(language: Language, closer: str, in_line: bool) -> re.Pattern[str]:
    """Return what is looked for in code; ``closer`` is the mark that ends it, if not one character."""
    closers = f"{re.escape(closer)}|[)\\]}}]" if closer else r"[)\]}]"
    newline = [r"(?P<newline>\n)"] if in_line else []
    if language.is_markup:
        marks = "|".join(map(re.escape, _TEMPLATES))
        parts = [
            r"(?i:<(?P<raw>script|style)\b[^<>]{0,999}>[\s\S]{0,20000}?</(?P=raw)\s*>)",
            "(?P<comment><!--)",
            f"(?P<template>{marks})",
            r"</[\w:.-]*\s*>",
            r"(?P<tag><[A-Za-z][\w:.-]*)",
        ]
        return re.compile("|".join(parts))
    if language.is_prose:
        return re.compile(r"(?!)")
    comments = sorted({language.comment, *language.further_comments}, reverse=True)
    inner, outer = (r"(?<!\S)", r"(?<!\w)") if language.words_hold_marks else ("", "")
    parts = [
        *language.literals,
        f"{inner}(?P<comment>{'|'.join(map(re.escape, comments))})",
        *(
            f"{outer}(?P<string{number}>{rule.opens})"
            for number, rule in enumerate(language.strings)
        ),
        r"(?P<open>[(\[{])",
        f"(?P<close>{closers})",
        *newline,
    ]
    return re.compile("|".join(parts))


@lru_cache(maxsize=256)  # a fence, as in R"fence(...)fence", may be anything
def _string_tokens(rule: StringRule, closer: str) -> re.Pattern[str]:
    end = re.escape(closer)
    parts = list(map(re.escape, rule.plain))
    if rule.code:
        parts.append(f"(?P<code>{'|'.join(re.escape(mark) for mark, _ in rule.code)})")
    if rule.escapes:
        parts.append(r"\\[\s\S]")
    if rule.doubles:
        parts.append(end + end)
    parts.append(f"(?P<close>{end})")
    if not rule.spans_lines:
        parts.append(r"(?P<newline>\n)")
    return re.compile("|".join(parts))


@cache
def _comment_tokens(closer: str) -> re.Pattern[str]:
    return re.compile(r"(?P<newline>\n)" if closer == "\n" else f"(?P<close>{re.escape(closer)})")


@cache
def _tag_tokens() -> re.Pattern[str]:
    strings = [f"(?P<string{n}>{rule.opens})" for n, rule in enumerate(ATTRIBUTES)]
    return re.compile("|".join([*strings, r"(?P<close>/?>)"]))
