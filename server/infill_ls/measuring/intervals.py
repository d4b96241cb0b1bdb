"""Medians, percentiles and means, with bootstrap intervals (Efron, 1979) where cases are few.

The one place for them: of one method, of two methods on the same cases, and of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

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


def mean(values: Sequence[float], groups: Sequence[str] | None = None) -> Interval:
    """Return the mean of ``values``, of which there is at least one.

    Cases of one group (a file, a problem) are alike. With ``groups``, one for each value, whole
    groups are drawn, which keeps the interval from being too narrow.
    """
    _, numbers = np.unique(groups or range(len(values)), return_inverse=True)
    sums = np.bincount(numbers, weights=np.asarray(values, dtype=np.float64))
    counts = np.bincount(numbers)
    places = _resamples(len(counts))
    means = sums[places].sum(axis=1) / counts[places].sum(axis=1)
    return _interval(sums.sum() / counts.sum(), means)


def quantile(values: Sequence[float], share: float) -> Interval:
    """Return the value that ``share`` of ``values`` do not exceed; there is at least one."""
    numbers = np.asarray(values, dtype=np.float64)
    resamples = np.quantile(numbers[_resamples(len(numbers))], share, axis=1)
    return _interval(float(np.quantile(numbers, share)), resamples)


def area_under_curve(
    scores: Sequence[float], is_positive: Sequence[bool], groups: Sequence[str] | None = None
) -> Interval:
    """Return how often a positive case has the higher score of two (ROC AUC); equal ones count half.

    With ``groups``, one for each case, whole groups are drawn, as in :func:`mean`. Where one of both kinds is
    lacking, nothing is known: 0.5.
    """
    values, positive = np.asarray(scores, dtype=np.float64), np.asarray(is_positive, dtype=bool)
    _, numbers = np.unique(groups or range(len(values)), return_inverse=True)
    members = [np.flatnonzero(numbers == number) for number in range(numbers.max() + 1)]
    drawn = (np.concatenate([members[n] for n in some]) for some in _resamples(len(members)))
    return _interval(
        _area(values, positive), np.array([_area(values[some], positive[some]) for some in drawn])
    )


def compare(theirs: Sequence[bool], ours: Sequence[bool]) -> Comparison:
    """Return shares of true values; each resample takes the same cases of both methods."""
    pairs = np.array([theirs, ours], dtype=np.float64) * 100
    count = pairs.shape[1]
    means = pairs[:, _resamples(count)].mean(axis=2)
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


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile, between the two values that are next to it."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def spread(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    """Return how many values there are, their median and 95th percentile."""
    return {
        "count": len(values),
        "median": round(median(values), digits),
        "p95": round(p95(values), digits),
    }


def _area(values: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]) -> float:
    ones, others = values[positive], values[~positive]
    if not len(ones) or not len(others):
        return 0.5
    return float(np.mean((ones[:, None] > others) + 0.5 * (ones[:, None] == others)))


def _resamples(count: int) -> npt.NDArray[np.int64]:
    """Return the places of each resample; the same each time."""
    return np.random.default_rng(1).integers(0, count, (RESAMPLES, count))


def _interval(value: float, resamples: npt.NDArray[np.float64]) -> Interval:
    tail = (100 - LEVEL_PERCENT) / 2
    low, high = np.percentile(resamples, [tail, 100 - tail])
    return Interval(*(round(float(one), 2) for one in (value, low, high)))
