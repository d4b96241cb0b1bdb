"""Build a query from a place in a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from infill_retrieval.indexing.words import STOP_WORDS, identifiers, search_terms
from infill_retrieval.lines import bare_lines
from infill_retrieval.types import Query

PREFIX_LINES = 4
SUFFIX_LINES = 3
"""Non-blank lines around the cursor that are searched by, that of the cursor included. Few and
near beats many: with 15 lines a fifth of the identifiers found by 4 is lost (docs/retrieval.md)."""
CURRENT_LINE_WEIGHT = 4
NEAR_LINES = 5
"""Distance in lines at which a word counts half as near as one on the line of the cursor."""
BELOW_WEIGHT = 0.5
"""How near a word of the lines below the cursor counts that are searched by."""
FAR_BELOW_WEIGHT = 0.3
"""The same for those further below: what a file uses there it may well use here."""
NEAR_ABOVE_LINES = 80
"""Non-blank lines above the cursor whose words count as near it."""
CHARS_PER_TOKEN = 3
"""A token of source has about so many characters; rather few, so that what the prompt does not show
is not taken for shown."""
MAX_SCANNED_CHARS = 16_000
"""However long the lines are, no more than this is looked at on either side of the cursor."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query: what to search for, and what to leave out because it is near the cursor."""

    terms: tuple[str, ...]
    """Search terms in the order of the text; those of the current line are repeated."""
    visible: frozenset[str]
    """The lines that the prompt shows of the file, without the white space around them."""
    receiver: str
    """The name before the dot before the cursor, or nothing."""
    receiver_types: tuple[str, ...]
    """Names that the text around the cursor gives for the type of the receiver."""
    partial: str
    """What is typed already of the name at the cursor."""
    words: dict[str, float]
    """Identifiers around the cursor; 1.0 for those on its line, less for those further away."""


def search_query(query: Query) -> SearchQuery:
    """Return what to search for at the place of ``query``."""
    before = bare_lines(query.prefix[-MAX_SCANNED_CHARS:])
    after = bare_lines(query.suffix[:MAX_SCANNED_CHARS])
    current = f"{before[-1]} {after[0]}"
    above = [line for line in before[:-1] if line.strip()]
    below = [line for line in after[1:] if line.strip()]
    terms = search_terms("\n".join(above[-PREFIX_LINES + 1 :]))
    terms += search_terms(current) * CURRENT_LINE_WEIGHT
    terms += search_terms("\n".join(below[:SUFFIX_LINES]))
    visible = {
        line.strip()
        for line in (
            *_shown(reversed(above), query.shown_before_tokens),
            *_shown(below, query.shown_after_tokens),
        )
    }
    receiver, partial = _receiver(before[-1])
    around = "\n".join((*before, *after)) if receiver else ""
    return SearchQuery(
        tuple(term for term in terms if term not in STOP_WORDS),
        frozenset(visible | {before[-1].strip(), after[0].strip()} - {""}),
        receiver,
        _types_of(receiver, around),
        partial,
        _nearness(above[-NEAR_ABOVE_LINES:], current, below),
    )


def _shown(lines: Iterable[str], tokens: int) -> Iterator[str]:
    """Yield the lines, nearest first, that so many tokens have room for."""
    left = tokens * CHARS_PER_TOKEN
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            return
        yield line


_RECEIVER = re.compile(r"([^\W\d]\w*)(?:\(\)|\[\w*\])?\s*(?:\?\.|\.|->|::)\s*(\w*)$")
_PARTIAL = re.compile(r"[^\W\d]\w*$")
_RECEIVER_CHARS = 200


def _receiver(line: str) -> tuple[str, str]:
    line = line[-_RECEIVER_CHARS:]  # the patterns take quadratic time on a huge word
    if match := _RECEIVER.search(line):
        return match[1], match[2]
    word = _PARTIAL.search(line)
    return "", word[0] if word else ""


def _types_of(receiver: str, text: str) -> tuple[str, ...]:
    if not receiver:
        return ()
    found: dict[str, None] = {}
    for match in re.finditer(rf"(?<!\w){re.escape(receiver)}(?!\w)", text):
        after = text[match.end() : match.end() + _TYPE_CHARS]
        before = text[max(0, match.start() - _TYPE_CHARS) : match.start()]
        for hit in (_TYPE_AFTER.match(after), _TYPE_BEFORE.search(before)):
            if hit is not None:
                found[hit[1]] = None
    return tuple(found)


_TYPE_CHARS = 120
_TYPE_AFTER = re.compile(
    r"""(?:\??\s*:\s*(?:readonly\s|&|mut\s|dyn\s|\w+\[)*["']?  # name: Type, name: Optional[Type
       |\s*:?=\s*(?:await\s|new\s|&)*                       # name = Type(...), name := &Type{
       |[ \t]+\*?)                                          # name *Type
       (?:\w+(?:\.|::))*([A-Z]\w*)""",
    re.VERBOSE,
)
_TYPE_BEFORE = re.compile(r"(?<!\w)([A-Z]\w*)(?:<[^<>\n]*>)?(?:\[\])?[ \t*&]+$")  # Type name


def _nearness(above: list[str], current: str, below: list[str]) -> dict[str, float]:
    nearness: dict[str, float] = {}
    for distance, line in enumerate((current, *reversed(above))):
        for word in identifiers(line):
            nearness.setdefault(word, 1 / (1 + distance / NEAR_LINES))
    for distance, line in enumerate(below):
        weight = BELOW_WEIGHT if distance < SUFFIX_LINES else FAR_BELOW_WEIGHT
        for word in identifiers(line):
            nearness.setdefault(word, weight)
    return nearness
