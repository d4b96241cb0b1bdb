"""Rank completions: which are shown, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infill_ls.suggesting import worth
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
    completions: Sequence[Completion],
    hole: Hole,
    trigger: Trigger,
    min_probability: float,
    *,
    model_name: str = "",
) -> Ranking:
    """Return what to show of ``completions``.

    What is not asked for must have the mean token probability ``min_probability`` at least, or, of a
    model that :mod:`~infill_ls.suggesting.worth` knows, be worth as much. Of
    several, those with fewer errors in the syntax come first, then the likelier ones.
    """
    site = Site.of(hole)
    least = min_probability if trigger is Trigger.AUTOMATIC else 0.0
    candidates = [
        _candidate(one, site, least, learnt=worth.knows(model_name)) for one in completions
    ]
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
    completion: Completion, site: Site, min_probability: float, *, learnt: bool
) -> Ranking:
    steps = filters_of(completion, site)
    suggestion, reason = conclude(steps, site)
    if suggestion is None:
        return Ranking((), reason, completion, steps)
    # What was given up for doubt is a part of a text, and nothing was learnt from such.
    is_judged = learnt and completion.stop is not StopReason.DOUBT
    features = worth.features_of(completion, site.hole, suggestion) if is_judged else {}
    if (doubt := _doubt(completion.probability, features, min_probability)) is not None:
        reason = f"not certain enough to be shown unasked: {doubt}"
        return Ranking((), reason, completion, steps)
    return Ranking((suggestion,), reason, completion, steps)


def _doubt(probability: float, features: Mapping[str, float], min_probability: float) -> str | None:
    """Return why a suggestion is not shown unasked, or ``None``."""
    if not features:
        if probability >= min_probability:
            return None
        return f"probability {probability:.2f}, minProbability is {min_probability:.2f}"
    value, least = worth.worth_of(features), worth.least_worth(min_probability)
    if min_probability <= 0 or value >= least:
        return None
    return (
        f"estimated to be right with probability {value:.2f}, where minProbability {min_probability:.2f} asks for "
        f"{least:.2f} (the model itself is sure of it with probability {probability:.2f})"
    )


def _order(candidate: Ranking, site: Site) -> tuple[int, float]:
    assert candidate.completion is not None
    shown = candidate.suggestions[0]
    errors = site.errors(shown.text, shown.replaced)
    return errors or 0, -candidate.completion.mean_logprob
