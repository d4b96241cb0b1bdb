"""Whether a full server is asked at all: its editors take turns, and do not know of each other. Pure, the clock is passed in.

A server keeps the prompts that it has read, so that only what is typed since is read anew. Memory for that is a
cliff: with more editors than it holds prompts for, they push each other's out, and although all ask less (``pacing``)
each answer waits for whole prompts that are read again. So some leave the server alone for a while, and the others
have its full service.

Each editor has a share of the time in which it may ask. An answer that is late although little is asked lowers it, one
that is in time raises it: so all come to about the same share, at which their prompts fit.
An account of the time that an editor is owed says when to leave and when to come, which makes turns even over minutes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

LEAST_SHARE = 0.1
"""So much of the time even the fullest server is asked: else nobody would learn that it is so no longer."""
POOR_RATE_PER_S = 0.8
"""Lateness counts where no more than this is asked. Less than what all drift to on a server that is neither quick nor
late: only lasting lateness leads there, which pacing alone has not mended."""
LOSS = 0.3
"""What a late answer takes of a share of all the time, as a part of it; less of a smaller one."""
LEAVING = 0.2
"""Probability with which the editor then leaves at once: a crowd thins out, and not all of it goes."""
GAIN = 0.001
"""What an answer in time adds to a share of all the time; to a smaller one it adds more. That who has more loses more and
gains less makes shares alike: with the same loss and gain for all, whoever happened to have much kept it."""
ACCOUNT_S = 20.0
"""An editor leaves when it has had so much more than its share, and comes when it is owed as much."""
MOST_OWED_S = 3 * ACCOUNT_S
JITTER = 0.25
IDLE_S = 10.0
"""Of a longer time in which nothing was asked no more is counted: who does not type takes no room from others."""
FORGOTTEN_S = 1800.0
"""After so long nothing is known of the server any more."""
GRACE_S = 5.0
"""Whoever has just come has its whole prompt to be read, and that is slow for its own sake."""


class Admission:
    """One editor's turns at one server. ``draw`` gives numbers from 0 to 1, for the jitter."""

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._share = 1.0
        self._is_out = False
        # Somewhere between its limits, or all that a crowd drives out would come back together.
        self._limit_s = self._jittered_s()
        self._owed_s = self._limit_s * (2 * draw() - 1)
        self._counted_s = 0.0
        self._came_s = -math.inf

    @property
    def share(self) -> float:
        """Share of the time in which the server may be asked."""
        return self._share

    def out_s(self, now_s: float) -> float:
        """Return for how many seconds from now nothing may be asked; 0 if it may."""
        self._pass(now_s)
        return (self._limit_s - self._owed_s) / self._share if self._is_out else 0.0

    def served(self, now_s: float) -> None:
        """Note an answer that came in time."""
        if self.out_s(now_s) > 0:
            return
        self._share = min(self._share + GAIN / self._share**2, 1.0)

    def unserved(self, now_s: float, rate_per_s: float) -> None:
        """Note an answer that was late, or not waited for any longer, and how often the server may be asked."""
        is_fair = rate_per_s > POOR_RATE_PER_S or now_s - self._came_s < GRACE_S
        if is_fair or self.out_s(now_s) > 0:
            return
        self._share = max(self._share * (1 - LOSS * self._share), LEAST_SHARE)
        if self._draw() < LEAVING:
            self._leave()

    def _pass(self, now_s: float) -> None:
        """Keep the account, and leave or come where it says so."""
        passed_s = max(now_s - self._counted_s, 0.0)
        self._counted_s = max(now_s, self._counted_s)
        if passed_s > FORGOTTEN_S:
            self._share, self._is_out = 1.0, False
        elif self._is_out:
            self._owed_s += self._share * passed_s
            # Nearly: what is left must be a time that a timer can wait for.
            if self._owed_s >= self._limit_s - 1e-6:
                self._is_out = False
                self._came_s = now_s
                self._owed_s = min(self._limit_s, MOST_OWED_S)
                self._limit_s = self._jittered_s()
        else:
            self._owed_s -= (1 - self._share) * min(passed_s, IDLE_S)
            if self._owed_s < -self._limit_s:
                self._owed_s = -self._limit_s
                self._leave()

    def _leave(self) -> None:
        self._is_out = True
        # Away for a while in any case: what it is owed for that it gets later.
        self._limit_s = max(self._owed_s, 0.0) + self._jittered_s()

    def _jittered_s(self) -> float:
        return ACCOUNT_S * (1 + JITTER * (2 * self._draw() - 1))
