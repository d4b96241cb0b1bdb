"""Which of the candidates are offered: a sum of weights that anybody can read.

The weights are learnt by ``bench/next_edit/fit.py`` from the tuning half of a bank of episodes
(``docs/next-edit.md``); the sum is the logarithm of the odds that the author made the edit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from infill_ls.next_edit.candidate import Candidate
from infill_ls.next_edit.weights import BIAS, THRESHOLD, WEIGHTS

SHOWN_REASONS = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is thought of a candidate."""

    probability: float
    reasons: tuple[tuple[str, float], ...]
    """What weighed most, for and against, the heaviest first."""

    @property
    def is_offered(self) -> bool:
        """Whether it is sure enough. Silence is better than a wrong offer."""
        return self.probability >= THRESHOLD


def judge(candidate: Candidate) -> Verdict:
    """Return how likely the author would make this edit too, and why."""
    parts = {
        name: WEIGHTS[name] * value
        for name, value in candidate.features.items()
        if value and name in WEIGHTS
    }
    reasons = sorted(parts.items(), key=lambda part: -abs(part[1]))[:SHOWN_REASONS]
    return Verdict(probability(BIAS + sum(parts.values())), tuple(reasons))


def probability(log_odds: float) -> float:
    """Return the probability with these odds."""
    return 1.0 / (1.0 + math.exp(-max(min(log_odds, 30.0), -30.0)))


def features_of(candidate: Candidate) -> Mapping[str, float]:
    """Return what the weights are learnt on."""
    return candidate.features
