"""Source text as tokens, in any language: words, numbers, line ends, single marks.

Coarser than a grammar's and the same in all languages, broken text included.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(r"[^\W\d]\w*|\d(?:[\w.]*\w)?|\r\n|[\r\n]|[^\S\r\n]+|.", re.DOTALL)
_WORD = re.compile(r"[^\W\d]\w*")
_SUBWORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
MAX_IDENTIFIER_CHARS = 80
"""A longer word is not taken apart."""


class CodeToken(NamedTuple):
    """A token and where it starts."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)


def tokens(text: str) -> list[CodeToken]:
    """Return the tokens of ``text``; blanks are none, line ends are."""
    found = (CodeToken(match[0], match.start()) for match in _TOKEN.finditer(text))
    return [token for token in found if not token.text.isspace() or token.text[0] in "\r\n"]


def texts(text: str) -> tuple[str, ...]:
    """Return the texts of the tokens of ``text``."""
    return tuple(token.text for token in tokens(text))


def is_word(text: str) -> bool:
    """Tell whether ``text`` is one identifier or keyword."""
    return _WORD.fullmatch(text) is not None


def has_word(text: str) -> bool:
    """Tell whether there is a letter or a digit in ``text``."""
    return any(char.isalnum() for char in text)


def bounded(text: str) -> str:
    """Return a pattern of ``text`` where its ends are no part of longer words."""
    before = r"(?<!\w)" if text[:1].isalnum() or text[:1] == "_" else ""
    after = r"(?!\w)" if text[-1:].isalnum() or text[-1:] == "_" else ""
    return f"{before}{re.escape(text)}{after}"


def subwords(identifier: str) -> list[str]:
    """Return the words of an identifier in lower case: ``parseHTTPUrl`` is parse, http, url."""
    if len(identifier) > MAX_IDENTIFIER_CHARS:
        return [identifier.lower()]
    return [word.lower() for word in _SUBWORD.findall(identifier)]


def casings(words: list[str]) -> dict[str, str]:
    """Return the ways in which words are written as one identifier, by the name of the way."""
    capitals = [word[:1].upper() + word[1:] for word in words]
    return {
        "snake": "_".join(words),
        "upper": "_".join(words).upper(),
        "camel": words[0] + "".join(capitals[1:]),
        "pascal": "".join(capitals),
        "kebab": "-".join(words),
        "joined": "".join(words),
    }
