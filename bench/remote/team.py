"""How many editors an inference server carries: simulated typing, and a capacity curve.

``editors`` lets N editors type at once, each with an engine (and connections) of its own, in several
processes, so that the client is not the limit. They ask as the language server does, by the pacing of the
engine; with ``--every-key`` each key asks at once and takes back the question before. Reported are the share
of pauses in which an answer came, the times from a key to its answer, requests for each key, and how evenly the
editors were served (Jain's index of the shares, 1 is even).

``capacity`` asks without pauses from 1, 2, 4, ... clients at once, each with its own place in a
file, so that prefixes are cached as while typing, and computes

    users = completions per second at the largest concurrency whose p95 is under the target
            / answers per second that one user waits for (``--user-rate``, measured by ``editors``)

    python -m bench.remote.team editors --url URL --editors 50 --out RESULT.json
    python -m bench.remote.team capacity --url URL --target-ms 300 --user-rate 1.2 --out RESULT.json
    python -m bench.remote.team table RESULT.json...
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import multiprocessing
import os
import platform
import random
import re
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.command import finish

from infill_ls.engine import CompletionRequest, EngineOptions, RemoteEngine, RemoteOptions
from infill_ls.errors import InfillError
from infill_ls.measuring.intervals import p95
from infill_ls.measuring.simulated_team import jain_index
from infill_ls.prompting.prompt import PromptText, assemble
from infill_ls.types import Prompt, StopRule, Written
from infill_ls.writing import HELD_S

SOURCES = sorted((Path(__file__).parents[2] / "server" / "infill_ls").rglob("*.py"))
KEY_MS = 150
"""Mean time between two keys inside a word; times are exponentially distributed."""
WORD_MS = 700
"""Mean pause after a word: to think, and to read what is suggested."""
WORD = re.compile(r"[^\W\d]*\Z")
PREFIX_LINES = 20
SUFFIX_LINES = 6
LINES = 6
LEARNING_S = 30.0
"""Typed before it is measured: every engine begins without knowing the server."""


@dataclass(frozen=True)
class Server:
    """Whom to ask, and how much is asked for."""

    url: str
    vocabulary: Path | None
    """GGUF to tokenize with, on this side."""
    rule: StopRule

    def engine(self) -> RemoteEngine:
        """Return an engine of its own, as each language server has one."""
        local = EngineOptions(self.vocabulary, vocabulary_only=True) if self.vocabulary else None
        return RemoteEngine(RemoteOptions(self.url, vocabulary=local))


@dataclass
class Served:
    """What one editor got."""

    keys: int = 0
    requests: int = 0
    pauses: int = 0
    """Keys behind which a pause is made, to think and to read."""
    answered_pauses: int = 0
    """Pauses in which an answer was there before the next key."""
    failed: int = 0
    fault: str = ""
    latencies_ms: list[float] = field(default_factory=list)
    """From a key to its answer, of those that came before the next key; without those typed through."""


@dataclass(frozen=True)
class Line:
    """A line to type: the prompt behind each of its characters."""

    text: str
    prompts: tuple[Prompt, ...]


async def lines_for(engine: RemoteEngine, number: int, count: int) -> list[Line]:
    """Return ``count`` lines at a place of their own, with their prompts.

    All is prepared before the clock runs: beside the server, 50 pipelines would take its time.
    """
    texts = [text for path in SOURCES if (text := path.read_text("utf-8")).count("\n") >= 90]
    lines = texts[number % len(texts)].splitlines(keepends=True)
    first = 40 + number * 7 % (len(lines) - 60)
    prefix = "".join(lines[max(0, first - PREFIX_LINES) : first])
    suffix = "\n" + "".join(lines[first + count : first + count + SUFFIX_LINES])
    prefix_ids, suffix_ids = await engine.tokenize([prefix, suffix])
    info = await engine.start()
    found = []
    above = ""  # typed since the anchor, which is held for some lines, as the server does it
    for row in range(first, first + count):
        text = lines[row].rstrip("\n")
        start = len(text) - len(text.lstrip())
        typed = [above + text[:column] for column in range(start + 1, len(text) + 1)]
        fragments = [WORD.search(one)[0] for one in typed]  # type: ignore[index]
        kept = [one[: len(one) - len(piece)] for one, piece in zip(typed, fragments, strict=True)]
        prompts = []
        for ids, piece, before in zip(await engine.tokenize(kept), fragments, kept, strict=True):
            parts = PromptText(
                context="", header="", prefix=prefix, suffix=suffix, typed=before, fragment=piece
            )
            prompts.append(
                assemble(
                    parts,
                    info.fim_tokens(),
                    head_ids=(),
                    prefix_ids=prefix_ids,
                    suffix_ids=suffix_ids,
                    typed_ids=ids,
                    snippet_tokens=0,
                )
            )
        if prompts:
            found.append(Line(text[start:], tuple(prompts)))
        above += lines[row]
    return found


class SimulatedEditor:
    """Types its lines again and again.

    As the language server does it: asks when the engine says that it is its turn, waits for an answer that what
    is typed since does not contradict, and asks for nothing that the answer before holds already. With
    ``every_key`` each key takes back the request before and asks at once, as it was before there was pacing.
    """

    def __init__(
        self,
        number: int,
        engine: RemoteEngine,
        lines: list[Line],
        rule: StopRule,
        *,
        every_key: bool,
    ) -> None:
        self._random = random.Random(number)
        self._rule = rule
        self._engine = engine
        self._lines = lines
        self._every_key = every_key
        self._request: asyncio.Task[None] | None = None
        self._line, self._key, self._pressed_s = lines[0], 0, 0.0
        self._is_answered = False
        self._is_sent = False
        self._asked_at, self._asked_s, self._heard = 0, 0.0, ""
        self.served = Served()

    async def open_file(self) -> None:
        """Have the server compute the prompt, as happens while one looks at a file just opened."""
        while True:
            try:
                return await self._engine.warm(self._lines[0].prompts[0])
            except InfillError:
                await asyncio.sleep(1)

    async def type_until(self, end: float) -> None:
        """Type until the clock says ``end``."""
        await asyncio.sleep(self._random.uniform(0, WORD_MS / 1000))
        while True:
            for line in self._lines:
                self._take_back()
                self._line, self._heard, self._asked_at = line, "", 0
                for number, character in enumerate(line.text):
                    if time.perf_counter() >= end:
                        self._take_back()
                        return
                    self._press(number, character)
                    pauses = not character.isalnum()
                    mean_ms = WORD_MS if pauses else KEY_MS
                    await asyncio.sleep(self._random.expovariate(1000 / mean_ms))
                    self.served.pauses += pauses
                    self.served.answered_pauses += pauses and self._is_answered

    def _press(self, number: int, character: str) -> None:
        self.served.keys += 1
        self._key, self._pressed_s, self._is_answered = number, time.perf_counter(), False
        if not self._every_key:
            self._engine.key_pressed(in_word=character.isalnum() or character == "_")
            since = self._line.text[self._asked_at + 1 : number + 1]
            if self._request is None and self._heard.startswith(since) and self._heard != since:
                self._is_answered = True  # typed through what is shown
                return
            is_held = self._is_sent and self._pressed_s - self._asked_s < HELD_S
            if is_held and since.startswith(self._heard[: len(since)]):
                return
        self._take_back()
        self._request = asyncio.create_task(self._ask())

    def _take_back(self) -> None:
        if self._request is not None:
            self._request.cancel()
            self._request = None
        self._is_sent = False

    def _hear(self, written: Written) -> None:
        self._heard = written.text

    async def _ask(self) -> None:
        while True:
            character = self._line.text[self._key]
            in_word = character.isalnum() or character == "_"
            while not self._every_key and (wait_s := self._engine.turn_s(in_word=in_word)) > 0:  # noqa: ASYNC110 - its turn moves
                await asyncio.sleep(wait_s)
            self._asked_at, self._asked_s, self._heard = self._key, time.perf_counter(), ""
            self._is_sent = True
            self.served.requests += 1
            prompt = self._line.prompts[self._key]
            request = CompletionRequest(prompt=prompt, stop=self._rule)
            try:
                (found,) = await self._engine.complete(request, self._hear)
            except InfillError as error:
                self.served.failed += 1
                self.served.fault = str(error)
                self._request, self._is_sent = None, False
                return
            self._heard, self._is_sent = found.text, False
            if found.text.startswith(self._line.text[self._asked_at + 1 : self._key + 1]):
                break
        self._request = None
        self._is_answered = True
        self.served.latencies_ms.append((time.perf_counter() - self._pressed_s) * 1000)


_start: Any = None
"""What all processes wait at before they type; set in each."""


def _know_start(start: Any) -> None:
    global _start  # noqa: PLW0603 - a process pool passes what is shared in no other way
    _start = start


def _part(server: Server, numbers: Sequence[int], seconds: float, every_key: bool) -> list[Served]:
    """Let some of the editors type, in a process of their own."""
    try:
        return asyncio.run(_type(server, numbers, seconds, every_key))
    except BaseException:
        _start.abort()  # the others would wait for ever
        raise


async def _type(
    server: Server, numbers: Sequence[int], seconds: float, every_key: bool
) -> list[Served]:
    engines = [server.engine() for _ in numbers]
    people = [
        SimulatedEditor(
            number,
            engine,
            await lines_for(engine, number, LINES),
            server.rule,
            every_key=every_key,
        )
        for number, engine in zip(numbers, engines, strict=True)
    ]
    for person in people:  # one after the other, as a team comes to work
        await person.open_file()
    await asyncio.to_thread(_start.wait)
    end = time.perf_counter() + LEARNING_S
    await asyncio.gather(*(person.type_until(end) for person in people))
    for person in people:
        person.served = Served()
    end = time.perf_counter() + seconds
    await asyncio.gather(*(person.type_until(end) for person in people))
    for engine in engines:
        await engine.close()
    return [person.served for person in people]


def simulate(
    server: Server, editors: int, seconds: float, *, processes: int, every_key: bool
) -> dict[str, Any]:
    """Let ``editors`` type for ``seconds``, shared out among processes; return the figures."""
    parts = [range(first, editors, processes) for first in range(min(processes, editors))]
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(len(parts))
    with ProcessPoolExecutor(
        len(parts), context, initializer=_know_start, initargs=(start,)
    ) as pool:
        working = [pool.submit(_part, server, part, seconds, every_key) for part in parts]
        served = [one for work in working for one in work.result()]
    return team_figures(served, seconds) | {"editors": editors, "seconds": seconds}


def team_figures(served: list[Served], seconds: float) -> dict[str, Any]:
    """Return what a team got."""
    every = [latency for one in served for latency in one.latencies_ms]
    shares = [one.answered_pauses / one.pauses for one in served if one.pauses]
    keys, requests, pauses, answered, failed = (
        sum(getattr(one, name) for one in served)
        for name in ("keys", "requests", "pauses", "answered_pauses", "failed")
    )
    latency = (
        {"p50": median(every), "p95": p95(every), "p99": share_at(every, 0.99)} if every else {}
    )
    return {
        "keys": keys,
        "keys_per_s": keys / seconds,
        "requests_per_s": requests / seconds,
        "requests_per_key": requests / keys,
        "answered_pauses_share": answered / max(pauses, 1),
        "answered_pauses_per_s": answered / seconds,
        "latency_ms": latency,
        "failed": failed,
        "fault": next((one.fault for one in served if one.fault), ""),
        "jain_index_of_shares": jain_index(shares),
        "per_editor_share": [round(share, 3) for share in shares],
    }


def share_at(values: list[float], share: float) -> float:
    """Return the value that ``share`` of ``values`` do not exceed."""
    return sorted(values)[min(math.ceil(share * len(values)), len(values)) - 1]


async def sweep(
    server: Server, levels: list[int], seconds: float, target_ms: float, user_rate: float
) -> dict[str, Any]:
    """Measure each concurrency in turn; return the curve and what follows from it."""
    curve = []
    for clients in levels:
        engines = [server.engine() for _ in range(clients)]
        texts = [await lines_for(engine, n, LINES) for n, engine in enumerate(engines)]
        for engine, lines in zip(engines, texts, strict=True):
            await engine.warm(lines[0].prompts[0])  # who opens a file waits once
        end = time.perf_counter() + seconds
        found = await asyncio.gather(
            *(
                _ask_without_pause(*pair, server.rule, end)
                for pair in zip(engines, texts, strict=True)
            )
        )
        for engine in engines:
            await engine.close()
        latencies = [latency for one in found for latency in one]
        rate = len(latencies) / seconds
        curve.append(
            {
                "clients": clients,
                "completions_per_s": rate,
                "median_ms": median(latencies),
                "p95_ms": p95(latencies),
            }
        )
        print(json.dumps(curve[-1]))
    good = [point for point in curve if point["p95_ms"] <= target_ms]
    best = max(good, key=lambda point: point["completions_per_s"]) if good else None
    return {
        "curve": curve,
        "users": int(best["completions_per_s"] / user_rate) if best else 0,
    }


async def _ask_without_pause(
    engine: RemoteEngine, lines: list[Line], rule: StopRule, end: float
) -> list[float]:
    """Complete behind every third key, without a pause; return the times."""
    latencies: list[float] = []
    while True:
        for line in lines:
            for prompt in line.prompts[::3]:
                if time.perf_counter() >= end:
                    return latencies
                started = time.perf_counter()
                await engine.complete(CompletionRequest(prompt=prompt, stop=rule))
                latencies.append((time.perf_counter() - started) * 1000)


def table(paths: list[Path]) -> str:
    """Return the capacity table of ``docs/team-server.md``."""
    rows = [
        "| hardware | server, model | completions/s | p95, ms | at once | users |",
        "|---|---|---|---|---|---|",
    ]
    for path in paths:
        result = json.loads(path.read_text("utf-8"))
        run, figures = result["run"], result["figures"]
        for point in figures["curve"]:
            users = int(point["completions_per_s"] / run["answers_per_user_per_s"])
            good = point["p95_ms"] <= run["target_p95_ms"]
            rows.append(
                f"| {run['hardware']} | {run['server']} | {point['completions_per_s']:.1f} "
                f"| {point['p95_ms']:.0f} | {point['clients']} | {users if good else 'over the target'} |"
            )
    return "\n".join(rows)


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("editors", "capacity"):
        command = commands.add_parser(name)
        command.add_argument("--url", required=True)
        command.add_argument("--seconds", type=float, default=60)
        command.add_argument("--vocabulary", type=Path, help="GGUF to tokenize with, on this side")
        command.add_argument(
            "--tokens",
            type=int,
            default=96,
            help="at most so many for each suggestion: random weights do not end their lines",
        )
        command.add_argument("--hardware", default=platform.processor() or platform.machine())
        command.add_argument("--server", default="", help="server and model, for the table")
        command.add_argument("--out", type=Path)
        if name == "editors":
            command.add_argument("--editors", type=int, default=50)
            command.add_argument("--processes", type=int, default=max((os.cpu_count() or 2) - 1, 1))
            command.add_argument("--every-key", action="store_true", help="without pacing")
        else:
            command.add_argument("--levels", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
            command.add_argument("--target-ms", type=float, default=300)
            command.add_argument("--user-rate", type=float, required=True)
    commands.add_parser("table").add_argument("results", type=Path, nargs="+")
    options = parser.parse_args()
    if options.command == "table":
        print(table(options.results))
        return
    rule = StopRule(max_tokens=options.tokens, max_lines=1, time_budget_ms=1000)
    server = Server(options.url, options.vocabulary, rule)
    run = {
        "hardware": options.hardware,
        "server": options.server,
        "tokens_at_most": options.tokens,
        "seconds": options.seconds,
        "load_before": os.getloadavg()[0],
    }
    if options.command == "capacity":
        run |= {"target_p95_ms": options.target_ms, "answers_per_user_per_s": options.user_rate}
        work = sweep(server, options.levels, options.seconds, options.target_ms, options.user_rate)
        figures = asyncio.run(work)
    else:
        run |= {"processes": options.processes, "every_key": options.every_key}
        figures = simulate(
            server,
            options.editors,
            options.seconds,
            processes=options.processes,
            every_key=options.every_key,
        )
    finish(options.out, options.command, run=run, figures=figures)


if __name__ == "__main__":
    main()
