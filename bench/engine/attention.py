"""Each way of computing attention, by how many tokens the prompt has: milliseconds for a step and for a chunk.

Flash attention, plain attention, and flash attention on keys and values in 8 bits take turns in one
process, with each number of threads. Steps follow each other at once, or the pause between two keys, in
which other programs take the processor's caches. What the calibration would choose stands beside.

    python -m bench.engine.attention MODEL.gguf --out RESULT.json
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.command import finish, parser_of

from infill_ls.engine import EngineOptions
from infill_ls.engine.llama.calibration import PREFILL_TOKENS, Attention, Choices, calibrate
from infill_ls.engine.llama.model import LlamaModel
from infill_ls.measuring.intervals import spread

WAYS = {
    "flash": Attention(True, "f16"),
    "plain": Attention(False, "f16"),
    "flash, 8 bits": Attention(True, "q8_0"),
}
DEPTHS_TOKENS = (64, 256, 1024, 1408)
STEPS = 16
PAUSED_STEPS = 6
PAUSE_S = 0.12


@dataclass(frozen=True)
class DepthTimes:
    """Milliseconds where the context holds so many tokens."""

    held_tokens: int
    chunk_ms: float
    """Of the last chunk before."""
    steps_ms: list[float]
    paused_steps_ms: list[float]


def step_ms(model: LlamaModel, held: int, pause_s: float = 0.0) -> float:
    """Return how long one step behind ``held`` tokens takes, after a pause."""
    time.sleep(pause_s)
    started = time.perf_counter()
    model.decode(0, held, [2], all_logits=False)
    milliseconds = (time.perf_counter() - started) * 1000
    model.truncate(0, held)
    return milliseconds


def times(model: LlamaModel, way: Attention, threads: int) -> Iterator[DepthTimes]:
    """Yield the times at each depth, from an empty context on."""
    model.open_context(way)
    model.set_threads(threads, threads)
    held, chunk_ms = 0, 0.0
    for depth in DEPTHS_TOKENS:
        while held < depth:
            started = time.perf_counter()
            model.decode(0, held, [1 + held % 7] * PREFILL_TOKENS, all_logits=False)
            chunk_ms = (time.perf_counter() - started) * 1000
            held += PREFILL_TOKENS
        steps_ms = [step_ms(model, held) for _ in range(STEPS)]
        paused_ms = [step_ms(model, held, PAUSE_S) for _ in range(PAUSED_STEPS)]
        yield DepthTimes(held, chunk_ms, steps_ms, paused_ms)


def measure(model: LlamaModel, threads: int, rounds: int) -> dict[str, Any]:
    """Return the times of each way at each depth; the ways take turns."""
    seen: dict[tuple[str, int], list[DepthTimes]] = {}
    for _ in range(rounds):
        for name, way in WAYS.items():
            for at_depth in times(model, way, threads):
                seen.setdefault((name, at_depth.held_tokens), []).append(at_depth)
    return {
        name: {
            str(depth): {
                "chunk_ms": spread([each.chunk_ms for each in seen[name, depth]]),
                "step_ms": spread([ms for each in seen[name, depth] for ms in each.steps_ms]),
                "step_after_a_pause_ms": spread(
                    [ms for each in seen[name, depth] for ms in each.paused_steps_ms]
                ),
            }
            for depth in DEPTHS_TOKENS
        }
        for name in WAYS
    }


def main() -> None:
    """Measure and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    model = LlamaModel(EngineOptions(arguments.model))
    try:
        figures: dict[str, Any] = {}
        for threads in arguments.threads:
            choices = Choices((threads,), tuple(WAYS.values()))
            found = calibrate(model, choices)
            assert found is not None  # nobody wants the model meanwhile
            (chosen,) = [name for name, way in WAYS.items() if way == found.attention]
            figures[f"{threads} threads"] = {
                "chosen": chosen,
                "ways": measure(model, threads, arguments.rounds),
            }
        run = {"model": model.info.model_name, "rounds": arguments.rounds}
        finish(arguments.out, "attention", run=run, figures=figures)
    finally:
        model.close()


if __name__ == "__main__":
    main()
