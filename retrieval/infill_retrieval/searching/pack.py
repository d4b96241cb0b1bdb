"""Choose, from ranked candidates, the snippets that fit into an exact token budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from infill_retrieval.render import path_comment, render_snippet
from infill_retrieval.searching.candidate import Candidate
from infill_retrieval.searching.channels import CHANNELS, WINDOWS
from infill_retrieval.types import Channel, Considered, CountTokens, Snippet, Verdict

DUPLICATE_SHARE = 0.8
"""Share of a candidate's lines that are shown already, from which it is not worth its tokens."""
OPTIMISTIC_TOKEN_CHARS = 6
"""Longer than tokens are in code, so that by this estimate rather too much seems to fit."""
COUNTING_ROUNDS = 3
"""So often candidates are chosen and the lines of the chosen ones counted. Counting takes longer
than all the rest at a new place, and by then hardly a line is chosen that was not counted."""
_CHANNELS = tuple(one.channel for one in CHANNELS)


@dataclass(frozen=True, slots=True)
class Packed:
    """What was taken, and what became of every candidate, by channel and best first."""

    snippets: tuple[Snippet, ...]
    considered: tuple[Considered, ...]


def pack(
    candidates: Mapping[Channel, Sequence[Candidate]],
    budget_tokens: int,
    count_tokens: CountTokens,
    shares: Mapping[Channel, float],
    visible: frozenset[str] = frozenset(),
) -> Packed:
    """Take candidates (best first in each channel) while they fit; what does not is passed over.

    Each channel has its share of the budget first; what it leaves goes to the others. Candidates
    of the same file and channel become one snippet under one path, unless they are windows.
    ``count_tokens`` is called for the lines that may fit and then for whole snippets, since only
    those counts are exact: the tokens of two lines need not be the sum of each.
    """
    everything = [candidate for channel in _CHANNELS for candidate in candidates.get(channel, ())]
    if not everything or budget_tokens <= 0:
        return Packed((), ())
    costs = {piece: _estimate(piece) for one in everything for piece in _pieces(one)}
    counted: set[str] = set()
    for round_number in range(COUNTING_ROUNDS + 1):
        if round_number == COUNTING_ROUNDS:
            costs.update(dict.fromkeys(costs.keys() - counted, budget_tokens + 1))
        chosen, verdicts = _choose(candidates, budget_tokens, shares, visible, costs)
        missing = dict.fromkeys(p for one in chosen for p in _pieces(one) if p not in counted)
        if not missing:
            break
        costs.update(zip(missing, count_tokens(list(missing)), strict=True))
        counted.update(missing)
    taken, snippets = _fit(chosen, budget_tokens, count_tokens)
    verdicts.update(dict.fromkeys(chosen[len(taken) :], Verdict.NO_ROOM))
    considered = tuple(
        Considered(
            candidate.as_snippet(
                costs[path_comment(candidate.path)] + _sum(candidate.lines, costs)
            ),
            verdicts[candidate],
        )
        for candidate in everything
    )
    return Packed(tuple(snippets), considered)


def in_stable_order(snippets: Iterable[Snippet], last: Sequence[Snippet]) -> tuple[Snippet, ...]:
    """Return the snippets in prompt order, as near to that of the ``last`` prompt as may be.

    Dependencies come first and the most relevant is last. Within a channel, snippets that the
    last prompt had stay in front, in their old order: the engine has computed what they mean
    already and can only keep that for a beginning of the prompt that has not changed.
    """
    place = {(s.channel, s.path, s.text): i for i, s in enumerate(last)}
    new = len(place)

    def key(snippet: Snippet) -> tuple[int, int, float, str, int]:
        old = place.get((snippet.channel, snippet.path, snippet.text), new)
        channel = _CHANNELS.index(snippet.channel)
        return channel, old, snippet.score, snippet.path, snippet.first_line

    return tuple(sorted(snippets, key=key))


