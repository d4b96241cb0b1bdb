"""From a place in a file to what is searched for."""

from __future__ import annotations

from dataclasses import dataclass

from infill_retrieval.chunk import split_lines
from infill_retrieval.types import Query
from infill_retrieval.words import STOP_WORDS, identifiers, search_terms

PREFIX_LINES = 10
SUFFIX_LINES = 5
"""Non-blank lines around the cursor that are searched by; the suffix is the cheapest win there is
(39 % to 52 % of needed identifiers found, in the measurements that this package is built on)."""
CURRENT_LINE_WEIGHT = 2
VISIBLE_LINES = 80
"""Lines before and after the cursor that the model sees anyway: nothing of them is repeated."""
MAX_SCANNED_CHARS = 16_000
"""However long the lines are, no more than this is looked at on either side of the cursor."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is looked for, and what need not be found because it stands around the cursor."""

    terms: tuple[str, ...]
    """Search terms in the order of the text; those of the current line are repeated."""
    visible: frozenset[str]
    """The lines around the cursor, without the white space around them."""
    words: dict[str, float]
    """Identifiers around the cursor; 1.0 for those on its line, less for those further away."""


def search_query(query: Query) -> SearchQuery:
    """Return what to search for at the place of ``query``."""
    before = split_lines(query.prefix[-MAX_SCANNED_CHARS:])
    after = split_lines(query.suffix[:MAX_SCANNED_CHARS])
    current = f"{before[-1]} {after[0]}"
    above = [line for line in before[:-1] if line.strip()]
    below = [line for line in after[1:] if line.strip()]
    terms = search_terms("\n".join(above[-PREFIX_LINES + 1 :]))
    terms += search_terms(current) * CURRENT_LINE_WEIGHT
    terms += search_terms("\n".join(below[:SUFFIX_LINES]))
    visible = {line.strip() for line in (*above[-VISIBLE_LINES:], *below[:VISIBLE_LINES])}
    return SearchQuery(
        tuple(term for term in terms if term not in STOP_WORDS),
        frozenset(visible | {before[-1].strip(), after[0].strip()} - {""}),
        _nearness(above[-VISIBLE_LINES:], current, below[:SUFFIX_LINES]),
    )


def _nearness(above: list[str], current: str, below: list[str]) -> dict[str, float]:
    nearness: dict[str, float] = {}
    for distance, line in enumerate((current, *reversed(above))):
        for word in identifiers(line):
            nearness.setdefault(word, 1 / (1 + distance / PREFIX_LINES))
    for line in below:
        for word in identifiers(line):
            nearness.setdefault(word, 0.5)
    return nearness
