"""A key's time to its first token: alone, and while the same model writes an answer of minutes.

In turn, so that both see the same machine. The answer makes way between two tokens, so a key waits for a
decode step at most, and then for its prompt to take the place of the other in the cells; what the long answer
pays is a token read again for each key. The differences are those of keys of equal rank.

    python -m bench.engine.pause MODEL.gguf --out RESULT.json
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from bench.command import finish, parser_of

from infill_ls.engine import CompletionRequest, EngineOptions, Priority
from infill_ls.engine.process import EngineProcess
from infill_ls.measuring.intervals import spread
from infill_ls.types import Prompt, StopRule, Written

TEXT = (Path(__file__).parents[2] / "server" / "infill_ls" / "pipeline.py").read_text("utf-8")
LONG_TEXT = (Path(__file__).parents[2] / "server" / "infill_ls" / "gathering.py").read_text("utf-8")
PROMPT_CHARS = 2_400
LONG_TOKENS = 100_000
ONE_TOKEN = StopRule(max_tokens=1, max_lines=1, time_budget_ms=60_000)
PAUSE_S = (0.05, 0.2)
"""Between two keys, at random: a key meets the long answer anywhere in a step."""
WARM_KEYS, KEYS_IN_TURN = 5, 10
UNDISTURBED_TOKENS = 10
"""Before the first key: they tell how long a decode step of the long answer takes."""


async def prompt_of(engine: EngineProcess, text: str, typed: str) -> Prompt:
    """Return a prompt in the model's form, for a hole behind ``typed``."""
    fim = (await engine.start()).fim_tokens()
    before, after = text[: len(text) // 2], text[len(text) // 2 :]
    prefix, suffix, line = await engine.tokenize([before, after, typed])
    bos = () if fim.bos is None else (fim.bos,)
    anchor = (*bos, fim.prefix, *prefix, fim.suffix, *suffix, fim.middle)
    return Prompt((*anchor, *line), len(anchor), "", "")


@dataclass(frozen=True, slots=True)
class Key:
    """What one key has taken until the first token of its answer was there, in milliseconds."""

    whole: float
    waited: float
    """Until the engine was at it, and for the way there and back."""
    exchanged: float
    """Inside the engine, but not in the model: its prompt takes the place of the other one."""


class PauseTypist:
    """Asks for the first token behind one more key, again and again."""

    def __init__(self, engine: EngineProcess, prompts: list[Prompt]) -> None:
        self._engine = engine
        self._prompts = prompts
        self._keys = 0

    async def press(self) -> Key:
        """Return what the next key takes."""
        prompt = self._prompts[self._keys % len(self._prompts)]
        self._keys += 1
        started = time.perf_counter()
        request = CompletionRequest(prompt=prompt, stop=ONE_TOKEN)
        (answer,) = await self._engine.complete(request)
        whole = (time.perf_counter() - started) * 1000
        inside = answer.timings.prefill_ms + answer.timings.decode_ms
        return Key(whole, whole - inside, inside - answer.timings.model_ms)


async def write_on(
    engine: EngineProcess, prompt: Prompt, heard: list[float], is_writing: asyncio.Event
) -> None:
    """Write a long answer, and when it ends another; ``heard`` gets the time of each token."""
    rule = StopRule(LONG_TOKENS, LONG_TOKENS, time_budget_ms=3_600_000)

    def hear(_: Written) -> None:
        heard.append(time.perf_counter())
        if len(heard) > UNDISTURBED_TOKENS:
            is_writing.set()

    while True:
        request = CompletionRequest(prompt=prompt, stop=rule, priority=Priority.LONG)
        await engine.complete(request, hear)


async def measure(model: Path, keys: int, threads: int) -> dict[str, Any]:
    """Return the figures, in milliseconds and in decode steps of the long answer."""
    engine = EngineProcess(EngineOptions(model, threads=threads))
    line = "        prepared = self._prepare(snapshot, settings)"
    prompts = [await prompt_of(engine, TEXT[:PROMPT_CHARS], line[:end]) for end in range(9, 39)]
    long = await prompt_of(engine, LONG_TEXT[:PROMPT_CHARS], "")
    chance = random.Random(0)
    typist = PauseTypist(engine, prompts)
    alone: list[Key] = []
    beside: list[Key] = []
    steps: list[float] = []
    for _ in range(keys // KEYS_IN_TURN):
        for pressed in (alone, beside):
            heard: list[float] = []
            is_writing = asyncio.Event()
            writing = asyncio.create_task(write_on(engine, long, heard, is_writing))
            await is_writing.wait()
            if pressed is alone:
                writing.cancel()
                await asyncio.wait([writing])
            steps += [(after - before) * 1000 for before, after in pairwise(heard)]
            for number in range(WARM_KEYS + KEYS_IN_TURN):
                await asyncio.sleep(chance.uniform(*PAUSE_S))
                key = await typist.press()
                if number >= WARM_KEYS:
                    pressed.append(key)
            writing.cancel()
            await asyncio.wait([writing])
    await engine.close()
    step = median(steps)
    more = [
        two - one
        for one, two in zip(
            sorted(key.whole for key in alone), sorted(key.whole for key in beside), strict=True
        )
    ]
    return {
        "step_ms": round(step, 2),
        "alone_ms": _figures(alone),
        "while_writing_ms": _figures(beside),
        "more_ms": spread(more),
        "more_steps": spread([each / step for each in more]),
    }


def _figures(keys: list[Key]) -> dict[str, Any]:
    return {
        name: spread([getattr(key, name) for key in keys])
        for name in ("whole", "waited", "exchanged")
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