def _pieces(candidate: Candidate) -> Iterator[str]:
    """Yield the lines of which the tokens are counted."""
    yield path_comment(candidate.path)
    for _, line in candidate.lines:
        yield f"{line}\n"


def _estimate(line: str) -> int:
    return 1 + len(line.strip()) // OPTIMISTIC_TOKEN_CHARS


def _sum(lines: Iterable[tuple[int, str]], costs: Mapping[str, int]) -> int:
    return sum(costs[f"{line}\n"] for _, line in lines)


def _choose(
    candidates: Mapping[Channel, Sequence[Candidate]],
    budget_tokens: int,
    shares: Mapping[Channel, float],
    visible: frozenset[str],
    costs: Mapping[str, int],
) -> tuple[list[Candidate], dict[Candidate, Verdict]]:
    """Return the candidates to take, in the order in which they were chosen, and all verdicts."""
    shown = set(visible)
    open_files: defaultdict[tuple[Channel, str], set[int]] = defaultdict(set)
    taken: list[Candidate] = []
    verdicts: dict[Candidate, Verdict] = {}
    left = budget_tokens

    def take(candidate: Candidate, limit_tokens: int) -> int:
        """Return the tokens that taking ``candidate`` cost; 0 if it was not taken."""
        file = open_files[candidate.channel, candidate.path]
        is_window = candidate.channel in WINDOWS
        lines: set[str] = set()
        cost = 0 if file and not is_window else costs[path_comment(candidate.path)]
        for number, line in candidate.lines:
            if number not in file:
                lines.add(line.strip())
            if is_window or number not in file:
                cost += costs[f"{line}\n"]
        lines.discard("")
        if len(lines & shown) >= DUPLICATE_SHARE * len(lines):
            verdicts.setdefault(candidate, Verdict.SHOWN)
            return 0
        if cost > limit_tokens:
            verdicts[candidate] = Verdict.NO_ROOM
            return 0
        verdicts[candidate] = Verdict.TAKEN
        file.update(number for number, _ in candidate.lines)
        shown.update(lines)
        taken.append(candidate)
        return cost

    waiting: list[tuple[int, Channel, Candidate]] = []
    for channel in _CHANNELS:
        share = min(left, int(shares.get(channel, 0.0) * budget_tokens))
        for rank, candidate in enumerate(candidates.get(channel, ())):
            cost = take(candidate, share)
            share -= cost
            left -= cost
            if not cost:
                waiting.append((rank, channel, candidate))
    # What is left over goes round the channels by rank: scores of two rankings do not compare.
    for _, _, candidate in sorted(waiting, key=lambda w: (w[0], _CHANNELS.index(w[1]))):
        left -= take(candidate, left)
    return taken, verdicts


def _fit(
    taken: list[Candidate], budget_tokens: int, count_tokens: CountTokens
) -> tuple[list[Candidate], list[Snippet]]:
    """Return what fits of ``taken``, and the snippets made of it; the last chosen go first."""
    known: dict[str, int] = {}
    while taken:
        drafts = _join(taken)
        texts = [render_snippet(draft.path, draft.text) for draft in drafts]
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, count_tokens(new) if new else [], strict=True))
        counts = [known[text] for text in texts]
        if sum(counts) <= budget_tokens:
            return taken, [d.as_snippet(n) for d, n in zip(drafts, counts, strict=True)]
        taken = taken[:-1]
    return [], []


def _join(taken: Iterable[Candidate]) -> list[Candidate]:
    joined: dict[tuple[Channel, str, int], Candidate] = {}
    for candidate in taken:
        window = candidate.lines[0][0] if candidate.channel in WINDOWS else -1
        key = candidate.channel, candidate.path, window
        other = joined.get(key)
        if other is None:
            joined[key] = candidate
        else:
            lines = tuple(sorted({*other.lines, *candidate.lines}))
            score = max(other.score, candidate.score)
            joined[key] = Candidate(candidate.path, candidate.channel, lines, score)
    return list(joined.values())
