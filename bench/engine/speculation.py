"""Tokens per second with drafts over plain greedy decoding, while edits of real files are typed.

Each request goes to two engines, one that drafts where its measurement says that it pays and one
that never does, one right after the other; what is typed through or remembered asks neither. Two
engines that never draft are compared in the same way: what these differ by is chance.

    python -m bench.engine.speculation MODEL.gguf --out RESULT.json
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.command import finish, parser_of
from bench.engine.typed_edits import edits_of_history, edits_that_never_repeat, type_again

from infill_ls.engine import CompletionRequest, EngineInfo, EngineOptions
from infill_ls.engine.process import EngineProcess
from infill_ls.measuring.engines import ForwardingEngine
from infill_ls.measuring.git_history import PastEdit
from infill_ls.types import Completion, OnWritten, Prompt


@dataclass(frozen=True)
class Pair:
    """One request, as both engines answered it."""

    plain: Completion
    drafting: Completion

    @property
    def speedup(self) -> float:
        """Return how many times the tokens per second."""
        return _tokens_per_s([self.drafting]) / _tokens_per_s([self.plain])


class Twins(ForwardingEngine):
    """Two engines as one: what they answer is the plain one's."""

    def __init__(self, plain: EngineProcess, drafting: EngineProcess) -> None:
        super().__init__(plain)
        self.plain = plain
        self.drafting = drafting
        self.pairs: list[Pair] = []

    async def start(self) -> EngineInfo:
        """Load the model, twice."""
        await self.drafting.start()
        return await super().start()

    async def complete(
        self,
        request: CompletionRequest,
        on_written: OnWritten | None = None,  # noqa: ARG002
    ) -> tuple[Completion, ...]:
        """Ask both, in turn who is first."""
        answers = {}
        order = (self.plain, self.drafting) if len(self.pairs) % 2 else (self.drafting, self.plain)
        for engine in order:
            (answers[engine],) = await engine.complete(request)
        self.pairs.append(Pair(answers[self.plain], answers[self.drafting]))
        return (answers[self.plain],)

    def look(self, on_written: OnWritten) -> bool:  # noqa: ARG002 - it hears of each token
        """Leave it at what the listener hears anyway."""
        return False

    async def warm(self, prompt: Prompt) -> None:
        """Do nothing: only what is asked for is compared."""

    async def close(self) -> None:
        """Leave both."""
        await super().close()
        await self.drafting.close()


def _tokens_per_s(completions: Sequence[Completion]) -> float:
    """Return the rate of decoding. The first token comes from the prefill and takes no step."""
    tokens = sum(c.timings.decode_tokens - 1 for c in completions)
    return tokens / sum(c.timings.decode_ms for c in completions) * 1000


async def replay(twins: Twins, edits: Sequence[PastEdit], seconds: float) -> dict[str, Any]:
    """Type ``edits``, as many as there is time for."""
    twins.pairs.clear()
    until = time.monotonic() + seconds
    typed = 0
    for edit in edits:
        await type_again(twins, edit)
        typed += 1
        if time.monotonic() > until:
            break
    pairs = [pair for pair in twins.pairs if pair.plain.timings.decode_tokens > 1]
    drafted = [pair for pair in pairs if pair.drafting.timings.drafted_tokens]
    timings = [pair.drafting.timings for pair in pairs]
    return {
        "edits": typed,
        "requests": len(pairs),
        "equal_texts": sum(pair.plain.text == pair.drafting.text for pair in pairs),
        "plain_tokens_per_s": round(_tokens_per_s([pair.plain for pair in pairs]), 1),
        "drafting_tokens_per_s": round(_tokens_per_s([pair.drafting for pair in pairs]), 1),
        "speedup": round(
            _tokens_per_s([p.drafting for p in pairs]) / _tokens_per_s([p.plain for p in pairs]), 3
        ),
        "speedup_median_request": round(median(pair.speedup for pair in pairs), 3),
        "requests_with_drafts": len(drafted),
        "speedup_with_drafts": round(
            _tokens_per_s([p.drafting for p in drafted])
            / _tokens_per_s([p.plain for p in drafted]),
            3,
        )
        if drafted
        else None,
        "drafted_tokens": sum(t.drafted_tokens for t in timings),
        "accepted_tokens": sum(t.accepted_tokens for t in timings),
        "decoded_tokens": sum(t.decode_tokens for t in timings),
    }


async def measure(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """Return the model's name and the figures."""
    history = edits_of_history(arguments.edits, since=arguments.since)
    unrepeating = edits_that_never_repeat(arguments.edits)
    async with twins_of(arguments, draft="auto") as twins:
        model = (await twins.start()).model_name
        figures = {
            "history": await replay(twins, history, arguments.seconds),
            "never_repeating": await replay(twins, unrepeating, arguments.seconds),
        }
    async with twins_of(arguments, draft="never") as twins:
        await twins.start()
        figures["by_chance"] = await replay(twins, unrepeating, arguments.seconds)
    return model, figures


@asynccontextmanager
async def twins_of(arguments: argparse.Namespace, draft: str) -> AsyncIterator[Twins]:
    """Yield an engine that never drafts beside one with another setting, each a process."""
    # Equal options would share one process: they differ in something that does not matter here.
    plain, drafting = (
        EngineProcess(
            EngineOptions(arguments.model, arguments.threads, draft=setting, idle_minutes=minutes)
        )
        for setting, minutes in (("never", 15.0), (draft, 16.0))
    )
    twins = Twins(plain, drafting)
    try:
        yield twins
    finally:
        await twins.close()


def main() -> None:
    """Measure and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--edits", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=100.0, help="for each of two texts")
    parser.add_argument("--since", default="HEAD", help="commit whose history is replayed")
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    model, figures = asyncio.run(measure(arguments))
    finish(arguments.out, "speculation", run={"model": model}, figures=figures)


if __name__ == "__main__":
    main()
