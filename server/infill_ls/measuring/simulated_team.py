"""Many editors at one inference server, on a clock of their own: what pacing does to a team.

The server is a front that takes requests one after the other (HTTP and JSON: what was the limit of vLLM on
an H200), and a fixed number of slots behind it. To take a request back costs the front too. The editors type
as people do: keys of a word close together, pauses mostly behind words. How the model writes is left out:
every key contradicts what was asked for before, which is the worst case.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from infill_ls.engine.remote.pacing import Pacing
from infill_ls.measuring.intervals import p95

WORD_KEYS = 5
"""Mean letters of a word; one other character follows."""
KEY_S = 0.15
PAUSE_S = 0.7
PAUSES_BEHIND_WORDS = 0.75
"""Share of the ends of words at which a pause is made,"""
PAUSES_WITHIN_WORDS = 0.05
"""and of the other keys."""
COME_WITHIN_S = 20.0
"""All come to work in this time."""
AWAY_LOOK_S = 4.0
"""How often an editor looks whether a server works again."""


class Policy(Protocol):
    """When an editor asks: what :class:`~infill_ls.engine.remote.pacing.Pacing` offers of it."""

    def key(self, now_s: float, *, in_word: bool) -> None:
        """Note a key."""

    def turn_s(self, now_s: float, *, in_word: bool) -> float:
        """Return the seconds to wait."""

    def sent(self, now_s: float) -> None:
        """Note a request."""

    def answered(self, now_s: float, latency_s: float) -> None:
        """Note an answer."""

    def taken_back(self, now_s: float, age_s: float) -> None:
        """Note a request that was taken back."""

    def went_away(self, now_s: float) -> None:
        """Note that there is no server."""


class EveryKey:
    """Asks at every key, at once or after a fixed pause: what was before pacing."""

    def __init__(self, quiet_s: float = 0.0) -> None:
        self._quiet_s = quiet_s

        self._key_s = 0.0

    def key(self, now_s: float, *, in_word: bool) -> None:  # noqa: ARG002
        """Note a key."""
        self._key_s = now_s

    def turn_s(self, now_s: float, *, in_word: bool) -> float:  # noqa: ARG002
        """Return what is left of the pause."""
        return max(self._key_s + self._quiet_s - now_s, 0.0)

    def sent(self, now_s: float) -> None:
        """Do nothing."""

    def answered(self, now_s: float, latency_s: float) -> None:
        """Do nothing."""

    def taken_back(self, now_s: float, age_s: float) -> None:
        """Do nothing."""

    def went_away(self, now_s: float) -> None:
        """Do nothing."""


class Clock:
    """Events in their order."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Have something done later."""
        self._count += 1
        heapq.heappush(self._due, (self.now_s + seconds, self._count, do))

    def run(self, until_s: float) -> None:
        """Let the time pass."""
        while self._due and self._due[0][0] <= until_s:
            self.now_s, _, do = heapq.heappop(self._due)
            do()
        self.now_s = until_s


@dataclass(slots=True, eq=False)
class TeamRequest:
    """One request at the server."""

    sent_s: float
    done: Callable[[], None]
    failed: Callable[[], None]
    is_taken_back: bool = False
    has_slot: bool = False


@dataclass(eq=False)
class SimulatedService:
    """The server."""

    clock: Clock
    slots: int = 16
    answer_s: float = 0.08
    front_s: float = 0.0008
    requests: int = 0
    arrivals_s: list[float] = field(default_factory=list)
    is_away: bool = False

    def __post_init__(self) -> None:
        self._front_free_s = 0.0
        self._queue: deque[TeamRequest] = deque()
        self._running: set[TeamRequest] = set()

    def ask(self, request: TeamRequest) -> None:
        """Take a request."""
        self.requests += 1
        self.arrivals_s.append(self.clock.now_s)
        if self.is_away:
            self.clock.after(0.001, request.failed)
            return
        self._at_front(lambda: self._enqueue(request))

    def take_back(self, request: TeamRequest) -> None:
        """Hear that nobody waits for it any more: once the front has come to it."""
        request.is_taken_back = True

        def free() -> None:
            if request in self._running:
                self._running.discard(request)
                self._next()

        self._at_front(free)

    def go_away(self) -> None:
        """End, with all that is under way."""
        self.is_away = True
        lost = [one for one in (*self._queue, *self._running) if not one.is_taken_back]
        self._queue.clear()
        self._running.clear()
        for request in lost:
            self.clock.after(0.0, request.failed)

    def _at_front(self, do: Callable[[], None]) -> None:
        self._front_free_s = max(self._front_free_s, self.clock.now_s) + self.front_s
        self.clock.after(self._front_free_s - self.clock.now_s, do)

    def _enqueue(self, request: TeamRequest) -> None:
        if self.is_away:
            if not request.is_taken_back:
                request.failed()
            return
        self._queue.append(request)
        self._next()

    def _next(self) -> None:
        while self._queue and len(self._running) < self.slots:
            request = self._queue.popleft()
            if request.is_taken_back:
                continue
            self._running.add(request)
            self.clock.after(self.answer_s, lambda one=request: self._finish(one))  # type: ignore[misc]

    def _finish(self, request: TeamRequest) -> None:
        if request in self._running:
            self._running.discard(request)
            if not request.is_taken_back:
                request.done()
            self._next()


