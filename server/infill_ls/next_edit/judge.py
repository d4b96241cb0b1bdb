"""The judge: which candidates are offered, by a readable sum of weights.

The weights are learnt by ``bench/next_edit/fit.py`` from the tuning half of a bank of episodes
(``docs/next-edit.md``); the sum is the logarithm of the odds that the author made the edit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from infill_ls.next_edit.candidate import Candidate, Rule
from infill_ls.next_edit.weights import BIAS, THRESHOLD, WEIGHTS

SHOWN_REASONS = 5
KINDS = {
    Rule.NAME: "names",
    Rule.TYPE: "names",
    Rule.CASING: "spellings",
    Rule.LITERAL: "literals",
    Rule.TEXT: "texts",
    Rule.DELETION: "deletions",
    Rule.INSERTION: "insertions",
    Rule.ARGUMENT: "calls",
    Rule.SIGNATURE: "calls",
    Rule.LINES_ADDED: "lines added",
    Rule.COPY: "lines added",
    Rule.LINES_REMOVED: "lines removed",
    Rule.WRAP: "calls",
    Rule.UNWRAP: "calls",
    Rule.IMPORT: "imports",
}
"""Rules that are weighed alike."""


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
        for name, value in features_of(candidate).items()
        if name in WEIGHTS
    }
    reasons = sorted(parts.items(), key=lambda part: -abs(part[1]))[:SHOWN_REASONS]
    return Verdict(probability(BIAS + sum(parts.values())), tuple(reasons))


def probability(log_odds: float) -> float:
    """Return the probability with these odds."""
    return 1.0 / (1.0 + math.exp(-max(min(log_odds, 30.0), -30.0)))


def features_of(candidate: Candidate) -> dict[str, float]:
    """Return the features that have weights: each once for all rules and once for its kind of rule.

    What speaks for a name need not speak for a line. Features that are 0 are left out.
    """
    kind = KINDS[candidate.rule]
    found: dict[str, float] = {}
    for name, value in candidate.features.items():
        if value:
            found[name] = value
            if not name.startswith("rule "):
                found[f"{name}, {kind}"] = value
    if candidate.features.get("declared there"):
        for name in ("same function", "other function", "in comment", "in string"):
            if candidate.features.get(name):
                found[f"{name}, declared there"] = 1.0
    if not candidate.features.get("support 2"):
        for name in (
            "line is the same",
            "line is alike",
            "left",
            "right",
            "many",
            "declared there",
        ):
            if value := candidate.features.get(name, 0.0):
                found[f"{name}, made once"] = value
    return found
