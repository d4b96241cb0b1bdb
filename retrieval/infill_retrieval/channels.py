"""The candidates of each channel for a query, best first."""

from __future__ import annotations

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
MIN_WINDOWS = 8
TOKENS_PER_WINDOW = 50
"""Half of what a window takes: more of them than fit are considered, as some are repetitions. Few,
since each line has to be tokenized once, which at a new place takes longer than all the rest."""
MAX_MEMBERS = 10
"""Most members of one class that are shown because the class is imported."""
MEMBER_WEIGHT = 0.6
"""What a class's weight is worth to its members."""
RECEIVER_WEIGHT = 1.2
"""Weight of what can follow the dot before the cursor: members of a class or of a module."""
IMPORT_BONUS = 0.7
"""Part of the best BM25 score that the full weight of an import adds to a declaration's own."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where candidates are taken from: the files by key, what they are called, how they weigh."""

    details_of: Callable[[str], Details | None]
    name_of: Callable[[str], str]
    boost_of: Callable[[str], float]


def imported(
    related: Mapping[str, Related], ranking: Ranking[str], shelf: Shelf, partial: str = ""
) -> tuple[list[Candidate], set[str]]:
    """Return declarations of imported files, and which files those are.

    ``partial`` is what is typed already of a member after the dot at the cursor.
    """
    best = ranking.best_score if ranking.best_score > 0 else 1.0
    ranked: list[tuple[float, str, int]] = []
    for key, wanted in related.items():
        if (details := shelf.details_of(key)) is None:
            continue
        scores = ranking.scores_of(key)
        boost = shelf.boost_of(key)
        for number, weight in enumerate(_weights(details, wanted, partial)):
            if weight > 0:
                own = max(float(scores[number]), 0.0) if number < len(scores) else 0.0
                ranked.append(((weight * IMPORT_BONUS * best + own) * boost, key, number))
    ranked.sort(key=lambda item: (-item[0], item[1], item[2]))
    candidates: list[Candidate] = []
    members: Counter[tuple[str, int]] = Counter()
    for score, key, number in ranked:
        if len(candidates) == MAX_CANDIDATES:
            break
        if (details := shelf.details_of(key)) is None:
            continue
        place = details.outline.declarations[number].parent
        if place >= 0:
            members[key, place] += 1
            is_receiver = details.outline.declarations[place].name in related[key].receivers
            if members[key, place] > MAX_MEMBERS and not is_receiver:
                continue
        candidates.append(
            _declaration(details, number, shelf.name_of(key), Channel.IMPORTED, score)
        )
    return candidates, set(related)


def _weights(details: Details, wanted: Related, partial: str) -> list[float]:
    """Return the weight of each declaration of a file that is imported."""
    found = details.outline.declarations
    inherited: list[float] = []
    weights: list[float] = []
    for declaration in found:
        weight = wanted.weight(declaration.name)
        follows_dot = wanted.is_receiver
        if declaration.parent >= 0:
            # A method that happens to be called as something nearby is no imported name.
            weight = max(inherited[declaration.parent] * MEMBER_WEIGHT, 0.5 * weight)
            follows_dot = found[declaration.parent].name in wanted.receivers
        inherited.append(weight)
        if follows_dot:
            weight = max(weight, RECEIVER_WEIGHT * _fitness(declaration.name, partial))
        weights.append(weight)
    return weights


def declarations(ranking: Ranking[str], shelf: Shelf, without: set[str]) -> list[Candidate]:
    """Return declarations of files that are not imported, by BM25."""
    candidates = []
    for score, hit in _boosted(ranking, shelf, without):
        if (details := shelf.details_of(hit.key)) is not None:
            name = shelf.name_of(hit.key)
            candidates.append(_declaration(details, hit.number, name, Channel.DECLARATION, score))
    return candidates


def usages(
    ranking: Ranking[str], shelf: Shelf, without: set[str], budget_tokens: int
) -> list[Candidate]:
    """Return windows of code, by BM25; some more than ``budget_tokens`` have room for."""
    candidates = []
    most = max(MIN_WINDOWS, budget_tokens // TOKENS_PER_WINDOW)
    for score, hit in _boosted(ranking, shelf, without)[:most]:
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


def _fitness(name: str, partial: str) -> float:
    """Return how well a member fits what is typed of it: private ones and dunders rarely do."""
    if partial:
        return 1.5 if name.lower().startswith(partial.lower()) else 0.5
    return 0.5 if name.startswith("_") else 1.0


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
        lines.setdefault(declaration.first_line, details.signature(declaration))
        place = declaration.parent
    return Candidate(name, channel, tuple(sorted(lines.items())), score)
