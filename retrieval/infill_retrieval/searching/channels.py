"""The channels that snippets come by: one table, and the picks of each for a query, best first.

A new channel is its name in :class:`~infill_retrieval.types.Channel` and an entry of ``CHANNELS``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from infill_retrieval.indexing.analysis import Details, signature
from infill_retrieval.indexing.bm25 import Floats, Hit, Ranking
from infill_retrieval.searching.candidate import Candidate
from infill_retrieval.searching.related import Related
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
class Pick:
    """A declaration or a window that might help, of which the text is still to be read."""

    key: str
    """Of the file that it is in."""
    details: Details
    number: int
    """Of the declaration, or of the window in a channel of windows, in ``details``."""
    channel: Channel
    score: float

    def cut(self, path: str, lines: Sequence[str]) -> Candidate:
        """Return the candidate, given the lines of its file and what the prompt calls that."""
        found: dict[int, str] = {}
        if self.channel in WINDOWS:
            window = self.details.window(self.number)
            for line in range(window.first_line, window.last_line + 1):
                found[line] = lines[line].rstrip()
        else:
            # A member is shown below the line of its class.
            place = self.number
            while place >= 0:
                declaration = self.details.declaration(place)
                found.setdefault(declaration.first_line, signature(lines, declaration))
                place = declaration.parent
        return Candidate(path, self.channel, tuple(sorted(found.items())), self.score)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where picks are taken from: files by key, how they weigh, how their declarations score."""

    details_of: Callable[[str], Details | None]
    boost_of: Callable[[str], float]
    scores_of: Callable[[str], Floats]


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a place when its channels are asked."""

    path: str
    """Of the file being edited; nothing of it is picked."""
    budget_tokens: int
    related: Mapping[str, Related]
    """What is imported, by the key of its file."""
    partial: str
    """What is typed already of a member after the dot at the cursor."""
    declarations: Ranking[str]
    windows: Ranking[str]
    shelf: Shelf


def imported(found: Found) -> list[Pick]:
    """Return declarations of imported files."""
    related, shelf, best_score = found.related, found.shelf, found.declarations.best_score
    best = best_score if best_score > 0 else 1.0
    ranked: list[tuple[float, str, int]] = []
    for key, wanted in related.items():
        if (details := shelf.details_of(key)) is None:
            continue
        scores = shelf.scores_of(key)
        boost = shelf.boost_of(key)
        for number, weight in enumerate(_weights(details, wanted, found.partial)):
            if weight > 0:
                own = max(float(scores[number]), 0.0) if number < len(scores) else 0.0
                ranked.append(((weight * IMPORT_BONUS * best + own) * boost, key, number))
    ranked.sort(key=lambda item: (-item[0], item[1], item[2]))
    picks: list[Pick] = []
    members: Counter[tuple[str, int]] = Counter()
    for score, key, number in ranked:
        if len(picks) == MAX_CANDIDATES:
            break
        if (details := shelf.details_of(key)) is None:
            continue
        place = details.outline.declarations[number].parent
        if place >= 0:
            members[key, place] += 1
            is_receiver = details.outline.declarations[place].name in related[key].receivers
            if members[key, place] > MAX_MEMBERS and not is_receiver:
                continue
        picks.append(Pick(key, details, number, Channel.IMPORTED, score))
    return picks


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


def declarations(found: Found) -> list[Pick]:
    """Return declarations of files that are not imported, by BM25."""
    seen = {*found.related, found.path}
    return [
        Pick(hit.key, details, hit.number, Channel.DECLARATION, score)
        for score, hit, details in _boosted(found.declarations, found.shelf, without=seen)
    ]


def usages(found: Found) -> list[Pick]:
    """Return windows of code, by BM25; some more than the budget has room for."""
    most = max(MIN_WINDOWS, found.budget_tokens // TOKENS_PER_WINDOW)
    return [
        Pick(hit.key, details, hit.number, Channel.USAGE, score)
        for score, hit, details in _boosted(
            found.windows, found.shelf, without={found.path}, most=most
        )
    ]


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """What a channel picks, and what it gets of the budget."""

    channel: Channel
    share: float
    """Part of the budget; what the channel leaves goes to the others."""
    pick: Callable[[Found], list[Pick]]
    is_window: bool = False
    """Its snippets are stretches of a file, each for itself; others of one file are put together."""


CHANNELS: tuple[ChannelRule, ...] = (
    ChannelRule(Channel.IMPORTED, 0.4, imported),
    ChannelRule(Channel.DECLARATION, 0.35, declarations),
    ChannelRule(Channel.USAGE, 0.25, usages, is_window=True),
)
"""In the order of the prompt: what comes last is nearest to the cursor."""
WINDOWS = frozenset(rule.channel for rule in CHANNELS if rule.is_window)


def _boosted(
    ranking: Ranking[str], shelf: Shelf, *, without: set[str], most: int = MAX_CANDIDATES
) -> list[tuple[float, Hit[str], Details]]:
    hits = [
        (_times(hit.score, shelf.boost_of(hit.key)), hit)
        for hit in ranking.top(2 * MAX_CANDIDATES, without)
    ]
    best = sorted(hits, key=lambda pair: -pair[0])[: min(most, MAX_CANDIDATES)]
    return [
        (score, hit, details)
        for score, hit in best
        if (details := shelf.details_of(hit.key)) is not None
    ]


def _fitness(name: str, partial: str) -> float:
    """Return how well a member fits what is typed of it: private ones and dunders rarely do."""
    if partial:
        return 1.5 if name.lower().startswith(partial.lower()) else 0.5
    return 0.5 if name.startswith("_") else 1.0


def _times(score: float, boost: float) -> float:
    """Return a better score for a boost above one, also where Okapi's scores are negative."""
    return score * boost if score >= 0 else score / boost
