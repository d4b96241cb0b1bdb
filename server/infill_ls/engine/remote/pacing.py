"""How often a server may be asked now, learnt from what it answers: pure, the clock is passed in.

Hundreds of editors share a server and do not know of each other. Each holds a rate: raised by the same
amount each second while answers are quick, lowered by a share when they are late, refused or not read.
That is how TCP shares a line, and for the same reason it comes out even.

The rate decides how long a pause in typing has to be before the server is asked: none as long as every
key may be asked for; then the keys within words wait, as long as the user's own rhythm says that fewer
of them need be asked; the key behind a word, where people stop and read, is asked at once as long as
the rate lasts. Thinking ahead goes first of all.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from statistics import median

FULL_RATE_PER_S = 6.0
"""Faster than people type: nothing waits."""
FIRST_RATE_PER_S = 1.0
"""Of a server of which nothing is known."""
LEAST_RATE_PER_S = 0.1
"""So much is asked of the fullest server: else nobody would learn that it is so no longer."""
RETURN_RATE_PER_S = 1.0
"""After a server was away: all come back at the same time."""
GAIN_PER_S = 0.15
"""What a second of quick answers adds to the rate."""
COMMON_RATE_PER_S = 1.0
DRIFT_PER_S = 0.05
"""While answers are neither quick nor late, all drift to the same rate, that of the pauses behind words: those
who have more give to those who have less."""
LONGEST_MOVE_S = 2.0
"""No more than this is made up for: nothing is known of the time in which nothing was asked."""
LATE_FACTOR = 0.75
REFUSED_FACTOR = 0.5
UNREAD_FACTOR = 0.8
THINK_AHEAD_FROM = 0.75 * FULL_RATE_PER_S
PREPARE_FROM = 0.5 * FULL_RATE_PER_S
BURST = 4.0
"""Requests that may be made up for."""

LATE_S = 0.25
LATE_TIMES = 2.0
"""An answer is late that takes so long, or so many times as long as the best did if that says how slow the server is."""
CROWD_BEST_S = 0.2
"""A best answer up to this says nothing of the sort: who comes while many ask never sees how quick the server can be. Whoever
took what a crowd gets for good would ask more than those who know better, and starve them."""
LONGEST_WAY_S = 0.5
UNKNOWN_LATE_S = 1.0
"""As long as no answer has come."""
QUICK_S = 0.13
QUICK_TIMES = 1.3
"""An answer is quick that takes less, or if most do not take many times as long as the best, which is so where nobody else asks;
what is neither quick nor late leaves the rate as it is."""
RECENT = 5
"""Answers whose median is judged: one of them may be that of a file that was just opened."""
FEWEST_RECENT = RECENT // 2 + 1
PATIENCE_S = 1.0
"""No second judgement before the first one can have shown."""
BEST_OF_S = 1800.0
"""The best answer is forgotten after one to two times so long: another model may have come."""

UNREAD_OF = 10
MOST_UNREAD = 0.45
LEAST_UNREAD_RATE_PER_S = 0.6
"""Requests that are not read are a waste, but on a quick server no reason to be silent."""
NEVER_READ = 6
"""So many in a row are as good as late: on a server that is flooded no answer ever says so."""

RHYTHM_KEYS = 64
FEWEST_KEYS = 12
LONGEST_KEY_S = 2.0
"""A longer time between two keys is no typing."""
LONGEST_QUIET_S = 0.6
FIRST_REFUSAL_S = 1.0
LONGEST_REFUSAL_S = 60.0
JITTER = 0.25


@dataclass(frozen=True, slots=True)
class _Gap:
    seconds: float
    in_word: bool


class Pacing:
    """What one server process knows of an inference server, and of the user's rhythm.

    ``draw`` gives numbers from 0 to 1, for the jitter.
    """

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._rate_per_s = FIRST_RATE_PER_S
        self._tokens = BURST
        self._counted_s = 0.0
        self._moved_s = -math.inf
        self._judged_s = -math.inf
        self._recent_s: deque[float] = deque(maxlen=RECENT)
        self._bests_s = [math.inf, math.inf]
        self._best_since_s = -math.inf
        self._way_s = 0.0
        self._unread: deque[bool] = deque(maxlen=UNREAD_OF)
        self._closed_until_s = -math.inf
        self._refusals = 0
        self._gaps: deque[_Gap] = deque(maxlen=RHYTHM_KEYS)
        self._last_key: tuple[float, bool] | None = None

    @property
    def rate_per_s(self) -> float:
        """Requests that may be sent in a second."""
        return self._rate_per_s

    @property
    def unread_share(self) -> float:
        """Share of the latest requests that were taken back before they were answered."""
        return sum(self._unread) / len(self._unread) if self._unread else 0.0

    @property
    def late_from_s(self) -> float:
        """Time from which an answer is late."""
        best_s = min(self._bests_s) - self._way_s
        if math.isinf(best_s):
            return self._way_s + UNKNOWN_LATE_S
        is_slow = best_s > CROWD_BEST_S
        return self._way_s + (max(best_s * LATE_TIMES, LATE_S) if is_slow else LATE_S)

    def way(self, seconds: float) -> None:
        """Take note of how long the way to the server and back takes: it says nothing of the server."""
        self._way_s = min(seconds, LONGEST_WAY_S)

    def _is_quick(self, latency_s: float) -> bool:
        if self.unread_share > MOST_UNREAD:
            return False
        if latency_s - self._way_s <= QUICK_S:
            return True
        is_known = len(self._recent_s) >= FEWEST_RECENT
        return is_known and median(self._recent_s) <= min(self._bests_s) * QUICK_TIMES

    def key(self, now_s: float, *, in_word: bool) -> None:
        """Note that a key was pressed; ``in_word`` tells whether the cursor is behind a letter now."""
        if self._last_key is not None:
            before_s, was_in_word = self._last_key
            if 0 <= now_s - before_s <= LONGEST_KEY_S:
                self._gaps.append(_Gap(now_s - before_s, was_in_word))
        self._last_key = now_s, in_word

    def turn_s(self, now_s: float, *, in_word: bool) -> float:
        """Return the seconds from now after which to ask, unless another key has come by then."""
        self._fill(now_s)
        quiet_s = 0.0
        if in_word:
            since_s = now_s - self._last_key[0] if self._last_key is not None else 0.0
            quiet_s = max(self._quiet_s() * (1 + JITTER * self._draw()) - since_s, 0.0)
        token_s = max(1.0 - self._tokens, 0.0) / self._rate_per_s
        return max(quiet_s, token_s, self._closed_until_s - now_s, 0.0)

    def may_think_ahead(self, now_s: float) -> bool:
        """Tell whether the server has time for what nobody has asked for yet."""
        return self._has_room(now_s, THINK_AHEAD_FROM)

    def may_prepare(self, now_s: float) -> bool:
        """Tell whether the server has time to read a prompt that may be wanted."""
        return self._has_room(now_s, PREPARE_FROM)

    def sent(self, now_s: float) -> None:
        """Note that a request goes out."""
        self._fill(now_s)
        self._tokens -= 1.0

    def answered(self, now_s: float, latency_s: float) -> None:
        """Note how long it took until the answer began."""
        self._refusals = 0
        self._unread.append(False)
        self._keep_best(now_s, latency_s)
        self._recent_s.append(latency_s)
        if not self._judge(now_s) and latency_s <= self.late_from_s:
            self._move(now_s, is_quick=self._is_quick(latency_s))

    def taken_back(self, now_s: float, age_s: float) -> None:
        """Note that a request was taken back before its answer began.

        It says that the server is slow if it was late already; else only that nobody has read it.
        """
        self._unread.append(True)
        if age_s > self.late_from_s:
            self._recent_s.append(age_s)
            self._judge(now_s)
        if len(self._unread) >= NEVER_READ and all(islice(reversed(self._unread), NEVER_READ)):
            self._lower(now_s, LATE_FACTOR)
        elif len(self._unread) == UNREAD_OF and self.unread_share > MOST_UNREAD:
            self._lower(now_s, UNREAD_FACTOR, LEAST_UNREAD_RATE_PER_S)

    def refused(self, now_s: float, retry_after_s: float | None) -> None:
        """Note that the server has no time (429, 503), and what it said when to come again."""
        self._refusals += 1
        pause_s = retry_after_s
        if pause_s is None:
            pause_s = FIRST_REFUSAL_S * 2.0 ** min(self._refusals - 1, 6)
        pause_s = min(max(pause_s, 0.0), LONGEST_REFUSAL_S)
        # Never before the time that the server has named, and not all at that very time.
        until_s = now_s + pause_s * (1 + JITTER * self._draw())
        self._closed_until_s = max(self._closed_until_s, until_s)
        self._lower(now_s, REFUSED_FACTOR)

    def went_away(self, now_s: float) -> None:
        """Note that there is no server; whoever finds it again begins slowly, and not with all others."""
        self._rate_per_s = min(self._rate_per_s, RETURN_RATE_PER_S)
        self._tokens = min(self._tokens, self._draw())
        self._recent_s.clear()
        self._judged_s = now_s

    def _fill(self, now_s: float) -> None:
        passed_s = max(now_s - self._counted_s, 0.0)
        self._tokens = min(self._tokens + passed_s * self._rate_per_s, BURST)
        self._counted_s = now_s

    def _has_room(self, now_s: float, from_rate_per_s: float) -> bool:
        self._fill(now_s)
        return (
            self._rate_per_s >= from_rate_per_s
            and self._tokens >= 1.0
            and now_s >= self._closed_until_s
        )

    def _quiet_s(self) -> float:
        """Return the pause within a word after which no more is asked than the rate allows."""
        if self._rate_per_s >= FULL_RATE_PER_S:
            return 0.0
        if len(self._gaps) < FEWEST_KEYS:
            return LONGEST_QUIET_S * (1 - self._rate_per_s / FULL_RATE_PER_S) / 2
        within = sorted(gap.seconds for gap in self._gaps if gap.in_word)
        if not within:
            return 0.0
        allowed = self._rate_per_s * sum(gap.seconds for gap in self._gaps)
        asked_within = allowed - (len(self._gaps) - len(within))
        if asked_within >= len(within):
            return 0.0
        if asked_within <= 0:
            return LONGEST_QUIET_S
        return min(within[len(within) - math.ceil(asked_within)], LONGEST_QUIET_S)

    def _keep_best(self, now_s: float, latency_s: float) -> None:
        if now_s - self._best_since_s > BEST_OF_S:
            self._bests_s = [self._bests_s[1], math.inf]
            self._best_since_s = now_s
        self._bests_s[1] = min(self._bests_s[1], latency_s)

    def _judge(self, now_s: float) -> bool:
        """Lower the rate if answers are late; tell whether they are."""
        if len(self._recent_s) < FEWEST_RECENT or median(self._recent_s) <= self.late_from_s:
            return False
        self._lower(now_s, LATE_FACTOR)
        return True

    def _lower(self, now_s: float, factor: float, least_per_s: float = LEAST_RATE_PER_S) -> None:
        if now_s - self._judged_s < PATIENCE_S:
            return
        self._judged_s = self._moved_s = now_s
        self._fill(now_s)
        lowered = max(self._rate_per_s * factor, least_per_s)
        self._rate_per_s = min(lowered, self._rate_per_s)
        self._recent_s.clear()
        self._unread.clear()

    def _move(self, now_s: float, *, is_quick: bool) -> None:
        passed_s = min(now_s - self._moved_s, LONGEST_MOVE_S)
        self._moved_s = now_s
        self._fill(now_s)
        if is_quick:
            self._rate_per_s = min(self._rate_per_s + passed_s * GAIN_PER_S, FULL_RATE_PER_S)
        else:
            self._rate_per_s += (COMMON_RATE_PER_S - self._rate_per_s) * passed_s * DRIFT_PER_S
