"""The judge: which candidates are offered, by learnt trees, and why in each case.

The trees are learnt by ``bench/next_edit/fit.py`` from the tuning half of the commits of public
repositories (``docs/next-edit.md``); their sum is the logarithm of the odds that the author made the edit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infill_ls.next_edit.candidate import NOT_OPEN, PROVED, EditCandidate
from infill_ls.next_edit.forest import Forest, the_forest

SHOWN_REASONS = 5
LEAST_ELSEWHERE = 0.8
"""Probability from which on an edit of another document is offered: they are right less often."""
LEAST_IN_CLOSED = 0.85
"""Probability from which on an edit of a file that is not open is offered: nobody sees the rest of it."""
LEAST_OF_PROVED = 0.85
"""Probability of a call of a function that has another name now. Too rare in commits for the trees to learn."""
MOST_OF_BARRED = 0.3
"""Probability of a place in a comment or a string after an edit elsewhere: for those alone who ask."""
EXPLAINED = 100
"""The likeliest candidates, of which is said why."""


@dataclass(frozen=True, slots=True)
class EditVerdict:
    """What is thought of a candidate."""

    probability: float
    reasons: tuple[tuple[str, float], ...]
    """What weighed most, for and against, the heaviest first."""
    is_offered: bool
    """Whether it is sure enough. Silence is better than a wrong offer."""


def judge(candidates: Sequence[EditCandidate]) -> list[EditVerdict]:
    """Return how likely the author would make each of these edits too, and why."""
    forest = the_forest()
    if not candidates:
        return []
    table = forest.matrix([one.features for one in candidates])
    odds = forest.log_odds(table)
    likeliest = np.argsort(-odds, kind="stable")[:EXPLAINED]
    weighed = forest.weighed(table[likeliest])
    why = {int(place): _reasons(forest, row) for place, row in zip(likeliest, weighed, strict=True)}
    found = []
    for place, (candidate, one) in enumerate(zip(candidates, odds, strict=True)):
        reasons = why.get(place, ())
        likely = probability(float(one))
        if candidate.features.get(PROVED):
            likely = max(likely, LEAST_OF_PROVED)
            reasons = ((PROVED, 1.0), *reasons[: SHOWN_REASONS - 1])
        if _is_barred(candidate):
            likely = MOST_OF_BARRED if _is_mention(candidate) else min(likely, MOST_OF_BARRED)
        is_elsewhere = bool(candidate.features.get("other document"))
        least = LEAST_ELSEWHERE if is_elsewhere else forest.threshold
        if candidate.features.get(NOT_OPEN):
            least = LEAST_IN_CLOSED
        found.append(EditVerdict(likely, reasons, likely >= least))
    return found


def _is_barred(candidate: EditCandidate) -> bool:
    """Tell whether a place lies in a comment or a string, and the edit did not."""
    return bool(candidate.features.get("in comment") or candidate.features.get("in string"))


def _is_mention(candidate: EditCandidate) -> bool:
    """Tell whether a place names what is declared by another name now, and nowhere by this one."""
    features = candidate.features
    return bool(features.get("declared there")) and not features.get("a declaration is left")


def _reasons(
    forest: Forest, row: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-np.abs(row), kind="stable")[:SHOWN_REASONS]
    return tuple((forest.names[place], float(row[place])) for place in order if row[place])


def probability(log_odds: float) -> float:
    """Return the probability with these odds."""
    return 1.0 / (1.0 + math.exp(-max(min(log_odds, 30.0), -30.0)))
