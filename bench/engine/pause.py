"""A key's time to its first token: alone, and while the same model writes an answer of minutes.

In turn, so that both see the same machine. The answer makes way between two tokens, so the second is to
be longer by a decode step at most; what the long answer pays is a token read again for each key.

    python -m bench.engine.pause MODEL.gguf --out RESULT.json
"""

from __future__ import annotations

import asyncio
import random
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from bench.command import finish, parser_of

from infill_ls.engine import CompletionRequest, EngineOptions, EngineProcess, Priority
from infill_ls.measuring.intervals import quantile, spread
from infill_ls.types import Prompt, StopRule, Written

TEXT = (Path(__file__).parents[2] / "server" / "infill_ls" / "pipeline.py").read_text("utf-8")
LONG_TEXT = (Path(__file__).parents[2] / "server" / "infill_ls" / "gathering.py").read_text("utf-8")
PROMPT_CHARS = 2_400
LONG_TOKENS = 100_000
ONE_TOKEN = StopRule(max_tokens=1, max_lines=1, time_budget_ms=60_000)
PAUSE_S = (0.05, 0.2)
"""Between two keys, at random: a key meets the long answer anywhere in a step."""
WARM_KEYS = 5


async def prompt_of(engine: EngineProcess, text: str, typed: str) -> Prompt:
    """Return a prompt in the model's form, for a hole behind ``typed``."""
    fim = (await engine.start()).fim_tokens()
    before, after = text[: len(text) // 2], text[len(text) // 2 :]
    prefix, suffix, line = await engine.tokenize([before, after, typed])
    bos = () if fim.bos is None else (fim.bos,)
    anchor = (*bos, fim.prefix, *prefix, fim.suffix, *suffix, fim.middle)
    return Prompt((*anchor, *line), len(anchor), "", "")


class Typist:
    """Asks for the first token behind one more key, again and again."""

    def __init__(self, engine: EngineProcess, prompts: list[Prompt]) -> None:
        self._engine = engine
        self._prompts = prompts
        self._keys = 0

    async def first_token_ms(self) -> float:
        """Return the time from the next key to the first token of its answer."""
        prompt = self._prompts[self._keys % len(self._prompts)]
        self._keys += 1
        started = time.perf_counter()
        await self._engine.complete(CompletionRequest(prompt=prompt, stop=ONE_TOKEN))
        return (time.perf_counter() - started) * 1000


async def write_on(
    engine: EngineProcess, prompt: Prompt, heard: list[float], is_writing: asyncio.Event
) -> None:
    """Write a long answer, and when it ends another; ``heard`` gets the time of each token."""
    rule = StopRule(LONG_TOKENS, LONG_TOKENS, time_budget_ms=3_600_000)

    def hear(_: Written) -> None:
        heard.append(time.perf_counter())
        is_writing.set()

    while True:
        request = CompletionRequest(prompt=prompt, stop=rule, priority=Priority.LONG)
        await engine.complete(request, hear)


async def measure(model: Path, keys: int, threads: int) -> dict[str, Any]:
    """Return the figures, in milliseconds and in decode steps."""
    engine = EngineProcess(EngineOptions(model, threads=threads))
    info = await engine.start()
    line = "        prepared = self._prepare(snapshot, settings)"
    prompts = [await prompt_of(engine, TEXT[:PROMPT_CHARS], line[:end]) for end in range(9, 39)]
    long = await prompt_of(engine, LONG_TEXT[:PROMPT_CHARS], "")
    chance = random.Random(0)
    typist = Typist(engine, prompts)
    heard: list[float] = []
    alone: list[float] = []
    beside: list[float] = []
    for _ in range(keys // 10):
        for times in (alone, beside):
            writing = None
            if times is beside:
                heard.clear()
                is_writing = asyncio.Event()
                writing = asyncio.create_task(write_on(engine, long, heard, is_writing))
                await is_writing.wait()
            for number in range(WARM_KEYS + 10):
                await asyncio.sleep(chance.uniform(*PAUSE_S))
                found = await typist.first_token_ms()
                if number >= WARM_KEYS:
                    times.append(found)
            if writing is not None:
                gaps = [after - before for before, after in pairwise(heard)]
                writing.cancel()
                await asyncio.wait([writing])
    step_ms = median(gaps) * 1000
    more = [two - one for one, two in zip(sorted(alone), sorted(beside), strict=True)]
    await engine.close()
    return {
        "model_decode_ms": round(info.decode_ms, 2),
        "step_of_the_long_answer_ms": round(step_ms, 2),
        "alone_ms": spread(alone),
        "while_writing_ms": spread(beside),
        "more_ms": {
            "median": round(median(beside) - median(alone), 2),
            "p95": round(quantile(beside, 0.95).value - quantile(alone, 0.95).value, 2),
        },
        "more_steps": {
            "median": round((median(beside) - median(alone)) / step_ms, 2),
            "of_equal_ranks": spread([each / step_ms for each in more]),
        },
    }


def main() -> None:
    """Measure and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--keys", type=int, default=100, help="of each kind (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.model, arguments.keys, arguments.threads))
    run = {
        "model": arguments.model.name,
        "keys": arguments.keys,
        "threads": arguments.threads,
        "prompt_chars": PROMPT_CHARS,
    }
    finish(arguments.out, "pause", run=run, figures=figures)


if __name__ == "__main__":
    main()
