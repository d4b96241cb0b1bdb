"""Rules for a replaced name in its other spellings, and as a part of longer names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_ls.next_edit.candidate import EditCandidate, Pattern, Rule
from infill_ls.next_edit.changes import Change, ChangeForm
from infill_ls.next_edit.rules.context import candidate, with_counts
from infill_ls.next_edit.tokens import casings, is_word, subwords

LEAST_CHARS = 4
"""Shorter parts of names mean something else elsewhere."""
MAX_WORDS = 6


def casings_of(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the places where what was replaced in a name stands in another spelling or name."""
    part = part_of(pattern.change)
    if part is None:
        return
    old, new = part
    kin = {one.old for one in pattern.earlier if part_of(one) == part}
    forms = dict(zip(casings(list(old)).values(), casings(list(new)).values(), strict=True))
    if len("".join(old)) < LEAST_CHARS:
        return
    found = []
    choices = "|".join(sorted(map(re.escape, forms), key=len, reverse=True))
    # As its own characters bound the match, no text is looked at twice.
    for match in pattern.view.find(rf"(?:{choices})"):
        start, end = _identifier_around(pattern.view.text, match.start(), match.end())
        whole = pattern.view.text[start:end]
        if whole in {pattern.change.old, pattern.change.new} or end - start > 80:
            continue
        words = subwords(whole)
        if not _holds(words, old) or (_holds(words, new) and len(new) >= len(old)):
            continue
        became = whole.replace(match[0], forms[match[0]])
        if became == whole or any(one.start <= start < one.end for one in pattern.agreeing):
            continue
        is_same_name = [*words] == subwords(pattern.change.old)
        more = {
            "part of a name": float(not is_same_name),
            "parts agree": float(len(kin) > 1),
            "old is short": float(len(match[0]) < 6),
            "new is known": float(pattern.view.has(became)),
        }
        found.append(candidate(pattern, start, whole, became, Rule.CASING, more))
    yield from with_counts(found, pattern)


def part_of(change: Change) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the words of a name that were replaced, and by which, or ``None``."""
    if change.form is not ChangeForm.TOKENS or not is_word(change.old) or not is_word(change.new):
        return None
    old, new = subwords(change.old), subwords(change.new)
    while old and new and old[0] == new[0] and (len(old) > 1 and len(new) > 1):
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1] and (len(old) > 1 and len(new) > 1):
        old, new = old[:-1], new[:-1]
    if not old or not new or old == new or max(len(old), len(new)) > MAX_WORDS:
        return None
    return tuple(old), tuple(new)


def _identifier_around(text: str, start: int, end: int) -> tuple[int, int]:
    low, high = start, end
    while low > 0 and start - low < 80 and (text[low - 1].isalnum() or text[low - 1] == "_"):
        low -= 1
    while high < len(text) and high - end < 80 and (text[high].isalnum() or text[high] == "_"):
        high += 1
    return low, high


def _holds(words: list[str], part: tuple[str, ...]) -> bool:
    size = len(part)
    return any(tuple(words[at : at + size]) == part for at in range(len(words) - size + 1))
