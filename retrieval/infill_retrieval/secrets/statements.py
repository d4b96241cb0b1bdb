"""Judge statements that begin with a secret's name, by their syntax trees.

Only the few lines from the name on are parsed, not the text around them: a text that is being
typed seldom parses as a whole, and what was judged once need not be again while something else is
typed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from infill_retrieval.secrets.named_values import NamedValues
from infill_retrieval.secrets.values import NAME_MARKS, Says, what_name_says
from infill_retrieval.syntax.grammar import SyntaxTree, parse
from infill_retrieval.syntax.language import Language

LINES = 9
"""So many lines, the one with the name among them, are parsed to find its value."""
MAX_CHARS = 6_000
"""Of them: what a line has beyond is judged as a line alone."""
MAX_TEXT_CHARS = 200_000
"""Of all the statements of a text; in those beyond, the line with the name is hidden unseen."""
MAX_NAMES = 20
"""Of a line."""

_NAME = re.compile(r"[A-Za-z_$][\w$]{2,80}(?:-[A-Za-z][\w$]{1,40}){0,4}")
_CONTEXTS: dict[str, tuple[str, ...]] = {
    "c": ("", "f( ", "struct a a = { "),
    "cpp": ("", "f( ", "struct a a = { "),
    "csharp": ("", "class A { ", "f( "),
    "go": ("", "func f() { ", "var ( ", "var a = A{ ", "var a = f( "),
    "java": ("", "class A { ", "f( "),
    "javascript": ("", "f( ", "a = { ", "class A { "),
    "php": ("<?php ", "<?php f( ", "<?php class A { ", "<?php $a = [ "),
    "python": ("", "f( ", "a = { "),
    "ruby": ("", "f( ", "a = { "),
    "rust": ("", "fn f() { f( ", "fn f() { a = A { ", "impl A { "),
    "tsx": ("", "f( ", "a = { ", "class A { "),
    "typescript": ("", "f( ", "a = { ", "class A { "),
}
"""Where the lines may stand, tried until one parses without an error."""
_MARKS = re.compile(r"""["'`%]|<<|#\s{0,8}define""")
"""One of them opens every literal."""
_LONG_MARKS = ('"', "'''", "`")
_DEFINES = re.compile(r"\A\s*(?:\w+\s+){0,6}(?:def|function|func|fn|fun|sub|get)\b")
_GOES_ON = re.compile(r"[=(\[{,:\\+\-*/|&?<>.%]\s*$|\b(?:or|and|else|return|is)\s*$|^\s*$")
"""Ends a line that the next goes on with."""
_CONTINUES = re.compile(r"""\A\s*(?:["'`.?:+|&=%]|(?:or|and|else)\b|[A-Za-z@$]{1,3}\#{0,2}["'`])""")
"""Begins a line that goes on with the one before."""
_COMMENT = re.compile(r"\A\s*(?:#+|//+!?|/\*+|\*|--+|;+)(?:\s?)(?!define)")


def may_say_secret(line: str) -> bool:
    """Return whether a name on the line says that its value is a secret."""
    return any(
        what_name_says(match[0]) is not Says.NOTHING for match in _NAME.finditer(line[:MAX_CHARS])
    )


def secrets_of_statements(
    lines: Sequence[str], numbers: Sequence[int], language: Language
) -> set[int]:
    """Return the lines with the values of the names on the lines ``numbers``."""
    found: set[int] = set()
    chars_left = MAX_TEXT_CHARS
    for number in numbers:
        text = _statement(lines, number)
        if language.name != "bash" and _MARKS.search(text) is None:
            continue
        chars_left -= len(text)
        if chars_left < 0:
            found.add(number)
            continue
        found.update(number + line for line in _judged(language, text))
        if _COMMENT.match(text):
            # What is commented out has been code.
            code = "\n".join(_COMMENT.sub("", line) for line in text.split("\n"))
            found.update(number + line for line in _judged(language, code))
    return found


def _statement(lines: Sequence[str], number: int) -> str:
    some = lines[number : number + _extent(lines[number : number + LINES + 1])]
    indent = len(some[0]) - len(some[0].lstrip())
    text = "\n".join(line[indent if not line[:indent].strip() else 0 :] for line in some)
    return text[:MAX_CHARS]


def _extent(lines: Sequence[str]) -> int:
    """Return how many of the lines belong to what begins in the first, rather too many."""
    depth = 0
    open_marks = dict.fromkeys(_LONG_MARKS, 0)
    most = min(LINES, len(lines))
    if _DEFINES.match(lines[0]):
        return most
    for number, line in enumerate(lines[:most], 1):
        if "<<" in line:
            return most
        depth += sum(line.count(mark) for mark in "([{") - sum(line.count(mark) for mark in ")]}")
        for mark in _LONG_MARKS:
            open_marks[mark] += line.count(mark)
        is_open = depth > 0 or any(count % 2 for count in open_marks.values())
        following = lines[number] if number < len(lines) else ""
        if not is_open and not _GOES_ON.search(line) and not _CONTINUES.match(following):
            return number
    return most


@lru_cache(maxsize=1024)
def _judged(language: Language, text: str) -> tuple[int, ...]:
    """Return the lines of a text with the values of the names on its first line."""
    found: set[int] = set()
    for before in _CONTEXTS.get(language.name, ("",)):
        tree = parse(language, before + text)
        if tree is not None:
            found |= _found_in(tree, len(before))
        if tree is None or not tree.root.has_error:
            break
    return tuple(sorted(found))


def forget() -> None:
    """Clear the cache of judged statements, for tests."""
    _judged.cache_clear()


def _found_in(tree: SyntaxTree, start: int) -> set[int]:
    found: set[int] = set()
    first = tree.text[start:].partition("\n")[0]
    names = [m for m in _NAME.finditer(first) if any(k in m[0].lower() for k in NAME_MARKS)]
    for match in names[:MAX_NAMES]:
        if what_name_says(match[0]) is not Says.NOTHING:
            column = tree.byte_of_offset(start + match.start())
            end = tree.byte_of_offset(start + match.end())
            node = tree.root.descendant_for_byte_range(column, end)
            if node is not None:
                found |= NamedValues(tree, node, match[0]).secret_lines()
    return found
