"""Short runs that differ in one thing each, at equal tokens: what a long run had better be like.

    python -m training.trials rows --corpus corpus.jsonl.zst --validation validation.jsonl.zst --out rows
    python -m training.trials run base wide deep --rows rows --device cuda:0 --out trials

Losses are in bits for each byte of text that is predicted, so that vocabularies compare; what is
held out is the same for all: packages that are never trained on, in prompts as long as the server's.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from training.export import Q8_0, read_gguf, write_gguf
from training.filters import LANGUAGES, language
from training.grow import layers_of
from training.model import Llama, Optimizer, Shape, add_gradients
from training.rows import RowSet, make, translate, wait_for
from training.samples import Mix, SampleBudgets
from training.tokens import FILE
from training.train import gather, load_tensors, log, shards_of, tensors_of

if TYPE_CHECKING:
    from torch import Tensor

SERVER_LIKE = SampleBudgets(windows=(500, 700, 1_000))
LONG = SampleBudgets(
    2_048,
    (48, 128, 256, 256, 256, 512),
    (512, 512, 512, 256, 1_024),
    (100, 150, 250, 350, 500, 700, 1_000, 1_800, 2_600),
)
"""For a context of 4 096: mostly as the server asks by default, some samples twice as long."""
_HOLES = Mix(functions=0.3, plain=0.0, context=0.9)
_LINKED = Mix(functions=0.0, plain=0.0, context=1.0, linked=1.0)
HELD_OUT = RowSet("held-out", 512, SERVER_LIKE, _HOLES)
HELD_OUT_SETS = (
    HELD_OUT,
    RowSet("held-out-linked", 512, SERVER_LIKE, _LINKED),
    RowSet("held-out-alone", 512, SERVER_LIKE, replace(_LINKED, context=0.0)),
    RowSet("held-out-long", 256, replace(LONG, windows=(1_800, 2_600)), _HOLES, length=4_096),
)
"""Of packages that are never trained on: what trials are measured by; first uses of what other
files declare, with snippets and without; and prompts for a context of 4 096."""
TRIAL_ROWS = 12_288
SHAPE = Shape()
MIX = Mix(windows=0.9, functions=1.2, plain=0.05, context=0.6)
SETS = (
    RowSet("base", TRIAL_ROWS, mix=MIX),
    RowSet("short", TRIAL_ROWS, SampleBudgets(windows=(60, 80, 110, 150)), MIX),
    RowSet("long", TRIAL_ROWS, SERVER_LIKE, MIX),
    RowSet("context-4096", TRIAL_ROWS // 2, LONG, MIX, length=4_096),
    RowSet("linked", TRIAL_ROWS, mix=replace(MIX, context=0.8, linked=0.4)),
    RowSet("repeated", 512, LONG, MIX, length=4_096),
)
FINAL = RowSet(
    "final",
    10**9,
    LONG,
    Mix(windows=0.9, functions=1.0, plain=0.05, context=0.8, linked=0.35, raw=0.12),
    length=4_096,
)
"""What a run that starts from a trained model goes on with."""


@dataclass(frozen=True)
class Trial:
    """One run. The rate falls from its peak to zero over the second half of the tokens."""

    name: str
    rows: str = "base"
    shape: Shape = SHAPE
    tokens: int = 24_576_000
    middle_weight: float = 2.5
    rate: float = 0.02
    goes_on: bool = False
    """Whether it starts from trained weights; the rate then falls from the start."""
    across: bool = True
    vocabulary: Path = FILE
    batch_tokens: int = 65_536
    dropout: float = 0.0


def _shape(layers: int, width: int, **more: int) -> Shape:
    return replace(
        Shape(),
        layers=layers,
        width=width,
        heads=width // 64,
        kv_heads=width // 128,
        inner=3 * width,
        **more,
    )


_BASE = Trial("base")
_ON = Trial("on", goes_on=True, rate=0.004, tokens=16_384_000)
_REPEATED = replace(
    _ON,
    name="on-repeated",
    rows="repeated",
    rate=0.0013,
    tokens=16 * 512 * 4_096,
    shape=replace(SHAPE, context=4_096),
)
"""Sixteen times over the same two million tokens."""
TRIALS = {
    trial.name: trial
    for trial in (
        _BASE,
        replace(_BASE, name="middle-weight-1", middle_weight=1.0),
        replace(_BASE, name="middle-weight-6", middle_weight=6.0),
        replace(_BASE, name="short-windows", rows="short"),
        replace(_BASE, name="long-windows", rows="long"),
        replace(_BASE, name="masked", across=False),
        replace(_BASE, name="deep", shape=_shape(28, 384)),
        replace(_BASE, name="wide", shape=_shape(10, 640)),
        replace(_BASE, name="25m", shape=_shape(10, 384)),
        replace(_BASE, name="110m", shape=_shape(20, 640)),
        replace(_BASE, name="vocabulary-24k", rows="24k", shape=replace(SHAPE, vocabulary=24_576)),
        replace(
            _BASE, name="context-4096", rows="context-4096", shape=replace(SHAPE, context=4_096)
        ),
        replace(_BASE, name="quarter", tokens=6_144_000),
        replace(_BASE, name="half", tokens=12_288_000),
        _ON,
        replace(_ON, name="on-slow", rate=0.0013),
        replace(_ON, name="on-fast", rate=0.012),
        replace(_ON, name="on-long", rows="long"),
        replace(_ON, name="on-linked", rows="linked"),
        replace(
            _ON, name="on-context-4096", rows="context-4096", shape=replace(SHAPE, context=4_096)
        ),
        replace(_ON, name="on-weight-6", middle_weight=6.0),
        _REPEATED,
        replace(_REPEATED, name="on-repeated-dropout", dropout=0.1),
    )
}


def bytes_of_tokens(tokenizer: Path, size: int) -> Tensor:
    """Return how many bytes of text each id stands for; 0 for the special ones."""
    words: dict[str, int] = json.loads(tokenizer.read_text(encoding="utf-8"))["model"]["vocab"]
    lengths = torch.zeros(size)
    for word, number in words.items():
        lengths[number] = len(word) if number >= 6 else 0
    return lengths


def held_out_bits(
    model: Llama, rows: Tensor, lengths: Tensor, batch_rows: int = 16
) -> dict[str, float]:
    """Return the loss on held-out rows in bits a byte: of all text and of middles."""
    sums = torch.zeros(4, dtype=torch.float64, device=rows.device)
    cuda = rows.is_cuda
    model.eval()
    with torch.no_grad(), torch.autocast(rows.device.type, torch.bfloat16, enabled=cuda):
        for part in rows.split(batch_rows):
            x, y = part[:, :-1], part[:, 1:]
            losses, kind = model.token_losses(x, y, across=False)
            size = lengths[y]
            for place, chosen in enumerate((kind > 0, kind > 1)):
                sums[2 * place] += (losses * chosen).double().sum()
                sums[2 * place + 1] += (size * chosen).double().sum()
    model.train()
    every, every_bytes, middle, middle_bytes = sums.tolist()
    return {
        "all": every / every_bytes / math.log(2),
        "middle": middle / middle_bytes / math.log(2),
    }


def batches(files: Sequence[Path], rows: int, device: str) -> Iterator[Tensor]:
    """Yield batches of rows, of several files each, over and over in the same order."""
    rng = random.Random(1)
    while True:
        pool: list[Any] = []
        for file in files:
            pool.extend(np.load(file))
            if len(pool) >= 2_048:
                rng.shuffle(pool)
                while len(pool) >= max(rows, 1_024):
                    yield torch.from_numpy(np.stack(pool[:rows]).astype(np.int64)).to(device)
                    del pool[:rows]
        rng.shuffle(pool)
        while len(pool) >= rows:
            yield torch.from_numpy(np.stack(pool[:rows]).astype(np.int64)).to(device)
            del pool[:rows]


def run(
    trial: Trial, files: Sequence[Path], held_out: Tensor, init: Path | None, save: Path | None
) -> dict[str, Any]:
    """Train as ``trial`` says and return what came of it."""
    device = str(held_out.device)
    cuda = held_out.is_cuda
    began = time.time()
    torch.manual_seed(1)
    model = Llama(trial.shape).to(device)
    model.drop(trial.dropout)
    if trial.goes_on:
        assert init is not None
        load_tensors(model, read_gguf(init))
    if cuda:
        torch._dynamo.reset()
        model.compile_parts()
    optimizer = Optimizer(model, trial.rate, trial.rate / 10)
    lengths = bytes_of_tokens(trial.vocabulary, trial.shape.vocabulary).to(device)
    steps = trial.tokens // trial.batch_tokens
    warmup = max(1, min(100, steps // 8))
    weight = torch.tensor(trial.middle_weight, device=device)
    curve = [{"tokens": 0, **held_out_bits(model, held_out, lengths)}]
    source = batches(files, trial.batch_tokens // trial.shape.context, device)
    started = time.time()
    for step in range(steps):
        share = step / steps
        factor = min(1.0, (step + 1) / warmup)
        factor *= 1 - share if trial.goes_on else min(1.0, 2 * (1 - share))
        add_gradients(model, [next(source)], weight, across=trial.across)
        optimizer.step(factor, step)
        if (step + 1) % max(1, steps // 4) == 0:
            tokens = (step + 1) * trial.batch_tokens
            curve.append({"tokens": tokens, **held_out_bits(model, held_out, lengths)})
    seconds = time.time() - started
    if save is not None:
        write_gguf(save, trial.shape, tensors_of(model), Q8_0, trial.vocabulary)
    return {
        "name": trial.name,
        "rows": trial.rows,
        "shape": asdict(trial.shape),
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens": steps * trial.batch_tokens,
        "middle_weight": trial.middle_weight,
        "rate": trial.rate,
        "goes_on": trial.goes_on,
        "across": trial.across,
        "dropout": trial.dropout,
        "held_out_bits_a_byte": curve,
        "seconds": round(seconds, 1),
        "start_seconds": round(started - began, 1),
    }


def _make(args: argparse.Namespace) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    from training import corpus

    if args.cleaned:
        files = [file for path in args.corpus for file in corpus.read(path)]
    else:
        files = gather(args)
    wanted = set(args.only or LANGUAGES.values()) - set(args.without)
    shards = shards_of([file for file in files if language(file.path) in wanted])
    random.Random(1).shuffle(shards)
    if args.final:
        mix = replace(FINAL.mix, functions=args.functions, nodes=args.nodes)
        make(replace(FINAL, mix=mix), shards, args.out, args.workers, seed=args.seed)
        return
    held = shards_of(list(corpus.read(args.validation)))
    for one in (*HELD_OUT_SETS, *SETS):
        small = replace(one, count=max(1, int(one.count * args.scale)))
        source, workers = (held, 8) if one in HELD_OUT_SETS else (shards, args.workers)
        make(small, source, args.out, min(workers, args.workers), seed=args.seed)
        log(one.name, "is made")
        if one.name == "base" and args.tokenizer:
            while not args.tokenizer.exists():
                time.sleep(1)  # it is being trained meanwhile
            for name in ("held-out", "base"):
                rows = wait_for(args.out / name)
                translate(args.out / f"{name}-24k", rows, args.tokenizer)


def _run(args: argparse.Namespace) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    change: Callable[[Trial], Trial] = lambda trial: trial  # noqa: E731
    if args.tokens:
        change = lambda trial: replace(trial, tokens=args.tokens, batch_tokens=4_096)  # noqa: E731
    if args.device.startswith("cuda"):
        torch.cuda.set_device(args.device)
        torch.set_float32_matmul_precision("high")
    for name in args.names:
        trial = change(TRIALS[name])
        is_24k = trial.rows == "24k"
        if is_24k:
            trial = replace(trial, rows="base-24k", vocabulary=args.tokenizer)
        try:
            held = wait_for(args.rows / ("held-out-24k" if is_24k else "held-out"))
            held_out = torch.from_numpy(
                np.concatenate([np.load(file) for file in held]).astype(np.int64)
            ).to(args.device)
            files = wait_for(args.rows / trial.rows)
            found = run(
                trial, files, held_out, args.init, args.out / f"{name}.gguf" if args.save else None
            )
        except Exception as error:  # noqa: BLE001 - the next trial may do better
            log("failed:", name, repr(error)[:500])
            continue
        with (args.out / "trials.jsonl").open("a") as sink:
            sink.write(json.dumps(found) + "\n")
        last = found["held_out_bits_a_byte"][-1]
        log(
            name,
            {k: round(v, 4) for k, v in last.items()},
            found["seconds"],
            found["start_seconds"],
        )


def _measure(args: argparse.Namespace) -> None:
    lengths = bytes_of_tokens(FILE, SHAPE.vocabulary).to(args.device)
    sets = {
        one: np.concatenate([np.load(file) for file in wait_for(args.rows / one.name)])
        for one in HELD_OUT_SETS
        if (args.rows / one.name).exists()
    }
    for path in args.models:
        tensors = read_gguf(path)
        for one, rows in sets.items():
            held_out = torch.from_numpy(rows[: args.count].astype(np.int64)).to(args.device)
            shape = replace(SHAPE, context=one.length, layers=layers_of(tensors))
            model = Llama(shape).to(args.device)
            load_tensors(model, tensors)
            found = held_out_bits(model, held_out, lengths, 2)
            print(one.name, path.name, json.dumps(found), flush=True)


def main() -> None:
    """Make the rows of the trials, run some trials, or measure models on the rows held out."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    rows = commands.add_parser("rows", help="make the rows that trials read")
    rows.add_argument("--corpus", type=Path, nargs="*", default=[])
    rows.add_argument("--installed", type=Path, nargs="*", default=[])
    rows.add_argument("--held-out", type=Path)
    rows.add_argument("--validation", type=Path)
    rows.add_argument("--tokenizer", type=Path, help="of the trial with another vocabulary")
    rows.add_argument("--final", action="store_true", help="make those of a long run, until ended")
    rows.add_argument("--workers", type=int, default=2)
    rows.add_argument(
        "--cleaned", action="store_true", help="the corpus is pieces of training.pieces"
    )
    rows.add_argument("--only", nargs="*", help="languages to make rows of, of those there are")
    rows.add_argument("--without", nargs="*", default=[], help="languages that are left out")
    rows.add_argument(
        "--functions",
        type=float,
        default=FINAL.mix.functions,
        help="how often single functions come in a long run's rows",
    )
    rows.add_argument(
        "--nodes",
        type=float,
        default=FINAL.mix.nodes,
        help="share of the holes in a long run's rows that are nodes of the syntax tree",
    )
    rows.add_argument("--scale", type=float, default=1.0, help="make so much of each set")
    rows.add_argument("--seed", type=int, default=1)
    rows.add_argument("--out", type=Path, required=True)
    rows.set_defaults(command=_make)
    some = commands.add_parser("run", help="run trials")
    some.add_argument("names", nargs="+", choices=TRIALS)
    some.add_argument("--rows", type=Path, required=True)
    some.add_argument("--init", type=Path, help="weights that some trials go on from")
    some.add_argument("--tokenizer", type=Path)
    some.add_argument("--device", default="cpu")
    some.add_argument("--tokens", type=int, default=0, help="fewer than a trial asks for: a test")
    some.add_argument("--save", action="store_true")
    some.add_argument("--out", type=Path, required=True)
    some.set_defaults(command=_run)
    measure = commands.add_parser("measure", help="measure models of the usual width")
    measure.add_argument("models", type=Path, nargs="+")
    measure.add_argument("--rows", type=Path, required=True)
    measure.add_argument("--count", type=int, default=512, help="rows to measure on")
    measure.add_argument("--device", default="cpu")
    measure.set_defaults(command=_measure)
    args = parser.parse_args()
    args.command(args)


if __name__ == "__main__":
    main()
