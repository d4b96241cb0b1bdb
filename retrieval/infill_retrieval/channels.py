"""The candidates of each channel for a query, best first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infill_retrieval.analysis import Details
from infill_retrieval.bm25 import Hit, Ranking
from infill_retrieval.pack import Candidate
from infill_retrieval.related import Related
from infill_retrieval.types import Channel

MAX_CANDIDATES = 24
"""Candidates of each channel that packing sees; about three times what fits into 512 tokens."""
MAX_MEMBERS = 10
"""Most members of one class that are shown because the class is imported."""
MEMBER_WEIGHT = 0.6
"""What a class's weight is worth to its members."""
IMPORT_BONUS = 0.7
"""Part of the best BM25 score that the full weight of an import adds to a declaration's own."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where candidates are taken from: the files by key, what they are called, how they weigh."""

    details_of: Callable[[str], Details | None]
    name_of: Callable[[str], str]
    boost_of: Callable[[str], float]


def imported(
    related: Mapping[str, Related], ranking: Ranking[str], shelf: Shelf
) -> tuple[list[Candidate], set[str]]:
    """Return declarations of imported files, and which files have been seen to the end."""
    best = max((hit.score for hit in ranking.top(1)), default=1.0)
    ranked: list[tuple[float, str, int]] = []
    for key, wanted in related.items():
        details = shelf.details_of(key)
        if details is None:
            continue
        scores = ranking.scores_of(key)
        declarations = details.outline.declarations
        inherited: list[float] = []
        for number, declaration in enumerate(declarations):
            weight = wanted.weight(declaration.name)
            if declaration.parent >= 0:
                # A method that happens to be called as something nearby is no imported name.
                weight = max(inherited[declaration.parent] * MEMBER_WEIGHT, 0.5 * weight)
            inherited.append(weight)
            own = float(scores[number]) if number < len(scores) else -math.inf
            if weight > 0:
                score = weight * IMPORT_BONUS * best + max(own, 0.0)
                ranked.append((score * shelf.boost_of(key), key, number))
    ranked.sort(key=lambda item: (-item[0], item[1], item[2]))
    candidates: list[Candidate] = []
    members: Counter[tuple[str, int]] = Counter()
    for score, key, number in ranked:
        details = shelf.details_of(key)
        if details is None:
            continue
        parent = details.outline.declarations[number].parent
        members[key, parent] += parent >= 0
        if members[key, parent] > MAX_MEMBERS:
            continue
        candidates.append(
            _declaration(details, number, shelf.name_of(key), Channel.IMPORTED, score)
        )
        if len(candidates) == MAX_CANDIDATES:
            break
    return candidates, set(related)


def declarations(ranking: Ranking[str], shelf: Shelf, without: set[str]) -> list[Candidate]:
    """Return declarations of files that are not imported, by BM25."""
    candidates = []
    for score, hit in _boosted(ranking, shelf, without):
        if (details := shelf.details_of(hit.key)) is not None:
            name = shelf.name_of(hit.key)
            candidates.append(_declaration(details, hit.number, name, Channel.DECLARATION, score))
    return candidates


def usages(ranking: Ranking[str], shelf: Shelf, without: set[str]) -> list[Candidate]:
    """Return windows of code, by BM25."""
    candidates = []
    for score, hit in _boosted(ranking, shelf, without):
        if (details := shelf.details_of(hit.key)) is not None:
            window = details.windows[hit.number]
            lines = details.lines[window.first_line : window.last_line + 1]
            numbered = tuple(enumerate(lines, start=window.first_line))
            candidates.append(Candidate(shelf.name_of(hit.key), Channel.USAGE, numbered, score))
    return candidates


def _boosted(
    ranking: Ranking[str], shelf: Shelf, without: set[str]
) -> list[tuple[float, Hit[str]]]:
    hits = [
        (_times(hit.score, shelf.boost_of(hit.key)), hit)
        for hit in ranking.top(2 * MAX_CANDIDATES, without)
    ]
    return sorted(hits, key=lambda pair: -pair[0])[:MAX_CANDIDATES]


def _times(score: float, boost: float) -> float:
    """Return a better score for a boost above one, also where Okapi's scores are negative."""
    return score * boost if score >= 0 else score / boost


def _declaration(
    details: Details, number: int, name: str, channel: Channel, score: float
) -> Candidate:
    lines: dict[int, str] = {}
    place = number
    while place >= 0:
        declaration = details.outline.declarations[place]
        signature = details.signature(declaration).removesuffix("\n").split("\n")
        for line, text in enumerate(signature, start=declaration.first_line):
            lines.setdefault(line, text)
        place = declaration.parent
    return Candidate(name, channel, tuple(sorted(lines.items())), score)
