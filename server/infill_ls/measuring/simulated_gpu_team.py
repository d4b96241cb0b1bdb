"""Many editors at a simulated GPU: typing as :mod:`bench.remote.editors` does it, asking as the language server does.

Each key contradicts what was asked for before, so that neither typing through nor an answer that is being written saves
a request: the worst case, and that of the random weights which were measured.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from infill_ls.engine.remote.admission import Admission
from infill_ls.engine.remote.pacing import Pacing
from infill_ls.measuring.intervals import p95
from infill_ls.measuring.simulated_gpu import GpuFigures, GpuRequest, SimulatedGpu
from infill_ls.measuring.simulated_team import Clock, jain_index
from infill_ls.writing import HELD_S

KEY_S = 0.15
PAUSE_S = 0.7
KEYS_WITHIN_WORDS = 0.745
"""Share of the keys behind which no pause is made, in real lines."""
PLACE_KEYS = 210
"""Typed at a place before the next one; six lines."""
PLACES = 2
KEYS_PER_TOKEN = 3.2
ANSWER_TOKENS = 12
COME_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Habits:
    """How editors ask."""

    prompt_tokens: int = 1400
    judged_tokens: int = 8
    """By so much of an answer pacing judges it; 1 is what the engine did when the H200 was measured."""
    every_key: bool = False
    """Whether each key asks at once and takes back what was asked before: no pacing."""
    takes_turns: bool = True
    """Whether it leaves a full server alone at times (:mod:`~infill_ls.engine.remote.admission`)."""
    pacing: type[Pacing] = Pacing


class GpuTypist:
    """One editor and who types in it."""

    def __init__(
        self, number: int, clock: Clock, server: SimulatedGpu, habits: Habits, draw: random.Random
    ) -> None:
        self.number = number
        self._clock, self._server, self._habits, self._draw = clock, server, habits, draw
        self.pacing = habits.pacing(draw.random)
        self.admission = Admission(draw.random)
        self.is_typing = False
        self.keys = self.requests = self.pauses = self.answered = self.out_pauses = 0
        self.latencies_s: list[float] = []
        """From a key to its answer."""
        self._place = self._typed = 0
        self._key, self._pressed_s, self._in_word, self._in_pause = 0, 0.0, False, False
        self._turn = 0
        """Counts what waits for a turn: a later one takes its place."""
        self._asked: GpuRequest | None = None
        self._asked_key, self._sent_s, self._began_s = 0, 0.0, 0.0
        self._is_judged = False
        self._token_s: float | None = None
        self._has_answered = False

    def begin(self, within_s: float) -> None:
        """Come to work."""
        if not self.is_typing:
            self.is_typing = True
            self._clock.after(self._draw.uniform(0, within_s), self._press)

    def stop(self) -> None:
        """Go home."""
        self.is_typing = False
        self._take_back()

    def _is_out(self) -> bool:
        return self._habits.takes_turns and self.admission.out_s(self._clock.now_s) > 0

    def _press(self) -> None:
        if not self.is_typing:
            return
        now_s, draw = self._clock.now_s, self._draw
        self._key += 1
        self._typed += 1
        self.keys += 1
        self._pressed_s = now_s
        self._in_word = draw.random() < KEYS_WITHIN_WORDS
        self._in_pause = not self._in_word
        self.pauses += self._in_pause
        mean_s = KEY_S if self._in_word else PAUSE_S
        self._clock.after(draw.expovariate(1 / mean_s), self._press)
        is_elsewhere = self._typed >= PLACE_KEYS
        if is_elsewhere:
            self._typed, self._place = 0, (self._place + 1) % PLACES
        if self._is_out():  # the model on the editor's own machine answers
            self.out_pauses += self._in_pause
            self._take_back()
            return
        if is_elsewhere:
            self._take_back()
            if not self._has_answered or self.pacing.may_prepare(now_s):
                self._send(new_tokens=1)
                return
        self.pacing.key(now_s, in_word=self._in_word)
        asked = self._asked
        is_held = asked is not None and not asked.heard_tokens and now_s - self._sent_s < HELD_S
        if not is_held or self._habits.every_key:
            self._take_back()
            self._wait(self._turn)

    def _take_back(self) -> None:
        self._turn += 1
        if (asked := self._asked) is None:
            return
        self._asked = None
        self._server.take_back(asked)
        now_s = self._clock.now_s
        age_s = now_s - self._sent_s
        is_late = age_s > self.pacing.late_from_s
        is_unjudged = self._habits.judged_tokens > 1 and not self._is_judged
        if not asked.heard_tokens or (is_late and is_unjudged):
            self.pacing.taken_back(now_s, age_s)
            if is_late or not self._has_answered:
                self.admission.unserved(now_s, self.pacing.rate_per_s)

    def _wait(self, turn: int) -> None:
        if turn != self._turn or self._is_out():
            return
        wait_s = 0.0
        if not self._habits.every_key:
            wait_s = self.pacing.turn_s(self._clock.now_s, in_word=self._in_word)
        if wait_s > 0:
            self._clock.after(wait_s + 1e-6, lambda: self._wait(turn))
        else:
            self._send(ANSWER_TOKENS)

    def _send(self, new_tokens: int) -> None:
        self._asked_key, self._sent_s, self._is_judged = self._key, self._clock.now_s, False
        tokens = self._habits.prompt_tokens + int(self._typed / KEYS_PER_TOKEN)
        self._asked = GpuRequest((self.number, self._place), tokens, new_tokens, self._hear)
        self.requests += new_tokens > 1
        self.pacing.sent(self._sent_s)
        self._server.ask(self._asked)

    def _hear(self, asked: GpuRequest, *, is_first: bool) -> None:
        if asked is not self._asked:
            return
        now_s = self._clock.now_s
        if is_first:
            self._began_s = now_s
        self._judge(asked, now_s)
        if not asked.is_done:
            return
        self._asked = None
        self._has_answered = True
        is_of_now = asked.new_tokens > 1 and self._asked_key == self._key
        if not is_of_now and not self._habits.every_key:
            self._wait(self._turn)
            return
        self.latencies_s.append(now_s - self._pressed_s)
        self.answered += self._in_pause
        self._in_pause = False

    def _judge(self, asked: GpuRequest, now_s: float) -> None:
        """Tell what the answer has taken, as the engine does."""
        wanted = self._habits.judged_tokens
        if self._is_judged or asked.heard_tokens < min(wanted, asked.new_tokens):
            return
        took_s = self._began_s - self._sent_s
        if wanted > 1:
            if asked.heard_tokens > 1:
                self._token_s = (now_s - self._began_s) / (asked.heard_tokens - 1)
            if self._token_s is None:
                return
            took_s += self._token_s * (wanted - 1)
        self._is_judged = True
        self.pacing.answered(now_s, took_s)
        if took_s > self.pacing.late_from_s:
            self.admission.unserved(now_s, self.pacing.rate_per_s)
        else:
            self.admission.served(now_s)


@dataclass(frozen=True, slots=True)
class GpuTeamFigures:
    """What a team got."""

    editors: int
    keys: int
    requests: int
    pauses: int
    answered_pauses: int
    out_pauses: int
    """Of those whose editor left the server alone: its own model answers in them."""
    answers_per_s: float
    """In time for who had asked, in pauses or not."""
    requests_per_s: float
    p50_ms: float
    p95_ms: float
    jain: float
    found_share: float
    """Share of the prompt tokens that the server had kept."""

    @property
    def answered_share(self) -> float:
        """Share of all pauses in which the server's answer came."""
        return self.answered_pauses / max(self.pauses, 1)

    @property
    def answered_share_in(self) -> float:
        """The same of the pauses of those who were let in."""
        return self.answered_pauses / max(self.pauses - self.out_pauses, 1)


