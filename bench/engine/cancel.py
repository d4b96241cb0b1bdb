"""How soon a superseded request leaves the engine, and when the one after it has its first token.

Two ways to give up are compared: looking between chunks of so many tokens, and breaking off within a
chunk (llama.cpp's abort callback), which loses the chunk. The request is given up at a random moment
of its prefill, or of its decoding; the next one has the same prompt and one more key.

    python -m bench.engine.cancel MODEL.gguf --out RESULT.json
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any

from bench.command import finish, parser_of

from infill_ls.engine import EngineOptions
from infill_ls.engine.decoding.decoder import Cancelled, Decoder
from infill_ls.engine.decoding.draft import Drafter
from infill_ls.engine.decoding.kv_tree import KvTree
from infill_ls.engine.llama.model import SEQUENCES, LlamaModel
from infill_ls.engine.llama.worker import BATCH_COSTS
from infill_ls.measuring.intervals import spread

TEXT = (Path(__file__).parents[2] / "server" / "infill_ls" / "pipeline.py").read_text("utf-8")
PROMPT_TOKENS = 384
STEPS = 24
CHUNKS = (16, 64, 128)


class GiveUp:
    """Gives up after some time; remembers when."""

    def __init__(self, model: LlamaModel, *, interrupts: bool) -> None:
        self._model = model
        self._interrupts = interrupts
        self.at = 0.0

    def is_given_up(self) -> bool:
        """Tell whether the time has come."""
        return bool(self.at)

    def ms_since(self) -> float:
        """Return how long ago that was."""
        return (time.perf_counter() - self.at) * 1000

    @contextmanager
    def after(self, milliseconds: float) -> Iterator[None]:
        """Do what is to be given up in the body."""

        def give_up() -> None:
            self.at = time.perf_counter()
            if self._interrupts:
                self._model.interrupt()

        timer = threading.Timer(milliseconds / 1000, give_up)
        timer.start()
        with suppress(Cancelled):
            yield
        self._left_after_ms = self.ms_since() if self.at else 0.0
        timer.join()
        self._model.resume()

    @property
    def left_after_ms(self) -> float:
        """How long after that the body was left; 0 if it had ended before."""
        return self._left_after_ms


class Bench:
    """One model, and prompts of one text."""

    def __init__(self, model: LlamaModel, chance: random.Random) -> None:
        self._model = model
        self._chance = chance
        self._tree = KvTree(model, cell_budget=model.kv_cells, sequences=SEQUENCES)
        drafter = Drafter(frozenset(), BATCH_COSTS["never"] or ())
        self._decoder = Decoder(model, self._tree, model.vocab.pieces, drafter, frozenset())
        self._prompt = list(model.vocab.tokenize(TEXT)[: PROMPT_TOKENS + 1])

    def prefill(self, chunk: int, given_up: GiveUp | None = None, *, key: bool = False) -> None:
        """Decode the prompt, or what is left of it, with one more ``key`` or without."""
        self._decoder.prefill(
            self._prompt if key else self._prompt[:PROMPT_TOKENS],
            given_up.is_given_up if given_up is not None else lambda: False,
            room=STEPS,
            chunk_tokens=chunk,
            interruptible=given_up is not None,
        )

    def prefill_ms(self, chunk: int) -> float:
        """Return how long the whole prompt takes."""
        self._tree.clear()
        started = time.perf_counter()
        self.prefill(chunk)
        return (time.perf_counter() - started) * 1000

    def step_ms(self) -> float:
        """Return how long a decode step takes."""
        self.prefill_ms(64)
        started = time.perf_counter()
        self.steps()
        return (time.perf_counter() - started) * 1000 / STEPS

    def steps(self, given_up: GiveUp | None = None) -> None:
        """Decode one token after the other; then the prompt alone is held again."""
        branch, _ = self._decoder.prefill(self._prompt[:PROMPT_TOKENS], lambda: False, room=STEPS)
        try:
            for position in range(PROMPT_TOKENS, PROMPT_TOKENS + STEPS):
                if given_up is not None and given_up.is_given_up():
                    raise Cancelled
                self._model.decode(
                    branch.id,
                    position,
                    [7],
                    all_logits=False,
                    interruptible=given_up is not None,
                )
        finally:
            self._model.truncate(branch.id, PROMPT_TOKENS)

    def in_prefill(self, chunk: int, *, interrupts: bool, whole_ms: float) -> tuple[float, float]:
        """Give up a prefill; return the ms until it was left, and until the next first token."""
        self._tree.clear()
        given_up = GiveUp(self._model, interrupts=interrupts)
        with given_up.after(self._chance.uniform(0.05, 0.9) * whole_ms):
            self.prefill(chunk, given_up)
        self.prefill(chunk, key=True)
        return given_up.left_after_ms, given_up.ms_since()

    def in_decode(self, *, interrupts: bool, step_ms: float) -> tuple[float, float]:
        """Give up while tokens are decoded; return the same."""
        self.prefill(64)
        given_up = GiveUp(self._model, interrupts=interrupts)
        with given_up.after(self._chance.uniform(0.1, 0.9) * STEPS * step_ms):
            self.steps(given_up)
        self.prefill(64, key=True)
        return given_up.left_after_ms, given_up.ms_since()


def measure(model: LlamaModel, rounds: int) -> dict[str, Any]:
    """Return the figures: times, and times in decode steps."""
    bench = Bench(model, random.Random(0))
    bench.step_ms()
    step_ms = median(bench.step_ms() for _ in range(5))
    whole_ms = {chunk: median(bench.prefill_ms(chunk) for _ in range(3)) for chunk in CHUNKS}
    prefill: dict[tuple[int, bool], list[tuple[float, float]]] = {}
    decode: dict[bool, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for interrupts in (False, True):
            decode.setdefault(interrupts, []).append(
                bench.in_decode(interrupts=interrupts, step_ms=step_ms)
            )
            for chunk in CHUNKS:
                prefill.setdefault((chunk, interrupts), []).append(
                    bench.in_prefill(chunk, interrupts=interrupts, whole_ms=whole_ms[chunk])
                )

    def row(times: list[tuple[float, float]]) -> dict[str, Any]:
        # Where it had ended before, there was nothing to leave.
        kept = [each for each in times if each[0] > 0]
        return {
            "left_after_steps": spread([left / step_ms for left, _ in kept]),
            "next_first_token_ms": spread([first for _, first in kept], 1),
        }

    how = {False: "between chunks", True: "broken off"}
    return {
        "decode_step_ms": round(step_ms, 2),
        "decode": {how[interrupts]: row(times) for interrupts, times in decode.items()},
        "prefill": [
            {
                "chunk_tokens": chunk,
                "way": how[interrupts],
                "chunk_ms": round(whole_ms[chunk] * chunk / PROMPT_TOKENS, 1),
                "prefill_tokens_per_s": round(PROMPT_TOKENS / whole_ms[chunk] * 1000, 1),
                **row(times),
            }
            for (chunk, interrupts), times in sorted(prefill.items())
        ],
    }


def main() -> None:
    """Measure and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    model = LlamaModel(EngineOptions(arguments.model))
    try:
        run = {
            "model": model.info.model_name,
            "prompt_tokens": PROMPT_TOKENS,
            "rounds": arguments.rounds,
        }
        finish(arguments.out, "cancel", run=run, figures=measure(model, arguments.rounds))
    finally:
        model.close()


if __name__ == "__main__":
    main()
