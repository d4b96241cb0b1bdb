"""Cut what a model wrote to one statement and take its identifiers, as CrossCodeEval does. Pure."""

from __future__ import annotations

import keyword
import re

from infill_retrieval.syntax import Language, parse

_COMMENT = re.compile(r"(?:#|//).*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|' + r"'(?:[^'\\]|\\.)*'")
_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_C_LIKE = frozenset(
    """
    abstract as async await base bool boolean break byte case catch char class const continue
    default delegate delete do double else enum event explicit export extends extern false final
    finally fixed float for foreach from function get goto if implements implicit import in
    instanceof int interface internal is let lock long namespace native new null object operator
    out override package params private protected public readonly ref return sbyte sealed set
    short sizeof static string struct super switch synchronized this throw throws transient true
    try type typeof uint ulong undefined unsafe ushort using var virtual void volatile while
    with yield
    """.split()  # noqa: SIM905 - easier to read
)
"""Keywords of Java, TypeScript and C#."""


def first_statement(language: Language, before: str, written: str) -> str:
    """Return the beginning of ``written`` that is one statement.

    In Python the shortest that ends at a line end and with which ``before`` parses; in languages
    with braces all up to the first semicolon or brace, which belongs to it.
    """
    if language.indented:
        for match in re.finditer("\n", written):
            part = written[: match.start()]
            tree = parse(language, before + part)
            if part.strip() and tree is not None and not tree.error_count():
                return part.rstrip()
        return written
    end = re.search("[;{}]", written)
    return written[: end.end()] if end else written


def without_comments(text: str) -> str:
    """Take off what looks like a comment, up to the line's end."""
    return _COMMENT.sub("", text)


def identifiers(language: Language, text: str) -> list[str]:
    """Return the identifiers outside of strings, in order; keywords are none."""
    keywords = keyword.kwlist if language.name == "python" else _C_LIKE
    return [name for name in _NAME.findall(_STRING.sub("", text)) if name not in keywords]