class GpuTeam:
    """Editors at one server. ``editors`` are the most that will come."""

    def __init__(
        self, editors: int, figures: GpuFigures, habits: Habits | None = None, *, seed: int = 0
    ) -> None:
        self.clock = Clock()
        self.server = SimulatedGpu(self.clock, figures)
        self.people = [
            GpuTypist(
                number,
                self.clock,
                self.server,
                habits or Habits(),
                random.Random(f"{seed} {number}"),  # noqa: S311 - no secret
            )
            for number in range(editors)
        ]

    def type_with(self, editors: int, within_s: float = COME_WITHIN_S) -> None:
        """Let so many type from now on."""
        for one in self.people:
            if one.number < editors:
                one.begin(within_s)
            else:
                one.stop()

    def work(self, seconds: float) -> GpuTeamFigures:
        """Let them type; return what they got in that time."""
        people = [one for one in self.people if one.is_typing]
        before, heard = [_counts(one) for one in people], [len(one.latencies_s) for one in people]
        read, found = self.server.prompt_tokens, self.server.found_tokens
        self.clock.run(self.clock.now_s + seconds)
        gained = [
            tuple(now - then for now, then in zip(_counts(one), past, strict=True))
            for one, past in zip(people, before, strict=True)
        ]
        keys, requests, pauses, answered, out = map(sum, zip(*gained, strict=True))
        latencies = sorted(
            latency
            for one, count in zip(people, heard, strict=True)
            for latency in one.latencies_s[count:]
        )
        middle_s = latencies[len(latencies) // 2] if latencies else math.inf
        return GpuTeamFigures(
            editors=len(people),
            keys=keys,
            requests=requests,
            pauses=pauses,
            answered_pauses=answered,
            out_pauses=out,
            answers_per_s=len(latencies) / seconds,
            requests_per_s=requests / seconds,
            p50_ms=middle_s * 1000,
            p95_ms=p95(latencies) * 1000 if latencies else math.inf,
            jain=jain_index([one[3] / max(one[2], 1) for one in gained]),
            found_share=(self.server.found_tokens - found)
            / max(self.server.prompt_tokens - read, 1),
        )


def _counts(one: GpuTypist) -> tuple[int, int, int, int, int]:
    return one.keys, one.requests, one.pauses, one.answered, one.out_pauses
