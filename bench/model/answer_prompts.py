"""Answer prompts of ``line_prompts.py`` with llama.cpp, some models on the same cases, by chance.

    python -m bench.model.answer_prompts prompts.jsonl.gz old.gguf new.gguf --seconds 900 --out answers
    python -m bench.model.held_out_lines --answered answers/new.answers.jsonl

The cases are spread over all languages and packages, so that a run may end at any time.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.model.lines import SNIPPETS, LineAnswer

from infill_ls.engine import CompletionRequest, Engine
from infill_ls.engine.fallback import engine_for
from infill_ls.measuring.next_lines import LASTING_TIME_MS
from infill_ls.settings import settings_with
from infill_ls.types import Prompt, StopRule

STOP = StopRule(max_tokens=96, max_lines=1, time_budget_ms=LASTING_TIME_MS)
Record = dict[str, Any]


def in_turn(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Yield the records of one case each, of one language after the other, each by chance."""
    cases: defaultdict[tuple[str, str, str, str], list[Record]] = defaultdict(list)
    for record in records:
        cases[record["language"], record["kind"], record["package"], record["id"]].append(record)
    by_language: defaultdict[str, list[list[Record]]] = defaultdict(list)
    for key in random.Random(1).sample(sorted(cases), len(cases)):
        by_language[key[0]].append(cases[key])
    while any(by_language.values()):
        for waiting in by_language.values():
            if waiting:
                yield waiting.pop()


async def answer(engine: Engine, case: Sequence[Record]) -> LineAnswer:
    """Return what the model writes for one case."""
    written = {}
    for record in case:
        ids = tuple(record["ids"])
        prompt = Prompt(ids, len(ids), record["fragment"], "")
        found = await engine.complete(
            CompletionRequest(
                prompt=prompt, stop=STOP, sampling=settings_with().completion.sampling, candidates=1
            )
        )
        written[record["way"]] = found[0].text.partition("\n")[0] if found else ""
    one = case[0]
    return LineAnswer(
        one["id"], one["package"], one["kind"], one["wanted"], written, one["language"]
    )


async def measure(options: argparse.Namespace) -> None:
    """Ask all models for one case after the other, until the time is up."""
    with gzip.open(options.prompts, "rt", encoding="utf-8") as source:
        records = [json.loads(line) for line in source]
    chosen = [r for r in records if r["kind"] in options.kinds and r["way"] in options.ways]
    options.out.mkdir(parents=True, exist_ok=True)
    engines = {
        path: engine_for(settings_with(model=str(path)), lambda _: None) for path in options.models
    }
    ends, count = time.monotonic() + options.seconds, 0
    try:
        for case in in_turn(chosen):
            for path, engine in engines.items():
                found = await answer(engine, case)
                with (options.out / f"{path.stem}.answers.jsonl").open("a", encoding="utf-8") as to:
                    to.write(json.dumps(asdict(found)) + "\n")
            count += 1
            if time.monotonic() > ends:
                break
    finally:
        for engine in engines.values():
            await engine.close()
    print(count, "cases")


def main() -> None:
    """Answer as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--kinds", nargs="+", default=["line", "call"])
    parser.add_argument("--ways", nargs="+", default=[SNIPPETS])
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--out", type=Path, required=True)
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
