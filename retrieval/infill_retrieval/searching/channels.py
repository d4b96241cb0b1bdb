"""The channels that snippets come by: one table, and the picks of each for a query, best first.

A new channel is its name in :class:`~infill_retrieval.types.Channel` and an entry of ``CHANNELS``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from infill_retrieval.indexing.analysis import Details, name_hashes, signature
from infill_retrieval.indexing.bm25 import Floats, Hit, Mentions, QueryScores
from infill_retrieval.indexing.terms import hash_terms
from infill_retrieval.searching.candidate import Candidate
from infill_retrieval.searching.cursor import Cursor
from infill_retrieval.searching.related import Related
from infill_retrieval.searching.type_finder import Use
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
MENTION_BONUS = 1.0
"""Part of the best BM25 score that a name gets which windows like the one at the cursor mention."""
NEAR_BONUS = 0.6
"""Part of the best BM25 score that a name gets which stands around the cursor."""
MEMBER_BONUS = 0.7
"""Part of the best BM25 score that whatever may follow the dot gets."""
CALLED_WEIGHT, OVERRIDDEN_WEIGHT = 2.0, 0.8
"""What the signature of what is called, and a member to override, are worth beside a member."""
DEPTH_FACTOR = 0.9
"""What a member of a base class is worth beside one of the class."""
FAR_NEARNESS = 0.5
"""How near a name must be to the cursor for its declaration far up or down the file to be shown."""
SIMILAR_WINDOWS = 24
"""Windows like the one at the cursor whose words count as mentioned."""
IMPORT_BONUS = 0.7
"""Part of the best BM25 score that the full weight of an import adds to a declaration's own."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A declaration or a window that might help, whose text is still to be read."""

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
    edit_boost: Callable[[str, int, int], float]

    def boost_of_declaration(self, key: str, details: Details, number: int) -> float:
        """Return how much more a declaration weighs, edits of what is in it included."""
        found = details.outline.declarations
        last = found[number + 1].first_line - 1 if number + 1 < len(found) else 1 << 30
        first = found[number].first_line
        return self.boost_of(key) * self.edit_boost(key, first, max(first, last))


@dataclass(frozen=True, slots=True)
class Uses:
    """What the code at the cursor is about to use, by how that was told."""

    receiver: Sequence[Use] = ()
    called: Sequence[Use] = ()
    overridden: Sequence[Use] = ()

    def __bool__(self) -> bool:
        return bool(self.receiver or self.called or self.overridden)

    def weighed(self) -> Sequence[tuple[Sequence[Use], float]]:
        """Return the groups with what one of each is worth."""
        return (
            (self.called, CALLED_WEIGHT),
            (self.receiver, 1.0),
            (self.overridden, OVERRIDDEN_WEIGHT),
        )


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """What is known of a place when its channels are asked."""

    path: str
    """Of the file being edited."""
    own: Details
    """What that declares."""
    far: Collection[int]
    """Which of its declarations the prompt does not show anyway."""
    budget_tokens: int
    related: Mapping[str, Related]
    """What is imported, by the key of its file."""
    uses: Uses
    cursor: Cursor
    partial: str
    """What is typed already of a member after the dot at the cursor."""
    words: Mapping[str, float]
    """Words around the cursor, with how near each is."""
    mentions: Mentions
    declarations: QueryScores[str]
    windows: QueryScores[str]
    shelf: Shelf

    def mentioned(self, names: Sequence[str]) -> list[float]:
        """Return how much windows like the one at the cursor mention each of some names."""
        weights: list[float] = self.mentions.of(hash_terms([n.lower() for n in names])).tolist()
        return weights


def members(found: PlaceFacts) -> list[Pick]:
    """Return declarations from other files that the code at the cursor is about to use."""
    shelf, best = found.shelf, max(found.declarations.best_score, 1.0)
    ranked: dict[tuple[str, int], float] = {}
    for group, weight in found.uses.weighed():
        there = [
            (use, details)
            for use in group
            if use.key != found.path and (details := shelf.details_of(use.key)) is not None
        ]
        names = [details.declaration(use.number).name for use, details in there]
        partial = found.partial if group is found.uses.receiver else ""
        for (use, details), name, mention in zip(there, names, found.mentioned(names), strict=True):
            scores = shelf.scores_of(use.key)
            own = max(float(scores[use.number]), 0.0) if use.number < len(scores) else 0.0
            bonus = MEMBER_BONUS + found.words.get(name, 0.0) * NEAR_BONUS + mention * MENTION_BONUS
            score = (
                weight * DEPTH_FACTOR**use.depth * _fitness(name, partial) * (bonus + own / best)
            )
            score *= shelf.boost_of_declaration(use.key, details, use.number)
            place = use.key, use.number
            ranked[place] = max(ranked.get(place, 0.0), score)
    order = sorted(ranked.items(), key=lambda item: (-item[1], item[0]))[:MAX_CANDIDATES]
    return [
        Pick(key, details, number, Channel.MEMBER, score)
        for (key, number), score in order
        if (details := shelf.details_of(key)) is not None
    ]


def far(found: PlaceFacts) -> list[Pick]:
    """Return signatures of the file itself that the prompt does not show and the cursor may need."""
    ranked: dict[int, float] = {}
    uses = found.uses
    for group, weight in uses.weighed():
        partial = found.partial if group is uses.receiver else ""
        for use in group:
            if use.key == found.path and use.number in found.far:
                name = found.own.declaration(use.number).name
                score = weight * DEPTH_FACTOR**use.depth * _fitness(name, partial)
                score *= MEMBER_BONUS + found.words.get(name, 0.0)
                ranked[use.number] = max(ranked.get(use.number, 0.0), score)
    for number in found.far:
        near = found.words.get(found.own.declaration(number).name, 0.0)
        if near >= FAR_NEARNESS:
            ranked[number] = max(ranked.get(number, 0.0), near)
    order = sorted(ranked.items(), key=lambda item: (-item[1], item[0]))[:MAX_CANDIDATES]
    return [Pick(found.path, found.own, number, Channel.FAR, score) for number, score in order]


