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
import queue
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

from bench.command import finish
from bench.remote.editors import EditorResult, ServerAddress, SimulatedEditor, TypedLine, lines_for
from bench.remote.watching import Watch

from infill_ls.engine import CompletionRequest
from infill_ls.engine.remote import RemoteEngine, admission, pacing
from infill_ls.measuring.intervals import p95
from infill_ls.measuring.simulated_team import jain_index
from infill_ls.types import StopRule

LEARNING_S = 30.0
"""Typed before it is measured: every engine begins without knowing the server."""
PATIENCE_S = 5.0
"""Between two looks whether a process of editors has failed."""


@dataclass(frozen=True)
class TeamPlan:
    """What a team does, one after the other."""

    levels: tuple[int, ...]
    """How many editors type: the first ones of the team, who keep what they have learnt."""
    seconds: float
    learning_s: float
    places: int
    """In how many places each types in turn; at each new one the server reads the whole prompt."""
    every_key: bool
    takes_turns: bool
    """Whether an editor leaves a full server to others at times."""
    come_within_s: float
    """Before what is learnt: so long it takes until all are at work. 0 for all at once, their files open."""
    pacing: Mapping[str, float]
    """Constants of pacing to try others of."""


@dataclass(frozen=True)
class Shared:
    """What the processes of a team share."""

    start: Any
    """A barrier, before each time that is measured."""
    results: Any
    """A queue: the level, when it began and ended, and what each editor got."""


Part = tuple[float, float, list[EditorResult]]
"""What one process has measured: when it began and ended, and what each editor got."""
_shared: Shared


def _know(shared: Shared) -> None:
    global _shared  # noqa: PLW0603 - a process pool passes what is shared in no other way
    _shared = shared


def _part(server: ServerAddress, numbers: Sequence[int], plan: TeamPlan) -> None:
    """Let some of the editors type, in a process of their own."""
    for name, value in plan.pacing.items():
        if not hasattr(pacing, name):
            raise SystemExit(f"pacing has no constant {name}")
        setattr(pacing, name, value)
    if not plan.takes_turns:
        admission.POOR_RATE_PER_S = 0.0  # so little is never asked
    try:
        asyncio.run(_type(server, numbers, plan))
    except BaseException:
        _shared.start.abort()  # the others would wait for ever
        raise


async def _type(server: ServerAddress, numbers: Sequence[int], plan: TeamPlan) -> None:
    people = []
    engines = [server.engine() for _ in numbers]
    for number, engine in zip(numbers, engines, strict=True):
        # The places of an editor are far from each other.
        places = [
            await lines_for(server, engine, number + place * 1009) for place in range(plan.places)
        ]
        people.append(
            SimulatedEditor(number, engine, places, server.rule, every_key=plan.every_key)
        )
    for level in plan.levels:
        active = [person for person in people if person.number < level]
        if not plan.come_within_s:
            for person in active:
                await person.open_file()
        await asyncio.to_thread(_shared.start.wait)
        if plan.come_within_s:
            end = time.perf_counter() + plan.come_within_s + plan.learning_s
            await asyncio.gather(*(person.come(plan.come_within_s, end) for person in active))
        else:
            await _work(active, plan.learning_s)
        for person in active:
            person.begin()
        began = time.time()
        await _work(active, plan.seconds)
        _shared.results.put((level, began, time.time(), [person.result() for person in active]))
    for engine in engines:
        await engine.close()


async def _work(people: list[SimulatedEditor], seconds: float) -> None:
    end = time.perf_counter() + seconds
    await asyncio.gather(*(person.type_until(end) for person in people))