class SimulatedPerson:
    """One editor and who types in it."""

    def __init__(
        self, clock: Clock, service: SimulatedService, policy: Policy, draw: random.Random
    ) -> None:
        self._clock, self._service, self.policy, self._draw = clock, service, policy, draw
        self._keys_of_word = 0
        self._key = 0
        self._request: TeamRequest | None = None
        self._in_pause = False
        self._is_away = False
        self.keys = self.requests = self.pauses = self.answered_pauses = self.local = 0
        self.latencies_s: list[float] = []
        """From the key to the answer."""
        self.answers_s: list[float] = []
        """When the server answered."""
        self._clock.after(draw.uniform(0, COME_WITHIN_S), self.press)

    def press(self) -> None:
        """Press a key; what was asked for before is taken back."""
        self._key += 1
        self.keys += 1
        if (request := self._request) is not None:
            self._request = None
            self._service.take_back(request)
            self.policy.taken_back(self._clock.now_s, self._clock.now_s - request.sent_s)
        draw = self._draw
        in_word = draw.random() >= 1 / (WORD_KEYS + 1)
        pauses = draw.random() < (PAUSES_WITHIN_WORDS if in_word else PAUSES_BEHIND_WORDS)
        self._in_pause = pauses
        self.pauses += pauses
        self.policy.key(self._clock.now_s, in_word=in_word)
        self._wait(self._key, self._clock.now_s, in_word)
        self._clock.after(draw.expovariate(1 / (PAUSE_S if pauses else KEY_S)), self.press)

    def _wait(self, key: int, pressed_s: float, in_word: bool) -> None:
        if key != self._key:
            return
        if self._is_away:
            self.local += 1
            return
        wait_s = self.policy.turn_s(self._clock.now_s, in_word=in_word)
        if wait_s > 0:
            self._clock.after(wait_s + 1e-6, lambda: self._wait(key, pressed_s, in_word))
            return
        request = TeamRequest(self._clock.now_s, lambda: self._hear(pressed_s), self._lose)
        self._request = request
        self.requests += 1
        self.policy.sent(self._clock.now_s)
        self._service.ask(request)

    def _hear(self, pressed_s: float) -> None:
        now_s, request = self._clock.now_s, self._request
        assert request is not None
        self._request = None
        self.policy.answered(now_s, now_s - request.sent_s)
        self.latencies_s.append(now_s - pressed_s)
        self.answers_s.append(now_s)
        self.answered_pauses += self._in_pause
        self._in_pause = False

    def _lose(self) -> None:
        if self._is_away:
            return
        self._request = None
        self._is_away = True
        self.policy.went_away(self._clock.now_s)
        self._look_later()

    def _look_later(self) -> None:
        self._clock.after(AWAY_LOOK_S * self._draw.uniform(0.5, 1.0), self._look)

    def _look(self) -> None:
        self._service.ask(TeamRequest(self._clock.now_s, self._come_back, self._look_later))

    def _come_back(self) -> None:
        self._is_away = False


@dataclass(frozen=True, slots=True)
class TeamFigures:
    """What a team got."""

    editors: int
    keys: int
    requests: int
    pauses: int
    answered_pauses: int
    answers_per_s: float
    """In pauses: those that were of use."""
    p50_ms: float
    p95_ms: float
    """From the key to the answer; infinite without any answer."""
    jain: float
    """Of the shares of pauses answered; 1 is even."""

    @property
    def answered_share(self) -> float:
        """Share of the pauses in which the answer came."""
        return self.answered_pauses / max(self.pauses, 1)

    @property
    def requests_per_key(self) -> float:
        """What a key costs the server."""
        return self.requests / max(self.keys, 1)


class SimulatedTeam:
    """Editors that come to work within a second, each with a policy of its own."""

    def __init__(
        self,
        editors: int,
        policy: Callable[[random.Random], Policy] = lambda draw: Pacing(draw.random),
        *,
        seed: int = 0,
        service: Callable[[Clock], SimulatedService] = SimulatedService,
    ) -> None:
        self.clock = Clock()
        self.service = service(self.clock)
        self._policy = policy
        self._seed = seed
        self.people: list[SimulatedPerson] = []
        self.join(editors)

    def join(self, editors: int) -> None:
        """Let more come."""
        for _ in range(editors):
            draw = random.Random(f"{self._seed} {len(self.people)}")  # noqa: S311 - no secret
            policy = self._policy(draw)
            self.people.append(SimulatedPerson(self.clock, self.service, policy, draw))

    def work(self, seconds: float) -> TeamFigures:
        """Let them type; return what they got in that time."""
        people = self.people
        before = [(one.keys, one.requests, one.pauses, one.answered_pauses) for one in people]
        heard = [len(one.latencies_s) for one in people]
        self.clock.run(self.clock.now_s + seconds)
        after = [(one.keys, one.requests, one.pauses, one.answered_pauses) for one in people]
        gained = [
            [now - then for now, then in zip(*pair, strict=True)]
            for pair in zip(after, before, strict=True)
        ]
        keys, requests, pauses, answered = (sum(column) for column in zip(*gained, strict=True))
        latencies = sorted(
            latency
            for one, count in zip(people, heard, strict=True)
            for latency in one.latencies_s[count:]
        )
        shares = [one[3] / max(one[2], 1) for one in gained]
        middle = latencies[len(latencies) // 2] * 1000 if latencies else float("inf")
        return TeamFigures(
            editors=len(people),
            keys=keys,
            requests=requests,
            pauses=pauses,
            answered_pauses=answered,
            answers_per_s=answered / seconds,
            p50_ms=middle,
            p95_ms=p95(latencies) * 1000 if latencies else float("inf"),
            jain=jain_index(shares),
        )


def jain_index(values: list[float]) -> float:
    """Return how even ``values`` are: 1 if all are equal, 1/n if one has all; 0 without any."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 0.0
