"""What a real server does with what the remote engine relies on: each is tried, and what came of it written down.

Taking back frees the server's slot; the prefix cache finds what stays while a line is typed; a fragment can be
forced, at what cost; faults come as the messages that docs/team-server.md tells of.

    python -m bench.remote.checks HOLES.json --url URL --out RESULT.json

``HOLES.json`` is made by ``bench.remote.same_answers``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from bench.command import finish, parser_of
from bench.remote.editors import ServerAddress, key_headers, lines_for
from bench.remote.same_answers import RULE, prompt_of
from bench.remote.watching import read_metrics

from infill_ls.engine import CompletionRequest
from infill_ls.engine.remote import RemoteEngine, RemoteOptions
from infill_ls.engine.remote.credentials import KEY_ENVIRONMENT_VARIABLE
from infill_ls.errors import InfillError
from infill_ls.types import Prompt, StopRule

AT_ONCE = 16
LONG = StopRule(max_tokens=1500, max_lines=100_000, time_budget_ms=60_000)
WAIT_S = 8.0
NUDGE_TOKENS = 48
"""So many that SGLang counts meanwhile, which it does each 40 steps."""
EACH_KEYS = 4
"""Between two requests while a line is typed."""


@dataclass(frozen=True)
class Target:
    """What is tried."""

    url: str
    holes: list[dict[str, Any]]
    prompt_tokens: int
    counts_while_writing: bool = False
    """Whether the server counts only while it writes, as SGLang does: then it is given something to write."""

    def engine(self, model: str = "") -> RemoteEngine:
        """Return an engine that knows nothing yet."""
        return RemoteEngine(RemoteOptions(self.url, model=model))

    def running(self) -> float:
        """Return how many requests the server says that it is at."""
        return read_metrics(self.url).get("running", -1.0)

    async def until_running(
        self, wanted: Callable[[float], bool], nudge: Callable[[], Awaitable[object]] | None = None
    ) -> tuple[float, float]:
        """Wait until the server says so, but not for ever; return the count and the milliseconds.

        SGLang counts while it writes only: ``nudge`` gives it something to do before each look.
        """
        began = time.perf_counter()
        while True:
            if nudge is not None:
                await nudge()
            count = await asyncio.to_thread(self.running)
            passed_s = time.perf_counter() - began
            if wanted(count) or passed_s > WAIT_S:
                return count, passed_s * 1000
            await asyncio.sleep(0.02)


async def taking_back(target: Target) -> dict[str, Any]:
    """Ask for long answers, take all back at once, and see when the server is at none any more."""
    engine = target.engine()
    await engine.start()
    prompts = [prompt_of(hole) for hole in target.holes[:AT_ONCE]]
    prompts = [replace(prompt, fragment="") for prompt in prompts]
    before = target.running()
    asked = [
        asyncio.create_task(engine.complete(CompletionRequest(prompt=prompt, stop=LONG)))
        for prompt in prompts
    ]
    most, _ = await target.until_running(lambda count: count >= len(asked))
    ended_before = sum(task.done() for task in asked)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    short = StopRule(max_tokens=NUDGE_TOKENS, max_lines=100, time_budget_ms=60_000)

    async def nudge() -> None:
        await engine.complete(CompletionRequest(prompt=prompts[0], stop=short))

    if target.counts_while_writing:
        after, freed_ms = await target.until_running(lambda count: count <= before + 1, nudge)
    else:
        after, freed_ms = await target.until_running(lambda count: count <= before)
    await engine.close()
    return {
        "asked": len(asked),
        "running_before": before,
        "running_meanwhile": most,
        "had_ended_before_taken_back": ended_before,
        "running_after": after,
        "seen_free_after_ms": freed_ms,
    }


async def prefix_hits(target: Target) -> dict[str, Any]:
    """Type lines, asking each few keys, and read the share of prompt tokens that the cache had."""
    engine = target.engine()
    server = ServerAddress(target.url, None, RULE, target.prompt_tokens)
    lines = await lines_for(server, engine, 11)
    await engine.warm(lines[0].prompt(0))
    before = read_metrics(target.url)
    requests = tokens = reused = 0
    for line in lines:
        for key in range(0, len(line.text), EACH_KEYS):
            prompt = line.prompt(key)
            (found,) = await engine.complete(CompletionRequest(prompt=prompt, stop=RULE))
            requests += 1
            tokens += len(prompt.token_ids)
            reused += found.timings.reused_tokens
    await asyncio.sleep(1)  # what has ended is counted once in a while
    after = read_metrics(target.url)
    await engine.close()
    hits, queries = (
        after.get(name, 0) - before.get(name, 0) for name in ("cache_hits", "cache_queries")
    )
    return {
        "requests": requests,
        "prompt_tokens": tokens,
        "hits": hits,
        "queries": queries,
        "hit_share": hits / queries if queries else None,
    }


async def fragments(target: Target) -> dict[str, Any]:
    """Compare asking twice with a pattern that forces the fragment."""
    engine = target.engine()
    info = await engine.start()
    holes = [hole for hole in target.holes if hole["fragment"].strip()]
    rows = []
    async with httpx.AsyncClient(timeout=30, headers=key_headers()) as client:

        async def raw(hole: dict[str, Any], **more: Any) -> tuple[str, float]:
            body = {
                "model": info.model_name,
                "prompt": hole["ids"],
                "max_tokens": RULE.max_tokens,
                "temperature": 0,
                "stop": ["\n"],
                "stop_token_ids": sorted(info.stop_ids),
                "add_special_tokens": False,
                **more,
            }
            began = time.perf_counter()
            reply = await client.post(f"{target.url}/v1/completions", json=body)
            passed_ms = (time.perf_counter() - began) * 1000
            if reply.status_code != 200:
                return f"HTTP {reply.status_code}: {reply.text[:200]}", passed_ms
            return reply.json()["choices"][0]["text"], passed_ms

        for hole in holes:
            fragment = hole["fragment"]
            free, free_ms = await raw(hole)
            pattern = re.escape(fragment) + r"[^\n]*"
            vllms, sglangs = {"structured_outputs": {"regex": pattern}}, {"regex": pattern}
            forcing = vllms | sglangs
            forced, first_ms = await raw(hole, **forcing)
            _, forced_ms = await raw(hole, **forcing)
            began = time.perf_counter()
            (found,) = await engine.complete(CompletionRequest(prompt=prompt_of(hole), stop=RULE))
            ours_ms = (time.perf_counter() - began) * 1000
            rows.append(
                {
                    "fragment": fragment,
                    "free_has_it": free.startswith(fragment),
                    "free_ms": free_ms,
                    "pattern_first_ms": first_ms,
                    "pattern_ms": forced_ms,
                    "pattern_has_it": forced.startswith(fragment),
                    "ours_ms": ours_ms,
                    "same_as_local": found.text == hole["text"],
                    "pattern_same_as_local": forced.removeprefix(fragment) == hole["text"],
                    "pattern_said": "" if forced.startswith(fragment) else forced[:160],
                }
            )
    await engine.close()
    return {
        "holes": len(rows),
        **{
            name: sum(row[name] for row in rows)
            for name in (
                "free_has_it",
                "pattern_has_it",
                "same_as_local",
                "pattern_same_as_local",
            )
        },
        **{
            f"{name}_median": median(row[name] for row in rows)
            for name in ("free_ms", "ours_ms", "pattern_first_ms", "pattern_ms")
        },
        "ours_ms_median_of_asked_twice": median(
            [row["ours_ms"] for row in rows if not row["free_has_it"]] or [0.0]
        ),
        "rows": rows,
    }


async def faults(target: Target) -> dict[str, Any]:
    """Ask wrongly in several ways; return what is said."""
    found: dict[str, Any] = {}
    prompt = prompt_of(target.holes[0])
    long = Prompt((*prompt.token_ids, *prompt.token_ids[1:]) * 200, 1, "", text="")

    async def said(name: str, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except InfillError as error:
            lasting = getattr(error, "is_lasting", None)
            found[name] = {"error": str(error), "is_lasting": lasting}
        else:
            found[name] = {"error": None}

    for name, model in (("as it should be", ""), ("a model that it does not have", "nobody/knows")):
        engine = target.engine(model)
        await said(name, engine.start)
        await engine.close()
    engine = target.engine()
    await engine.start()
    for name, one in (("a prompt that is too long", long), ("and then a right one", prompt)):
        asked = CompletionRequest(prompt=one, stop=RULE)
        await said(name, lambda asked=asked: engine.complete(asked))  # type: ignore[misc]
    await engine.close()
    key = os.environ.get(KEY_ENVIRONMENT_VARIABLE)
    if key is not None:
        for name, other in (("another key", "wrong-" + key), ("no key", "")):
            os.environ[KEY_ENVIRONMENT_VARIABLE] = other
            engine = target.engine()
            await said(name, engine.start)
            await engine.close()
        os.environ[KEY_ENVIRONMENT_VARIABLE] = key
    return found


CHECKS = {
    "taking_back": taking_back,
    "prefix_hits": prefix_hits,
    "fragments": fragments,
    "faults": faults,
}


def main() -> None:
    """Try all, and write what came of it."""
    parser: argparse.ArgumentParser = parser_of(__doc__)
    parser.add_argument("holes", type=Path)
    parser.add_argument("--url", required=True)
    parser.add_argument("--server", default="")
    parser.add_argument("--prompt-tokens", type=int, default=1400)
    parser.add_argument("--counts-while-writing", action="store_true", help="as SGLang does")
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=list(CHECKS))
    options = parser.parse_args()
    holes = json.loads(options.holes.read_text("utf-8"))
    target = Target(options.url, holes, options.prompt_tokens, options.counts_while_writing)
    figures: dict[str, Any] = {}
    for name in options.only:
        try:
            figures[name] = asyncio.run(CHECKS[name](target))
        except Exception as error:  # noqa: BLE001 - one that fails must not end the others
            figures[name] = {"failed": f"{type(error).__name__}: {error}"}
        finish(options.out, "checks", run={"server": options.server}, figures=figures)


if __name__ == "__main__":
    main()