def imported(found: PlaceFacts) -> list[Pick]:
    """Return declarations of imported files."""
    related, shelf, best_score = found.related, found.shelf, found.declarations.best_score
    best = best_score if best_score > 0 else 1.0
    ranked: list[tuple[float, str, int]] = []
    files = [key for key in related if shelf.details_of(key) is not None]
    known = [details for key in files if (details := shelf.details_of(key)) is not None]
    for key, details, hashes in zip(files, known, name_hashes(known), strict=True):
        wanted, scores = related[key], shelf.scores_of(key)
        boost = shelf.boost_of(key)
        is_edited = shelf.edit_boost(key, 0, 1 << 30) != 1.0
        mentioned = found.mentions.of(hashes).tolist()
        for number, weight in enumerate(_weights(details, wanted, found.partial)):
            mention = mentioned[number] * MENTION_BONUS
            if weight > 0 or mention > 0:
                own = max(float(scores[number]), 0.0) if number < len(scores) else 0.0
                bonus = weight * IMPORT_BONUS + mention
                edited = shelf.boost_of_declaration(key, details, number) if is_edited else boost
                ranked.append(((bonus * best + own) * edited, key, number))
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


def declarations(found: PlaceFacts) -> list[Pick]:
    """Return declarations of files that are not imported, by BM25."""
    seen = {*found.related, found.path}
    best = max(found.declarations.best_score, 0.0)
    hits = _boosted(found.declarations, found.shelf, without=seen, most=2 * MAX_CANDIDATES)
    names = [details.declaration(hit.number).name for _, hit, details in hits]
    picks = [
        Pick(
            hit.key,
            details,
            hit.number,
            Channel.DECLARATION,
            score + best * (mention * MENTION_BONUS + found.words.get(name, 0.0) * NEAR_BONUS),
        )
        for (score, hit, details), name, mention in zip(
            hits, names, found.mentioned(names), strict=True
        )
    ]
    return sorted(picks, key=lambda pick: -pick.score)


def usages(found: PlaceFacts) -> list[Pick]:
    """Return windows of code, by BM25; some more than the budget has room for."""
    most = max(MIN_WINDOWS, found.budget_tokens // TOKENS_PER_WINDOW)
    return [
        Pick(hit.key, details, hit.number, Channel.USAGE, score)
        for score, hit, details in _boosted(
            found.windows,
            found.shelf,
            without={found.path},
            most=min(most, MAX_CANDIDATES),
            windows=True,
        )
    ]


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """The rule of a channel: what it picks, and its share of the budget."""

    channel: Channel
    share: float
    """Part of the budget; what the channel leaves goes to the others."""
    pick: Callable[[PlaceFacts], list[Pick]]
    most: int = MAX_CANDIDATES
    """Candidates that packing sees. Few where each is in a file of its own, which has to be read."""
    is_window: bool = False
    """Its snippets are stretches of a file, each for itself; others of one file are put together."""


CHANNELS: tuple[ChannelRule, ...] = (
    ChannelRule(Channel.IMPORTED, 0.25, imported),
    ChannelRule(Channel.DECLARATION, 0.2, declarations, most=14),
    ChannelRule(Channel.MEMBER, 0.33, members),
    ChannelRule(Channel.FAR, 0.07, far, most=8),
    ChannelRule(Channel.USAGE, 0.15, usages, is_window=True),
)
"""In the order of the prompt: what comes last is nearest to the cursor."""
WINDOWS = frozenset(rule.channel for rule in CHANNELS if rule.is_window)


def shares_of(candidates: Mapping[Channel, Sequence[object]]) -> dict[Channel, float]:
    """Return what each channel that has something gets of the budget; together they get all."""
    shares = {rule.channel: rule.share for rule in CHANNELS if candidates.get(rule.channel)}
    total = sum(shares.values()) or 1.0
    return {channel: share / total for channel, share in shares.items()}


def _boosted(
    ranking: QueryScores[str],
    shelf: Shelf,
    *,
    without: set[str],
    most: int = MAX_CANDIDATES,
    windows: bool = False,
) -> list[tuple[float, Hit[str], Details]]:
    def boost_of(hit: Hit[str]) -> float:
        boost = shelf.boost_of(hit.key)
        if shelf.edit_boost(hit.key, 0, 1 << 30) == 1.0:
            return boost
        if (details := shelf.details_of(hit.key)) is None:
            return boost
        if not windows:
            return shelf.boost_of_declaration(hit.key, details, hit.number)
        window = details.window(hit.number)
        return boost * shelf.edit_boost(hit.key, window.first_line, window.last_line)

    hits = [
        (_times(hit.score, boost_of(hit)), hit) for hit in ranking.top(2 * MAX_CANDIDATES, without)
    ]
    best = sorted(hits, key=lambda pair: -pair[0])[:most]
    return [
        (score, hit, details)
        for score, hit in best
        if (details := shelf.details_of(hit.key)) is not None
    ]


def _fitness(name: str, partial: str) -> float:
    """Return how well a member fits the typed part: private ones and dunders rarely do."""
    if partial:
        return 1.5 if name.lower().startswith(partial.lower()) else 0.5
    return 0.5 if name.startswith("_") else 1.0


def _times(score: float, boost: float) -> float:
    """Return a better score for a boost above one, also where Okapi's scores are negative."""
    return score * boost if score >= 0 else score / boost
