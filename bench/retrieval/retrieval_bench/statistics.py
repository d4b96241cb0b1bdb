"""Means with bootstrap intervals (Efron, 1979): of one method, and of two on the same cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 2_000
LEVEL_PERCENT = 95


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the interval in which 95 % of its bootstrap resamples lie."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two methods on the same cases, in percent of the cases; ``ratio`` is a number of times."""

    cases: int
    theirs: Interval
    ours: Interval
    gain_points: Interval
    ratio: Interval


def compare(theirs: Sequence[bool], ours: Sequence[bool]) -> Comparison:
    """Return shares of true values; each resample takes the same cases of both methods."""
    pairs = np.array([theirs, ours], dtype=np.float64) * 100
    count = pairs.shape[1]
    places = np.random.default_rng(1).integers(0, count, (RESAMPLES, count))
    means = pairs[:, places].mean(axis=2)
    point = pairs.mean(axis=1)
    smallest = 100 / count
    return Comparison(
        count,
        _interval(point[0], means[0]),
        _interval(point[1], means[1]),
        _interval(point[1] - point[0], means[1] - means[0]),
        # A resample in which the other method finds nothing counts as if it found one.
        _interval(point[1] / max(point[0], smallest), means[1] / np.maximum(means[0], smallest)),
    )


def _interval(value: float, resamples: npt.NDArray[np.float64]) -> Interval:
    tail = (100 - LEVEL_PERCENT) / 2
    low, high = np.percentile(resamples, [tail, 100 - tail])
    return Interval(*(round(float(one), 2) for one in (value, low, high)))
