"""How certain a suggestion must be to be shown unasked, moved by what this user accepts.

``minProbability`` is one bar for all places. Where a user accepts fewer of the suggestions than he does
elsewhere, they have to be more certain from then on; where he accepts more, less. It is the difference
between places that counts: how much is accepted in all is a habit, and the setting stays the mean. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from infill_ls.types import Accepted

LEAST_OFFERS = 200
"""Before so many were offered nothing moves."""
PRIOR_OFFERS = 100
"""Each kind of place counts as if so many more had been offered in it and accepted as elsewhere: a few
say nothing."""
LARGEST_SHIFT = 1.0
"""In log odds: a bar of 0.6 moves to 0.36 or 0.80 at most, so that neither everything nor nothing is shown."""

LARGEST_EXPONENT = 700.0

Place = tuple[str, str]
"""Language id and kind of place."""


@dataclass(frozen=True, slots=True)
class OwnBar:
    """The shift of the bar at each kind of place, in log odds; above 0 it is lower there."""

    shifts: Mapping[Place, float]

    @classmethod
    def of(cls, accepted: Mapping[Place, Accepted]) -> OwnBar:
        """Learn from what was accepted."""
        offered = sum(one.offered for one in accepted.values())
        taken = sum(one.taken for one in accepted.values())
        if offered < LEAST_OFFERS or not 0 < taken < offered:
            return cls({})
        usual = taken / offered
        return cls({place: _shift(one, usual) for place, one in accepted.items()})

    def min_probability(self, setting: float, place: Place) -> float:
        """Return the bar at a kind of place, 0 to 1; a setting of 0 or 1 stays."""
        shift = self.shifts.get(place, 0.0)
        if not shift or not 0 < setting < 1:
            return setting
        return 1 / (1 + math.exp(min(shift - _log_odds(setting), LARGEST_EXPONENT)))


NEUTRAL = OwnBar({})
"""Of a user of whom nothing is known."""


def _shift(one: Accepted, usual: float) -> float:
    share = (one.taken + PRIOR_OFFERS * usual) / (one.offered + PRIOR_OFFERS)
    shift = _log_odds(share) - _log_odds(usual)
    return max(-LARGEST_SHIFT, min(shift, LARGEST_SHIFT))


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))
