"""Whether a server writes what the local engine writes: the same model on both, greedily, at many holes.

``local`` makes the holes in files of this project and lets the local engine fill them; ``remote`` asks a server
with the very same prompts, through the remote engine, and where the texts differ asks it, token by token, how near
the two were. A difference is a near tie where the server's two best tokens are within ``NEAR_NATS``.

    python -m bench.remote.same_answers local MODEL.gguf --out HOLES.json
    python -m bench.remote.same_answers remote HOLES.json --url URL --out RESULT.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path
from statistics import mean, median
from typing import Any

import httpx
from bench.command import finish
from bench.remote.editors import SOURCES, key_headers

from infill_ls.engine import CompletionRequest, EngineOptions
from infill_ls.engine.process import EngineProcess
from infill_ls.engine.remote import RemoteEngine, RemoteOptions
from infill_ls.gathering import Gathering
from infill_ls.measuring.holes import line_holes
from infill_ls.pipeline import Pipeline
from infill_ls.settings import settings_with
from infill_ls.types import Prompt, Snapshot, StopRule, Trigger
from infill_retrieval import NO_SNIPPETS

RULE = StopRule(max_tokens=48, max_lines=1, time_budget_ms=60_000)
HOLES_OF_A_FILE = 2
TYPED_CHARS = (0, 3, 7)
"""Of the hole, in turn: behind the indentation, and inside of words."""
NEAR_NATS = 0.25
"""Both round: llama.cpp multiplies quantised weights with 8-bit activations, vLLM computes in 16 bits."""


async def fill_holes(model: Path, count: int) -> list[dict[str, Any]]:
    """Return the prompts as the server makes them, and what the local engine writes there."""
    engine = EngineProcess(EngineOptions(model, draft="never"))
    settings = settings_with(snippet_tokens=0, cold_target_ms=0, time_budget_ms=60_000)
    pipeline = Pipeline(Gathering(engine, lambda *_: NO_SNIPPETS, settings))
    rows: list[dict[str, Any]] = []
    for path in SOURCES:
        text = path.read_text("utf-8")
        for hole in line_holes(path.name, text, HOLES_OF_A_FILE, seed=1):
            typed = TYPED_CHARS[len(rows) % len(TYPED_CHARS)]
            buffer, offset = hole.buffer(min(typed, len(hole.wanted) - 3))
            snapshot = Snapshot(
                uri=f"untitled:{path.name}",
                path="",
                name=path.name,
                language_id="python",
                text=buffer,
                offset=offset,
                trigger=Trigger.INVOKED,
            )
            prompt = (await pipeline.prepare(snapshot)).prompt
            if prompt is None:
                continue
            began = time.perf_counter()
            (found,) = await engine.complete(CompletionRequest(prompt=prompt, stop=RULE))
            rows.append(
                {
                    "id": hole.id,
                    "wanted": hole.buffer(len(hole.wanted))[0][offset:][
                        : hole.start + len(hole.wanted) - offset
                    ],
                    "ids": prompt.token_ids,
                    "anchor_tokens": prompt.anchor_tokens,
                    "fragment": prompt.fragment,
                    "text": found.text,
                    "stop": found.stop,
                    "mean_logprob": found.mean_logprob,
                    "logprobs": found.logprobs,
                    "ms": (time.perf_counter() - began) * 1000,
                }
            )
            if len(rows) == count:
                await engine.close()
                return rows
    await engine.close()
    return rows


def prompt_of(row: dict[str, Any]) -> Prompt:
    """Return the prompt of a hole."""
    return Prompt(tuple(row["ids"]), row["anchor_tokens"], row["fragment"], text="")


async def ask_all(holes: list[dict[str, Any]], url: str) -> dict[str, Any]:
    """Return how a server's answers differ from the local ones."""
    engine = RemoteEngine(RemoteOptions(url))
    info = await engine.start()
    rows = []
    for hole in holes:
        began = time.perf_counter()
        (found,) = await engine.complete(CompletionRequest(prompt=prompt_of(hole), stop=RULE))
        row: dict[str, Any] = {
            "id": hole["id"],
            "is_same": found.text == hole["text"],
            "mean_logprob": found.mean_logprob,
            "local_mean_logprob": hole["mean_logprob"],
            "ms": (time.perf_counter() - began) * 1000,
        }
        if not row["is_same"]:
            row |= {"text": found.text, "local_text": hole["text"], "fragment": hole["fragment"]}
            row["margin_nats"] = await margin(url, info.model_name, engine, hole, found.text)
        rows.append(row)
    await engine.close()
    same = [row for row in rows if row["is_same"]]
    different = [row for row in rows if not row["is_same"]]
    near = [
        row
        for row in different
        if row["margin_nats"] is not None and row["margin_nats"] <= NEAR_NATS
    ]
    off = [abs(row["mean_logprob"] - row["local_mean_logprob"]) for row in same]
    return {
        "holes": len(rows),
        "same_texts": len(same),
        "near_ties": len(near),
        "other": len(different) - len(near),
        "mean_logprob_off_by_mean": mean(off) if off else None,
        "mean_logprob_off_by_most": max(off, default=None),
        "ms_median": median(row["ms"] for row in rows),
        "different": different,
    }


async def margin(
    url: str, model: str, engine: RemoteEngine, hole: dict[str, Any], text: str
) -> float | None:
    """Return how much less likely the local engine's token was to the server, where the texts part.

    ``None`` if it was not among the likeliest five.
    """
    local = hole["text"]
    common = next(
        (n for n, (one, other) in enumerate(zip(local, text, strict=False)) if one != other),
        min(len(local), len(text)),
    )
    shared, mine, theirs = hole["fragment"] + local[:common], local[common:], text[common:]
    (ids,) = await engine.tokenize([shared])
    body = {
        "model": model,
        "prompt": [*hole["ids"], *ids],
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": 5,
        "add_special_tokens": False,
    }
    async with httpx.AsyncClient(timeout=30, headers=key_headers()) as client:
        reply = (await client.post(f"{url}/v1/completions", json=body)).json()
    try:
        likely = reply["choices"][0]["logprobs"]["top_logprobs"][0]
    except (KeyError, IndexError, TypeError):
        return None

    def best(wanted: str) -> float | None:
        # What ends an answer is a marker or a line end: a token that neither text goes on with.
        fits = [
            value
            for token, value in likely.items()
            if (wanted and token and wanted.startswith(token))
            or (not wanted and token.startswith(("<", "\n")))
        ]
        return max(fits, default=None)

    one, other = best(mine), best(theirs)
    return None if one is None or other is None else abs(one - other)


def main() -> None:
    """Fill, or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    local = commands.add_parser("local")
    local.add_argument("model", type=Path)
    local.add_argument("--count", type=int, default=100)
    local.add_argument("--out", type=Path, required=True)
    remote = commands.add_parser("remote")
    remote.add_argument("holes", type=Path)
    remote.add_argument("--url", required=True)
    remote.add_argument("--server", default="")
    remote.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.command == "local":
        rows = asyncio.run(fill_holes(options.model, options.count))
        options.out.write_text(json.dumps(rows), "utf-8")
        return
    holes = json.loads(options.holes.read_text("utf-8"))
    figures = asyncio.run(ask_all(holes, options.url))
    run = {"server": options.server, "near_nats": NEAR_NATS}
    finish(options.out, "same answers", run=run, figures=figures)


if __name__ == "__main__":
    main()
