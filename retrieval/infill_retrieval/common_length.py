"""The lengths of the common beginning and of the common end of two sequences."""

from __future__ import annotations

from collections.abc import Sequence


def common_length(one: Sequence[object], other: Sequence[object]) -> int:
    """Return how many items (tokens, bytes or characters) two of a type begin with in common.

    Halves are compared as slices, in C: a loop over a prompt takes a tenth of a decode step.
    """
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def common_ends(one: Sequence[object], other: Sequence[object]) -> tuple[int, int]:
    """Return how many items two begin with in common, and how many of the rest they end with."""
    head = common_length(one, other)
    return head, common_length(one[head:][::-1], other[head:][::-1])
