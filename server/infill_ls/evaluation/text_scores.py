"""Similarity scores of a completion and the expected text. Pure."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+|\s+|[^\w\s]")


def edit_similarity(left: str, right: str) -> float:
    """Return twice the longest common subsequence over both lengths: 0 to 1, 1 for equal texts.

    It is what CrossCodeEval reports as edit similarity (its ``fuzz.ratio``, over 100). The
    subsequence is found with the bit-vectors of Hyyro (2004), a machine word being any length
    in Python.
    """
    if not left and not right:
        return 1.0
    places: dict[str, int] = {}
    for place, char in enumerate(left):
        places[char] = places.get(char, 0) | 1 << place
    full = (1 << len(left)) - 1
    row = full
    for char in right:
        common = row & places.get(char, 0)
        row = ((row + common) | (row - common)) & full
    subsequence = len(left) - row.bit_count()
    return 2 * subsequence / (len(left) + len(right))


def kept_chars(shown: str, wanted: str) -> int:
    """Return how many characters of ``shown`` a person keeps: whole words, as long as they fit."""
    kept = 0
    for match in _WORD.finditer(shown):
        if not wanted.startswith(shown[: match.end()]):
            break
        after = wanted[match.end() : match.end() + 1]
        if match[0][-1].isalnum() and (after.isalnum() or after == "_"):
            break  # the wanted word is longer
        kept = match.end()
    return kept


def saved_keystrokes(shown: str, wanted: str) -> int:
    """Return the keys saved: what is kept, less one for accepting; none for a kept character."""
    return max(0, kept_chars(shown, wanted) - 1)
