"""Drafts with the bundled model's texts forced on a model of any shape: tokens a step, and speed.

Random weights in the shape of a larger model are as fast as real ones, but nobody can guess what
they write. So requests of edits typed again are collected with the bundled model, and another model
is then made to write the same texts: it pays its own time, and drafts are right as often as they
are for real texts.

    python -m bench.engine.forced_speculation collect BUNDLED.gguf --texts TEXTS.json
    python -m bench.engine.forced_speculation measure MODEL.gguf --texts TEXTS.json --out RESULT.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from bench.command import finish, parser_of
from bench.engine.typed_edits import edits_of_history, type_again

from infill_ls.engine import CompletionRequest, EngineOptions
from infill_ls.engine.decoding.decoder import Decoder, Logits
from infill_ls.engine.decoding.draft import Drafter
from infill_ls.engine.decoding.kv_tree import KvTree
from infill_ls.engine.decoding.run import DecodingTask
from infill_ls.engine.llama.model import SEQUENCES, LlamaModel
from infill_ls.engine.llama.worker import BATCH_COSTS
from infill_ls.engine.process import EngineProcess
from infill_ls.measuring.engines import ForwardingEngine
from infill_ls.types import Completion, OnWritten, StopRule

LEAST_TOKENS = 3
"""Shorter texts have hardly a step to save."""
SURE = 5.0
"""Above the best logit: a token that is forced is never a near tie."""
MARKER = "<middle>"
"""The last marker as prompts spell it: what stands before stays the same while one types."""
Text = tuple[str, str]
"""A prompt with its markers spelled out, and what was written behind it."""


class _Collector(ForwardingEngine):
    """Keeps what was asked and written."""

    def __init__(self, engine: EngineProcess) -> None:
        super().__init__(engine)
        self.texts: list[Text] = []

    async def complete(
        self, request: CompletionRequest, on_written: OnWritten | None = None
    ) -> tuple[Completion, ...]:
        """Ask, and keep."""
        answers = await super().complete(request, on_written)
        self.texts.append((request.prompt.text, answers[0].text))
        return answers


async def collect(arguments: argparse.Namespace) -> None:
    """Type edits of the history again, and write prompts and texts to a file."""
    collector = _Collector(EngineProcess(EngineOptions(arguments.model, draft="never")))
    await collector.start()
    for edit in edits_of_history(arguments.edits, since=arguments.since):
        await type_again(collector, edit)
    await collector.close()
    arguments.texts.write_text(json.dumps(collector.texts), "utf-8")
    print(f"{len(collector.texts)} requests")


class ForcedModel(LlamaModel):
    """A model that pays for each step and finds the tokens likely that it was told."""

    forced: Sequence[int] = ()
    """What follows the first ``prompt_tokens``."""
    prompt_tokens = 0
    steps = 0
    """Decodes behind the prompt."""

    def decode(
        self,
        sequence: int,
        position: int,
        token_ids: Sequence[int],
        *,
        all_logits: bool,
        interruptible: bool = False,
    ) -> None:
        """Append tokens, and remember where."""
        super().decode(
            sequence, position, token_ids, all_logits=all_logits, interruptible=interruptible
        )
        self._first, self._last = position, position + len(token_ids) - 1
        self.steps += position >= self.prompt_tokens

    def logits(self, index: int) -> Logits:
        """Return the logits at ``index`` of the last batch with the forced token ahead of all."""
        real = super().logits(index)
        behind = (self._first + index if index >= 0 else self._last + 1 + index) + 1
        place = behind - self.prompt_tokens
        if not 0 <= place < len(self.forced):
            return real
        changed = np.array(real)
        changed[self.forced[place]] = changed.max() + SURE
        return changed


def replay(
    model: ForcedModel, texts: Sequence[tuple[Sequence[int], int, Sequence[int]]], draft: str
) -> dict[str, Any]:
    """Write all texts with one kind of drafts; return counts and the time of decoding."""
    tree = KvTree(model, cell_budget=model.kv_cells, sequences=SEQUENCES)
    costs = BATCH_COSTS[draft]
    known = model.calibration.batch_costs if costs is None else costs
    drafter = Drafter(frozenset(), known, learns_costs=costs is None)
    decoder = Decoder(model, tree, model.vocab.pieces, drafter, frozenset())
    tokens = drafted = accepted = equal = 0
    spent_ms = 0.0
    model.steps = 0
    for prompt, anchor, forced in texts:
        model.forced, model.prompt_tokens = forced, len(prompt)
        stop = StopRule(len(forced), 10_000, time_budget_ms=600_000)
        (written,) = decoder.complete(DecodingTask(prompt, anchor, b"", stop), lambda: False)
        timings = written.timings
        tokens += timings.decode_tokens - 1  # the first comes from the prompt
        spent_ms += timings.decode_ms
        drafted += timings.drafted_tokens
        accepted += timings.accepted_tokens
        expected = b"".join(model.vocab.pieces.pieces[t] for t in forced).decode("utf-8", "replace")
        equal += written.text == expected
    tree.clear()
    return {
        "tokens": tokens,
        "decode_ms": round(spent_ms, 1),
        "tokens_per_s": round(tokens / spent_ms * 1000, 1),
        "drafted_tokens": drafted,
        "accepted_tokens": accepted,
        "steps": model.steps,
        "tokens_per_step": round(tokens / max(model.steps, 1), 3),
        "texts_as_forced": equal,
    }


def measure(model: ForcedModel, texts: Sequence[Text], rounds: int) -> dict[str, Any]:
    """Return the figures of each kind of drafts, in turn, so that disturbances hit all alike."""
    prepared = []
    for prompt, text in texts:
        before, marker, typed = prompt.rpartition(MARKER)
        anchor = model.vocab.tokenize(before + marker)
        ids, forced = anchor + model.vocab.tokenize(typed), model.vocab.tokenize(text)
        if len(forced) >= LEAST_TOKENS and len(ids) + len(forced) < model.context_tokens:
            prepared.append((ids, len(anchor), forced))
    kinds = ("never", "auto", "always")
    model.calibrate_whole(lambda: False)
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind in kinds if number % 2 else reversed(kinds):
            found[kind].append(replay(model, prepared, kind))
    rows = {kind: min(each, key=itemgetter("decode_ms")) for kind, each in found.items()}
    plain = rows["never"]["tokens_per_s"]
    costs = model.calibration.batch_costs
    return {
        "texts": len(prepared),
        "batch_cost_in_steps": {n: round(ms / costs[0][1], 2) for n, ms in costs},
        "decode_step_ms": round(costs[0][1], 2),
        "by_drafts": {
            kind: {**row, "speed_over_plain": round(row["tokens_per_s"] / plain, 3)}
            for kind, row in rows.items()
        },
    }


def main() -> None:
    """Collect texts, or measure with them."""
    parser = parser_of(__doc__)
    parser.add_argument("what", choices=("collect", "measure"))
    parser.add_argument("model", type=Path)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--edits", type=int, default=16)
    parser.add_argument("--since", default="HEAD", help="commit whose history is typed again")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=200, help="texts that are measured")
    arguments = parser.parse_args()
    if arguments.what == "collect":
        asyncio.run(collect(arguments))
        return
    texts = [(prompt, text) for prompt, text in json.loads(arguments.texts.read_text("utf-8"))]
    model = ForcedModel(EngineOptions(arguments.model))
    try:
        figures = measure(model, texts[: arguments.most], arguments.rounds)
        run = {"model": model.info.model_name, "rounds": arguments.rounds}
        finish(arguments.out, "forced_speculation", run=run, figures=figures)
    finally:
        model.close()


if __name__ == "__main__":
    main()