def simulate(
    server: ServerAddress, plan: TeamPlan, watch: Watch, *, processes: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Let a team type, shared out among processes; yield each level with its figures."""
    most = max(plan.levels)
    parts = [range(first, most, processes) for first in range(min(processes, most))]
    context = multiprocessing.get_context("spawn")
    shared = Shared(context.Barrier(len(parts)), context.Queue())
    pool = ProcessPoolExecutor(len(parts), context, initializer=_know, initargs=(shared,))
    with pool, watch:
        working = [pool.submit(_part, server, part, plan) for part in parts]
        for level in plan.levels:
            found: list[Part] = [_next_result(shared, working)[1:] for _ in parts]
            served = [one for part in found for one in part[2]]
            began, ended = measured_together(found)
            yield level, team_figures(served, plan.seconds) | watch.figures(began, ended)
        for work in working:
            work.result()


def _next_result(shared: Shared, working: list[Future[None]]) -> Any:
    while True:
        try:
            return shared.results.get(timeout=PATIENCE_S)
        except queue.Empty:
            for work in working:
                if work.done():
                    work.result()  # raises what went wrong there


def measured_together(parts: Sequence[Part]) -> tuple[float, float]:
    """Return from when to when all were measured who typed; where nobody did, no time has passed."""
    typed = [part for part in parts if part[2]]
    return max(part[0] for part in typed), min(part[1] for part in typed)


def team_figures(served: list[EditorResult], seconds: float) -> dict[str, Any]:
    """Return what a team got."""
    every = [latency for one in served for latency in one.latencies_ms]
    shares = [one.answered_pauses / one.pauses for one in served if one.pauses]
    keys, requests, pauses, answered, out, failed = (
        sum(getattr(one, name) for one in served)
        for name in ("keys", "requests", "pauses", "answered_pauses", "out_pauses", "failed")
    )
    latency = (
        {"p50": median(every), "p95": p95(every), "p99": share_at(every, 0.99)} if every else {}
    )
    return {
        "keys": keys,
        "keys_per_s": keys / seconds,
        "requests_per_s": requests / seconds,
        "requests_per_key": requests / keys,
        "answers_per_s": len(every) / seconds,
        "answered_pauses_share": answered / max(pauses, 1),
        "out_pauses_share": out / max(pauses, 1),
        "answered_share_of_those_in": answered / max(pauses - out, 1),
        "answered_pauses_per_s": answered / seconds,
        "latency_ms": latency,
        "failed": failed,
        "fault": next((one.fault for one in served if one.fault), ""),
        "jain_index_of_shares": jain_index(shares),
        "least_share": round(min(shares), 3) if shares else None,
        "rate_per_s": round(mean(one.rate_per_s for one in served), 2),
    }


def share_at(values: list[float], share: float) -> float:
    """Return the value that ``share`` of ``values`` do not exceed."""
    return sorted(values)[min(math.ceil(share * len(values)), len(values)) - 1]


async def sweep(
    server: ServerAddress, levels: list[int], seconds: float, target_ms: float, user_rate: float
) -> dict[str, Any]:
    """Measure each concurrency in turn; return the curve and what follows from it."""
    curve = []
    for clients in levels:
        engines = [server.engine() for _ in range(clients)]
        texts = [await lines_for(server, engine, n) for n, engine in enumerate(engines)]
        for engine, lines in zip(engines, texts, strict=True):
            await engine.warm(lines[0].prompt(0))  # who opens a file waits once
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
    engine: RemoteEngine, lines: list[TypedLine], rule: StopRule, end: float
) -> list[float]:
    """Complete behind every third key, without a pause; return the times."""
    latencies: list[float] = []
    while True:
        for line in lines:
            for key in range(0, len(line.text), 3):
                if time.perf_counter() >= end:
                    return latencies
                started = time.perf_counter()
                await engine.complete(CompletionRequest(prompt=line.prompt(key), stop=rule))
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
        command.add_argument(
            "--prompt-tokens", type=int, default=1400, help="of each prompt, before what is typed"
        )
        command.add_argument(
            "--whole-words",
            action="store_true",
            help="for random weights: what is typed of a word goes into the prompt, as they would never write it again",
        )
        command.add_argument("--hardware", default=platform.processor() or platform.machine())
        command.add_argument("--server", default="", help="server and model, for the table")
        command.add_argument("--out", type=Path)
        if name == "editors":
            command.add_argument("--editors", type=int, nargs="+", default=[50])
            command.add_argument("--learning-seconds", type=float, default=LEARNING_S)
            command.add_argument(
                "--come-within-seconds",
                type=float,
                default=0.0,
                help="each opens its file and begins at some time in these, before the learning: "
                "a full server gets into turns as it would in a morning",
            )
            command.add_argument("--places", type=int, default=2, help="each types in, in turn")
            command.add_argument("--gpu", default="", help="number of the GPU to watch")
            command.add_argument(
                "--pacing",
                nargs="+",
                default=[],
                metavar="CONSTANT=VALUE",
                help="another value for a constant of pacing.py",
            )
            command.add_argument("--processes", type=int, default=max((os.cpu_count() or 2) - 1, 1))
            command.add_argument("--every-key", action="store_true", help="without pacing")
            command.add_argument(
                "--without-turns", action="store_true", help="all ask a full server all the time"
            )
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
    server = ServerAddress(
        options.url, options.vocabulary, rule, options.prompt_tokens, not options.whole_words
    )
    run = {
        "hardware": options.hardware,
        "server": options.server,
        "tokens_at_most": options.tokens,
        "prompt_tokens": options.prompt_tokens,
        "seconds": options.seconds,
        "load_before": os.getloadavg()[0],
    }
    if options.command == "capacity":
        run |= {"target_p95_ms": options.target_ms, "answers_per_user_per_s": options.user_rate}
        work = sweep(server, options.levels, options.seconds, options.target_ms, options.user_rate)
        finish(options.out, options.command, run=run, figures=asyncio.run(work))
        return
    constants = dict(one.split("=", 1) for one in options.pacing)
    plan = TeamPlan(
        levels=tuple(options.editors),
        seconds=options.seconds,
        learning_s=options.learning_seconds,
        places=options.places,
        every_key=options.every_key,
        takes_turns=not options.without_turns,
        come_within_s=options.come_within_seconds,
        pacing={name: float(value) for name, value in constants.items()},
    )
    run |= {
        "processes": options.processes,
        "learning_s": plan.learning_s,
        "every_key": plan.every_key,
        "takes_turns": plan.takes_turns,
        "come_within_s": plan.come_within_s,
        "places": plan.places,
        **({"pacing": dict(plan.pacing)} if plan.pacing else {}),
    }
    watch = Watch(options.url, options.gpu)
    rows = []
    for level, figures in simulate(server, plan, watch, processes=options.processes):
        rows.append({"editors": level, **figures})
        # After each: what is measured is kept, whatever comes next.
        finish(options.out, "editors", run=run, figures={"rows": rows})


if __name__ == "__main__":
    main()
