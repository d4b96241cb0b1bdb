"""The engine's decoding loop against a bare loop in C: prefill and generation, tokens per second.

Both run in one process on one context, in turn, so that weights, threads and disturbances are the
same. The C loop takes the most likely token; ours does that and all else that a completion needs
(stop rules, probabilities, book-keeping of the KV cache), without drafts.

    python -m bench.engine.loop MODEL.gguf --out RESULT.json
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path
from statistics import median

import llama_cpp
from bench.command import finish, parser_of

from infill_ls.engine import EngineOptions
from infill_ls.engine.decoding.decoder import PREFILL_CHUNK_TOKENS, Decoder
from infill_ls.engine.decoding.draft import Drafter
from infill_ls.engine.decoding.kv_tree import KvTree
from infill_ls.engine.decoding.run import DecodingTask
from infill_ls.engine.llama.model import SEQUENCES, LlamaModel
from infill_ls.engine.llama.worker import BATCH_COSTS
from infill_ls.types import StopRule

HERE = Path(__file__).parent
TEXT = (HERE.parents[1] / "server" / "infill_ls" / "pipeline.py").read_text("utf-8")
PROMPT_TOKENS = 512
GENERATED_TOKENS = 64


def build(folder: Path) -> ctypes.CDLL:
    """Compile the C loop against the library that is loaded in this process."""
    library = Path(llama_cpp.__file__).parent / "lib"
    target = folder / "bare_loop.so"
    flags = [f"-L{library}", "-lllama", f"-Wl,-rpath,{library}"]
    subprocess.run(
        ["cc", "-O2", "-shared", "-fPIC", "-o", target, HERE / "bare_loop.c", *flags], check=True
    )
    loop = ctypes.CDLL(str(target))
    loop.prefill.restype = loop.generate.restype = ctypes.c_double
    loop.prefill.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32]
    loop.generate.argtypes = [ctypes.c_void_p, *[ctypes.c_int32] * 3, ctypes.c_void_p]
    return loop


class Race:
    """One model, driven by the C loop and by ours in turn."""

    def __init__(self, model: LlamaModel, loop: ctypes.CDLL) -> None:
        self._model = model
        self._loop = loop
        self._prompt = list(model.vocab.tokenize(TEXT)[:PROMPT_TOKENS])

    def bare(self, chunk_tokens: int) -> tuple[float, float]:
        """Return milliseconds of prefill and of generation in C."""
        context = self._model._context  # nobody else needs it
        size = len(self._prompt)
        prompt = (ctypes.c_int32 * size)(*self._prompt)
        out = (ctypes.c_int32 * GENERATED_TOKENS)()
        prefill_ms = self._loop.prefill(context, prompt, size, chunk_tokens)
        generate_ms = self._loop.generate(
            context, size, self._model.vocab.tokens, GENERATED_TOKENS, out
        )
        assert prefill_ms > 0
        assert generate_ms > 0
        self._model.truncate(0, 0)
        return prefill_ms, generate_ms

    def ours(self) -> tuple[float, float]:
        """Return the same of our loop, from an empty cache."""
        model = self._model
        tree = KvTree(model, cell_budget=model.kv_cells, sequences=SEQUENCES)
        drafter = Drafter(frozenset(), BATCH_COSTS["never"] or ())
        decoder = Decoder(model, tree, model.vocab.pieces, drafter, frozenset())
        stop = StopRule(GENERATED_TOKENS, 10_000, time_budget_ms=600_000)
        task = DecodingTask(self._prompt, len(self._prompt), b"", stop)
        (completion,) = decoder.complete(task, lambda: False)
        timings = completion.timings
        assert (timings.prefill_tokens, timings.decode_tokens) == (PROMPT_TOKENS, GENERATED_TOKENS)
        tree.clear()
        return timings.prefill_ms, timings.decode_ms


def main() -> None:
    """Measure and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    model = LlamaModel(EngineOptions(arguments.model, threads=arguments.threads))
    with tempfile.TemporaryDirectory() as folder:
        race = Race(model, build(Path(folder)))
        race.bare(PREFILL_CHUNK_TOKENS)
        rounds = [
            (race.bare(PROMPT_TOKENS), race.ours(), race.bare(PREFILL_CHUNK_TOKENS))
            if number % 2
            else (
                race.bare(PROMPT_TOKENS),
                *reversed((race.bare(PREFILL_CHUNK_TOKENS), race.ours())),
            )
            for number in range(arguments.rounds)
        ]
    model.close()

    def tokens_per_s(tokens: int, side: int, part: int) -> float:
        return round(tokens / median(each[side][part] for each in rounds) * 1000, 1)

    def ratio(side: int, part: int) -> float:
        return round(median(each[side][part] / each[1][part] for each in rounds), 3)

    finish(
        arguments.out,
        "loop",
        run={
            "model": model.info.model_name,
            "rounds": len(rounds),
            "prefill_chunk_tokens": PREFILL_CHUNK_TOKENS,
        },
        figures={
            "prefill_tokens_per_s": {
                "bare_in_one_batch": tokens_per_s(PROMPT_TOKENS, 0, 0),
                "bare_in_our_chunks": tokens_per_s(PROMPT_TOKENS, 2, 0),
                "ours": tokens_per_s(PROMPT_TOKENS, 1, 0),
            },
            "generation_tokens_per_s": {
                "bare": tokens_per_s(GENERATED_TOKENS, 2, 1),
                "ours": tokens_per_s(GENERATED_TOKENS, 1, 1),
            },
            "ours_over_bare": {
                "prefill_one_batch": ratio(0, 0),
                "prefill_same_chunks": ratio(2, 0),
                "generation": round((ratio(0, 1) + ratio(2, 1)) / 2, 3),
            },
        },
    )


if __name__ == "__main__":
    main()
