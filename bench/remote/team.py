"""How many editors an inference server carries: simulated typing, and a capacity curve.

``editors`` lets N editors type at once, each with an engine (and connections) of its own, as so
many language servers would have: every key asks and takes back the question before. Reported are the
times from a key to its answer, for the answers that came before the next key, and how evenly the
editors were served (Jain's index, 1 is even; the best and the worst editor's 95th percentile).

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
import os
import platform
import random
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.command import finish

from infill_ls.engine import CompletionRequest, EngineOptions, RemoteEngine, RemoteOptions
from infill_ls.errors import InfillError
from infill_ls.measuring.intervals import p95
from infill_ls.prompting.prompt import PromptText, assemble
from infill_ls.types import Prompt, StopRule

SOURCES = sorted((Path(__file__).parents[2] / "server" / "infill_ls").rglob("*.py"))
KEY_MS = 150
"""Mean time between two keys inside a word; times are exponentially distributed."""
WORD_MS = 700
"""Mean pause after a word: to think, and to read what is suggested."""
WORD = re.compile(r"[^\W\d]*\Z")
PREFIX_LINES = 20
SUFFIX_LINES = 6
LINES = 6


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
    """Each is a request."""
    failed: int = 0
    fault: str = ""
    latencies_ms: list[float] = field(default_factory=list)
    """Of the requests answered before the next key."""


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
    """Types its lines again and again."""

    def __init__(
        self, number: int, engine: RemoteEngine, lines: list[Line], rule: StopRule
    ) -> None:
        self._random = random.Random(number)
        self._rule = rule
        self._engine = engine
        self._lines = lines
        self.served = Served()

    async def open_file(self) -> None:
        """Have the server compute the prompt, as happens while one looks at a file just opened."""
        while True:
            try:
                return await self._engine.warm(self._lines[0].prompts[0])
            except InfillError:
                await asyncio.sleep(1)

    async def type_until(self, end: float) -> None:
        """Type until the clock says ``end``; each key takes back the question before."""
        request: asyncio.Task[None] | None = None
        await asyncio.sleep(self._random.uniform(0, WORD_MS / 1000))
        while True:
            for line in self._lines:
                for character, prompt in zip(line.text, line.prompts, strict=True):
                    if request is not None:
                        request.cancel()
                    if time.perf_counter() >= end:
                        return
                    self.served.keys += 1
                    request = asyncio.create_task(self._ask(prompt))
                    mean_ms = KEY_MS if character.isalnum() else WORD_MS
                    await asyncio.sleep(self._random.expovariate(1000 / mean_ms))

    async def _ask(self, prompt: Prompt) -> None:
        started = time.perf_counter()
        with suppress(asyncio.CancelledError):
            try:
                await self._engine.complete(CompletionRequest(prompt=prompt, stop=self._rule))
            except InfillError as error:
                self.served.failed += 1
                self.served.fault = str(error)
                return
            self.served.latencies_ms.append((time.perf_counter() - started) * 1000)


async def simulate(server: Server, editors: int, seconds: float) -> dict[str, Any]:
    """Let ``editors`` type for ``seconds``; return the figures."""
    engines = [server.engine() for _ in range(editors)]
    people = [
        SimulatedEditor(number, engine, await lines_for(engine, number, LINES), server.rule)
        for number, engine in enumerate(engines)
    ]
    started = time.perf_counter()
    for person in people:  # one after the other, as a team comes to work
        await person.open_file()
    warm_s = time.perf_counter() - started
    end = time.perf_counter() + seconds
    await asyncio.gather(*(person.type_until(end) for person in people))
    for engine in engines:
        await engine.close()
    served = [person.served for person in people]
    every = [latency for one in served for latency in one.latencies_ms]
    if not every:
        raise SystemExit(f"no answer came in time; {served[0].fault or 'the server is too slow'}")
    shares = [len(one.latencies_ms) / one.keys for one in served]
    p95s = sorted(p95(one.latencies_ms) for one in served if one.latencies_ms)
    keys = sum(one.keys for one in served)
    return {
        "editors": editors,
        "seconds": seconds,
        "seconds_to_open_all_files": warm_s,
        "keys": keys,
        "answered_before_the_next_key": len(every),
        "failed": sum(one.failed for one in served),
        "keys_per_editor_per_s": keys / editors / seconds,
        "answers_per_editor_per_s": len(every) / editors / seconds,
        "latency_ms": {"median": median(every), "p95": p95(every)},
        "answered_share": {"min": min(shares), "median": median(shares), "max": max(shares)},
        "jain_index_of_shares": sum(shares) ** 2 / (len(shares) * sum(s * s for s in shares)),
        "editors_p95_ms": {"best": p95s[0], "median": median(p95s), "worst": p95s[-1]},
        "per_editor": [
            {
                "keys": one.keys,
                "answered": len(one.latencies_ms),
                "failed": one.failed,
                "p95_ms": round(p95(one.latencies_ms), 1) if one.latencies_ms else None,
            }
            for one in served
        ],
    }


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
    if options.command == "editors":
        work = simulate(server, options.editors, options.seconds)
    else:
        work = sweep(server, options.levels, options.seconds, options.target_ms, options.user_rate)
    run = {
        "hardware": options.hardware,
        "server": options.server,
        "tokens_at_most": options.tokens,
        "seconds": options.seconds,
        "load_before": os.getloadavg()[0],
    }
    if options.command == "capacity":
        run |= {"target_p95_ms": options.target_ms, "answers_per_user_per_s": options.user_rate}
    finish(options.out, options.command, run=run, figures=asyncio.run(work))


if __name__ == "__main__":
    main()
