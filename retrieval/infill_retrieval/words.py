"""Text to search terms. The same function serves documents and queries."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+")


def search_terms(text: str) -> list[str]:
    """Return the words of ``text`` in order, repeats included, in lower case."""
    return [word.lower() for word in _WORD.findall(text)]
