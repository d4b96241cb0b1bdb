"""Turn text into search terms. The same function serves documents and queries.

A word gives itself and, where it is made of several, its camelCase and snake_case parts, all in
lower case: ``HTTPTransport`` gives ``httptransport``, ``http``, ``transport``. A document that
declares ``send_request`` is so found by a call of ``requestSender``.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"\w+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
MAX_WORD_CHARS = 64
"""Longer words are hashes, encoded data or prose without spaces: nobody types them."""
MAX_DIGITS = 4
"""Longer numbers say nothing about code and would fill the vocabulary."""

STOP_WORDS = frozenset(
    [
        "and",
        "as",
        "async",
        "await",
        "bool",
        "break",
        "case",
        "catch",
        "char",
        "class",
        "const",
        "continue",
        "def",
        "default",
        "do",
        "elif",
        "else",
        "end",
        "enum",
        "except",
        "export",
        "extends",
        "extern",
        "false",
        "final",
        "finally",
        "float",
        "fn",
        "for",
        "foreach",
        "from",
        "func",
        "function",
        "get",
        "go",
        "if",
        "implements",
        "import",
        "in",
        "include",
        "int",
        "interface",
        "is",
        "lambda",
        "let",
        "long",
        "mut",
        "namespace",
        "new",
        "nil",
        "none",
        "not",
        "null",
        "of",
        "or",
        "package",
        "pass",
        "pub",
        "private",
        "protected",
        "public",
        "raise",
        "readonly",
        "require",
        "return",
        "self",
        "set",
        "static",
        "str",
        "string",
        "struct",
        "super",
        "switch",
        "then",
        "this",
        "throw",
        "throws",
        "trait",
        "true",
        "try",
        "type",
        "undefined",
        "unsigned",
        "use",
        "using",
        "val",
        "var",
        "virtual",
        "void",
        "while",
        "with",
        "yield",
    ]
)
"""Words of the languages themselves. They are indexed, but nothing is searched for by them."""


def search_terms(text: str) -> list[str]:
    """Return the terms of ``text`` in order, repeats included, in lower case."""
    return [term for word in _WORD.findall(text) for term in terms_of_word(word)]


def is_word_char(char: str) -> bool:
    """Return whether words are made of this character."""
    return _WORD.match(char) is not None


def identifiers(text: str) -> list[str]:
    """Return the words of ``text`` as they are written, in order, repeats included."""
    return _WORD.findall(text)


@lru_cache(maxsize=1 << 15)
def terms_of_word(word: str) -> tuple[str, ...]:
    """Return the terms of one word: itself, then its parts; none for what nobody types."""
    if len(word) == 1 or len(word) > MAX_WORD_CHARS or (word.isdigit() and len(word) > MAX_DIGITS):
        return ()
    whole = word.lower()
    parts = [part.lower() for part in _PART.findall(word) if len(part) > 1 and not part.isdigit()]
    if len(parts) <= 1 and (not parts or parts[0] == whole):
        return (whole,)
    return (whole, *(part for part in parts if part != whole))
