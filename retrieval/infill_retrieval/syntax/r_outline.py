"""The declarations and imports of R, found by lines because PyPI has no R grammar.

What begins at the start of a line is taken for a definition at the top level, as R is written
nearly always. Brackets are matched outside of strings and comments, so that signatures of several
lines and the members of R6 and reference classes are found.
"""

from __future__ import annotations

import re

from infill_retrieval.syntax.records import (
    MAX_DECLARATIONS,
    MAX_SIGNATURE_LINES,
    Declaration,
    DeclarationKind,
    Import,
    Outline,
)

_NAME = r"(?:`(?P<ticked>[^`\n]+)`|[\"'](?P<quoted>[^\"'\n]+)[\"']|(?P<plain>[A-Za-z.][\w.]*))"
_ASSIGNED = re.compile(rf"^{_NAME}[ \t]*(?:<<?-|=)[ \t]*(?P<value>[^\s=][^\n]*)", re.MULTILINE)
_FUNCTION = re.compile(r"(?:function|\\)\s*\(")
_CLASS = re.compile(
    r"(?<![\w.])(?:[\w.]++::)?(?:setClass|setRefClass|R6Class|ggproto)\(\s*[\"']([\w.]+)[\"']"
)
_GENERIC = re.compile(r"^set(?:Generic|Method)\(\s*[\"']([^\"'\n]+)[\"']", re.MULTILINE)
_MEMBER = re.compile(r"^[ \t]+([A-Za-z.][\w.]*)[ \t]*=[ \t]*(?:function|\\)\s*\(", re.MULTILINE)
_IMPORT = re.compile(
    r"^[ \t]*(?:suppressPackageStartupMessages\()?"
    r"(?:source|library|require|requireNamespace)\([\"']?([^\"')\n,]+)",
    re.MULTILINE,
)
_STRINGS = {mark: rf"{mark}(?:\\.|[^{mark}\\])*+(?P<end{ord(mark)}>{mark}?)" for mark in "\"'"}
_SKIPPED = {
    marks: re.compile(
        "|".join(["#[^\n]*|`[^`\n]*`", *(_STRINGS[mark] for mark in marks)]), re.DOTALL
    )
    for marks in ("\"'", '"', "'", "")
}
"""Strings and comments, by the marks that begin a string which ends."""
_MAX_SCANNED_CHARS = 20_000
"""Of a class's body; brackets that are never closed must not take quadratic time."""


def outline_r(text: str) -> Outline:
    """Return the outline of an R file: what it declares and imports."""
    finder = _Finder(text, _code_of(text))
    finder.find()
    imports = tuple(Import(match[1].strip()) for match in _IMPORT.finditer(text))
    return Outline(tuple(finder.found[:MAX_DECLARATIONS]), imports)


def _code_of(text: str) -> str:
    """Return the text with blanks for strings and comments, so that places stay what they are.

    A mark that opens a string without an end is none, and neither are those of its kind below it:
    all of them are escaped, or they would be its end.
    """
    pieces: list[str] = []
    place, marks = 0, "\"'"
    while (match := _SKIPPED[marks].search(text, place)) is not None:
        start, mark = match.start(), match[0][0]
        if mark in marks and not match[f"end{ord(mark)}"]:
            marks = marks.replace(mark, "")
            pieces.append(text[place : start + 1])
            place = start + 1
        else:
            pieces += [text[place:start], re.sub(r"[^\n]", " ", match[0])]
            place = match.end()
    return "".join([*pieces, text[place:]])


class _Finder:
    def __init__(self, text: str, code: str) -> None:
        self._text = text
        self._code = code
        self.found: list[Declaration] = []
        self._line = self._counted = 0

    def find(self) -> None:
        assigned = [(match.start(), match) for match in _ASSIGNED.finditer(self._text)]
        generic = [(match.start(), match) for match in _GENERIC.finditer(self._text)]
        classes = [
            (match.start(), match)
            for match in _CLASS.finditer(self._text)
            if match.start() == 0 or self._text[match.start() - 1] == "\n"
        ]
        for place, match in sorted([*assigned, *generic, *classes], key=lambda pair: pair[0]):
            if self._code[place].isspace() and self._text[place] not in "`\"'":
                continue  # inside a string or a comment
            if match.re is _ASSIGNED:
                self._assignment(match)
            elif match.re is _CLASS:
                self._class(match[1], place, match)
            else:
                self._add(match[1], DeclarationKind.FUNCTION, place, self._line_end(place))

    def _assignment(self, match: re.Match[str]) -> None:
        name = match["ticked"] or match["quoted"] or match["plain"]
        value = match.start("value")
        if function := _FUNCTION.match(self._text, value):
            self._add(
                name, DeclarationKind.FUNCTION, match.start(), self._closing(function.end() - 1) + 1
            )
        elif made := _CLASS.match(self._text, value):
            self._class(made[1], match.start(), made)
        else:
            self._add(name, DeclarationKind.VALUE, match.start(), self._line_end(value))

    def _class(self, name: str, start: int, call: re.Match[str]) -> None:
        opening = self._text.index("(", call.start())
        end = self._closing(opening)
        parent = len(self.found)
        self._add(name, DeclarationKind.TYPE, start, self._line_end(start))
        for member in _MEMBER.finditer(self._text, opening, end):
            if not self._code[member.start(1)].isspace():
                closing = self._closing(member.end() - 1) + 1
                self._add(member[1], DeclarationKind.FUNCTION, member.start(1), closing, parent)

    def _add(
        self, name: str, kind: DeclarationKind, start: int, end: int, parent: int = -1
    ) -> None:
        """Add what is declared by ``text[start:end]``."""
        if start < self._counted:
            self._line = self._counted = 0
        self._line += self._code.count("\n", self._counted, start)
        self._counted = start
        extra = self._code.count("\n", start, end)
        if kind is not DeclarationKind.FUNCTION or extra >= MAX_SIGNATURE_LINES:
            extra, column = min(extra, MAX_SIGNATURE_LINES - 1), -1
        else:
            column = end - (self._code.rfind("\n", 0, end) + 1)
        self.found.append(Declaration(name, kind, self._line, self._line + extra, column, parent))

    def _closing(self, opening: int) -> int:
        """Return where the bracket at ``opening`` is closed, or the end of its line."""
        depth = 0
        for place in range(opening, min(len(self._code), opening + _MAX_SCANNED_CHARS)):
            char = self._code[place]
            if char in "([{":
                depth += 1
            elif char in ")]}":
                depth -= 1
                if depth == 0:
                    return place
        return self._line_end(opening) - 1

    def _line_end(self, place: int) -> int:
        end = self._code.find("\n", place)
        return end if end >= 0 else len(self._code)
