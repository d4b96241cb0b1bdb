"""Which of the completions are shown, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infill_ls.suggesting.filters import Site, conclude, filters_of
from infill_ls.types import (
    Completion,
    EngineTimings,
    FilterStep,
    Hole,
    StopReason,
    Suggestion,
    Trigger,
    Written,
)


@dataclass(frozen=True, slots=True)
class Ranking:
    """What became of the completions of one request."""

    suggestions: tuple[Suggestion, ...]
    """Different ones, the best first."""
    reason: str
    completion: Completion | None = None
    """That of the first suggestion; without one, the likeliest."""
    filters: tuple[FilterStep, ...] = ()
    """What each filter made of ``completion``."""


def rank(
    completions: Sequence[Completion], hole: Hole, trigger: Trigger, min_probability: float
) -> Ranking:
    """Return what to show of ``completions``.

    What is not asked for must have the mean token probability ``min_probability`` at least. Of
    several, those with fewer errors in the syntax come first, then the likelier ones.
    """
    site = Site.of(hole)
    candidates = [_candidate(one, site, trigger, min_probability) for one in completions]
    shown = [candidate for candidate in candidates if candidate.suggestions]
    if not shown:
        return candidates[0] if candidates else Ranking((), "no completion")
    if len(shown) > 1:
        shown.sort(key=lambda candidate: _order(candidate, site))
    distinct = dict.fromkeys(suggestion for one in shown for suggestion in one.suggestions)
    return Ranking(tuple(distinct), "shown", shown[0].completion, shown[0].filters)


def beginning(
    written: Written, hole: Hole, trigger: Trigger, min_probability: float
) -> Suggestion | None:
    """Return what to show of a completion that is still being written, cut where it is whole.

    It is treated as a text that the time has cut off, but for its strings: half of one may look
    right, and the whole like a secret.
    """
    text, site = written.text, Site.of(hole)
    while text and site.balance.of(text).string:
        text = text[: max(text.rfind(quote) for quote in "\"'`")] if _has_quote(text) else ""
    no_timings = EngineTimings(0, 0, 0.0, written.tokens, 0.0)
    so_far = Completion(text, StopReason.TIME, written.mean_logprob, no_timings)
    suggestions = rank((so_far,), hole, trigger, min_probability).suggestions
    return suggestions[0] if suggestions else None


def _has_quote(text: str) -> bool:
    return not {"'", '"', "`"}.isdisjoint(text)


def _candidate(
    completion: Completion, site: Site, trigger: Trigger, min_probability: float
) -> Ranking:
    steps = filters_of(completion, site)
    suggestion, reason = conclude(steps, site)
    probability = completion.probability
    if suggestion is None:
        return Ranking((), reason, completion, steps)
    if trigger is Trigger.AUTOMATIC and probability < min_probability:
        reason = (
            f"too doubtful to be shown by itself: probability {probability:.2f}, "
            f"minProbability is {min_probability:.2f}"
        )
        return Ranking((), reason, completion, steps)
    return Ranking((suggestion,), reason, completion, steps)


def _order(candidate: Ranking, site: Site) -> tuple[int, float]:
    assert candidate.completion is not None
    shown = candidate.suggestions[0]
    errors = site.errors(shown.text, shown.replaced)
    return errors or 0, -candidate.completion.mean_logprob
