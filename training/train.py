"""Train the model within a budget of seconds, on any number of GPUs (or on the CPU, for tests).

The parent reads the corpus and forks workers, which cut samples, and one trainer for each GPU.
It never touches CUDA itself, so that forking is safe.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from training import corpus
from training.filters import HeldOut, language
from training.samples import BUDGETS, Mix, SampleBudgets, SampleMaker, pack
from training.tokens import FILE, FIM_END, RESPONSE, Encoder, Ids

if TYPE_CHECKING:
    from training.model import Llama, Shape

Shard = list[tuple[str, str]]
SHARD_FILES = 100
SHARDS_AT_A_TIME = 6
BLOCK_ROWS = 8
START = time.time()


@dataclass(frozen=True)
class TrainingPlan:
    """What a run is to do."""

    out: Path
    seconds: float
    devices: int
    workers: int
    rows: int
    accumulate: int
    rate: float
    adam_rate: float
    middle_weight: float
    last_middle_weight: float
    warmup: int
    decay_from: float
    init: Path | None
    resume: Path | None
    across: bool
    context: int
    toy: bool
    steps: int
    seed: int
    answers: bool
    layers: int


def log(*parts: object) -> None:
    """Print with the seconds since the start."""
    print(f"[{time.time() - START:7.1f}]", *parts, flush=True)


def shards_of(files: Sequence[corpus.File]) -> list[Shard]:
    """Return groups of neighbouring files of one package."""
    packages: dict[str, Shard] = {}
    for file in sorted(files, key=lambda f: (f.package, f.path)):
        packages.setdefault(file.package, []).append((file.path, file.text))
    return [
        group[at : at + SHARD_FILES]
        for group in packages.values()
        for at in range(0, len(group), SHARD_FILES)
    ]


def endless_samples(
    shards: list[Shard],
    encode: Encoder,
    rng: random.Random,
    mix: Callable[[], Mix] = Mix,
    budgets: SampleBudgets = BUDGETS,
) -> Iterator[Ids]:
    """Yield samples of ``shards`` over and over.

    Some shards are read at a time: two samples of one file, of which one may hold what the other
    leaves out, then seldom meet in a row.
    """
    maker = SampleMaker(encode, rng, mix, budgets)
    order = _endless_shards(shards, rng)
    being_read = [maker.shard(next(order)) for _ in range(SHARDS_AT_A_TIME)]
    while True:
        place = rng.randrange(len(being_read))
        sample = next(being_read[place], None)
        if sample is None:
            being_read[place] = maker.shard(next(order))
        else:
            yield sample


def _endless_shards(shards: list[Shard], rng: random.Random) -> Iterator[Shard]:
    while True:
        yield from rng.sample(shards, len(shards))


def encoder(file: Path = FILE) -> Encoder:
    """Return the tokenizer, on one thread."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from tokenizers import Tokenizer

    return Encoder(Tokenizer.from_file(str(file)))


def answer_mark() -> tuple[int, ...]:
    """Return the tokens that an instruction's answer stands behind."""
    return tuple(encoder()(RESPONSE).tolist())


def work(shards: list[Shard], length: int, seed: int, queue: Any, mix: Callable[[], Mix]) -> None:
    """Fill ``queue`` with blocks of rows, until ended."""
    rng = random.Random(seed)
    rows = pack(endless_samples(shards, encoder(), rng, mix), length, rng)
    while True:
        queue.put(np.stack([next(rows) for _ in range(BLOCK_ROWS)]))


def feed(folders: Sequence[Path], place: int, of: int, seed: int, queue: Any) -> None:
    """Fill ``queue`` with rows of the files in ``folders``, the new ones first, until ended.

    Each of ``of`` feeders takes its own part of the files, all of a folder as often, and of every
    folder as many: a folder that is named twice has twice the share.
    """
    rng = random.Random(seed)
    used: Counter[Path] = Counter()
    while True:
        chosen = []
        for folder in folders:
            found = folder.glob("*.npy")
            files = [file for file in found if crc32(file.name.encode()) % of == place]
            if files:
                least = min(used[file] for file in files)
                chosen.append(rng.choice([file for file in files if used[file] == least]))
                used[chosen[-1]] += 1
        if len(chosen) < len(folders):
            time.sleep(1)
            continue
        for file in chosen:
            rows = np.load(file)
            for first in range(0, len(rows), BLOCK_ROWS):
                queue.put(rows[first : first + BLOCK_ROWS])


class Batches:
    """Draws rows of many shards at random out of what the workers deliver."""

    def __init__(self, queue: Any, rows: int, kept: int, seed: int) -> None:
        self._queue, self._count, self._kept = queue, rows, kept
        self._rng = random.Random(seed)
        self._rows: list[Ids] = []

    def __call__(self) -> Ids:
        """Return one batch."""
        while len(self._rows) < self._count or (
            len(self._rows) < self._kept and not self._queue.empty()
        ):
            self._rows.extend(self._queue.get())
        batch = []
        for _ in range(self._count):
            at = self._rng.randrange(len(self._rows))
            self._rows[at], self._rows[-1] = self._rows[-1], self._rows[at]
            batch.append(self._rows.pop())
        return np.stack(batch)


def rate_factor(step: int, share: float, plan: TrainingPlan) -> float:
    """Return the learning rate's factor: a warm-up by steps, then a decay by the time's share."""
    warm = min(1.0, (step + 1) / plan.warmup)
    if share < plan.decay_from:
        return warm
    return warm * max(0.01, (1 - share) / (1 - plan.decay_from))


def weight_of_middle(share: float, plan: TrainingPlan) -> float:
    """Return the middle's weight in the loss: while the rate decays, it grows to the last one."""
    late = max(0.0, (share - plan.decay_from) / (1 - plan.decay_from))
    return plan.middle_weight + (plan.last_middle_weight - plan.middle_weight) * late


AVERAGED_FROM = (0.7, 0.85, 0.95)
"""Shares of the run from which on the weights are averaged, each for a mean of its own."""
AVERAGED_STEPS = 5


class Averages:
    """Means of a model's weights over the last parts of a run: what they swing around."""

    def __init__(self, parameters: Sequence[Any]) -> None:
        self._parameters = parameters
        self._sums: dict[float, list[Any]] = {}
        self.counts: Counter[float] = Counter()

    def add(self, share: float) -> None:
        """Take the weights of now into the means that have begun at ``share``."""
        import torch

        parts = [p.detach() for p in self._parameters]
        for begin in AVERAGED_FROM:
            if share >= begin:
                if begin not in self._sums:
                    self._sums[begin] = [torch.zeros_like(p) for p in parts]
                torch._foreach_add_(self._sums[begin], parts)
                self.counts[begin] += 1

    def put(self, begin: float) -> None:
        """Give the model the mean that began at the share ``begin``."""
        import torch

        with torch.no_grad():
            for p, total in zip(self._parameters, self._sums[begin], strict=True):
                p.copy_(total / self.counts[begin])


def tensors_of(model: Llama) -> dict[str, Any]:
    """Return the parameters under their names in a GGUF file."""
    named = {}
    for name, p in model.named_parameters():
        full = name if name.endswith(".weight") else f"{name}.weight"
        named[full] = p.detach().float().cpu().numpy()
    return named


def load_tensors(model: Llama, tensors: dict[str, Any]) -> None:
    """Fill the parameters from `tensors_of`'s form."""
    import torch

    with torch.no_grad():
        for name, p in model.named_parameters():
            full = name if name.endswith(".weight") else f"{name}.weight"
            p.copy_(torch.from_numpy(tensors[full]).reshape(p.shape))


def train(
    rank: int,
    plan: TrainingPlan,
    shape: Shape,
    queue: Any,
    validation: Sequence[Ids],
    progress: Any,
) -> None:
    """Run one trainer: one of ``plan.devices`` GPUs, or the CPU."""
    import torch
    import torch.distributed as dist

    from training.export import F16, read_gguf, write_gguf
    from training.grow import grown
    from training.model import Llama, Optimizer, add_gradients

    cuda = plan.devices > 0
    world = max(1, plan.devices)
    device = f"cuda:{rank}" if cuda else "cpu"
    if cuda:
        torch.cuda.set_device(rank)
        torch.set_float32_matmul_precision("high")
    if world > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29531")
        dist.init_process_group("nccl", rank=rank, world_size=world)
    torch.manual_seed(plan.seed)
    model = Llama(shape, answer_mark() if plan.answers else (FIM_END,)).to(device)
    optimizer = Optimizer(model, plan.rate, plan.adam_rate)
    step = tokens = 0
    if plan.resume is not None:
        saved = torch.load(plan.resume, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.restore(saved["optimizer"])
        tokens = saved["tokens"]
    if cuda:
        model.compile_parts()
    weight = torch.tensor(plan.middle_weight, device=device)
    batches = Batches(queue, plan.rows, 4_096 if cuda else 32, plan.seed + rank)
    held = [torch.from_numpy(rows.astype(np.int64)).to(device) for rows in validation]
    cast = torch.autocast("cuda" if cuda else "cpu", dtype=torch.bfloat16, enabled=cuda)
    parameters = list(model.parameters())
    averages = Averages(parameters)
    clock = torch.zeros(1, dtype=torch.float64, device=device)
    deadline_file = plan.out / "deadline"
    began: float | None = None
    share, stamp, stamp_tokens, saved_at = 0.0, time.time(), 0, time.time()

    def losses() -> list[float]:
        """Return, for each set that is held out, the loss of all tokens and that of middles."""
        model.eval()
        found = []
        for rows in held:
            with torch.no_grad(), cast:
                sums = [model(p[:, :-1], p[:, 1:], weight)[1:] for p in rows.split(16)]
            found += [sum(float(s[n]) for s in sums) / len(sums) for n in (0, 1)]
        model.train()
        return [round(loss, 4) for loss in found]

    def save() -> None:
        write_gguf(plan.out / "part.gguf", shape, tensors_of(model))
        (plan.out / "part.gguf").rename(plan.out / "model-q8_0.gguf")
        state = {"model": model.state_dict(), "optimizer": optimizer.state(), "tokens": tokens}
        torch.save(state, plan.out / "checkpoint.part")
        (plan.out / "checkpoint.part").rename(plan.out / "checkpoint.pt")

    if plan.init is not None:
        if not plan.init.exists():
            # It still travels to this machine: what takes long is compiled meanwhile.
            rows = held[0][: plan.rows]
            with cast:
                model(rows[:, :-1], rows[:, 1:], weight, plan.across)[0].backward()
            for p in parameters:
                p.grad = None
            log("compiled", losses())
            while not plan.init.exists():
                time.sleep(0.2)
        load_tensors(model, grown(read_gguf(plan.init), shape.layers))
    if rank == 0:
        log("parameters", sum(p.numel() for p in parameters) / 1e6, "start", losses())
    while True:
        if step % 10 == 0 and step >= 10:
            # One clock for all: the first trainer's, and a deadline that may be moved meanwhile.
            if began is None:
                began = time.time()
            end = START + plan.seconds
            if rank == 0 and deadline_file.exists():
                end = float(deadline_file.read_text())
            clock[0] = (time.time() - began) / max(1.0, end - began)
            if plan.steps:
                clock[0] = step / plan.steps
            if world > 1:
                dist.broadcast(clock, 0)
            share = float(clock[0])
            if share >= 1:
                break
            weight.fill_(weight_of_middle(share, plan))
            if rank == 0:
                progress.value = share
        factor = rate_factor(step, share, plan)
        some = [
            torch.from_numpy(batches().astype(np.int32)).to(device).long()
            for _ in range(plan.accumulate)
        ]
        plain, middle = add_gradients(model, some, weight, across=plan.across)
        tokens += world * sum(rows[:, 1:].numel() for rows in some)
        if world > 1:
            flat = torch.cat([p.grad.flatten() for p in parameters])
            dist.all_reduce(flat, op=dist.ReduceOp.AVG)
            for p, part in zip(
                parameters, flat.split([p.numel() for p in parameters]), strict=True
            ):
                p.grad = part.view_as(p)
        optimizer.step(factor, step)
        step += 1
        if rank == 0 and step % AVERAGED_STEPS == 0:
            averages.add(share)
        if world > 1 and step % 500 == 0:
            for p in parameters:
                dist.broadcast(p.data, 0)
        if rank == 0 and (step % 100 == 0 or step in {1, 2, 10}):
            spent = time.time() - stamp
            rate = (tokens - stamp_tokens) / spent
            stamp, stamp_tokens = time.time(), tokens
            held_out = f"held out {losses()}" if step % 500 == 0 else ""
            log(
                f"step {step} all {float(plain):.4f} middle {float(middle):.4f} {held_out}"
                f" factor {factor:.3f} tokens {tokens / 1e6:.1f}M {rate / 1e3:.0f}k/s"
                f" share {share:.3f} queue {queue.qsize()}"
            )
        if rank == 0 and time.time() - saved_at > 400:
            save()
            saved_at = time.time()
    if rank == 0:
        final = losses()
        log("final held out", final, "tokens", tokens, "steps", step)
        save()
        write_gguf(plan.out / "model-f16.gguf", shape, tensors_of(model), F16)
        means = {}
        for begin, count in averages.counts.items():
            averages.put(begin)
            name = f"mean-{round(100 * begin)}"
            means[name] = losses()
            log(name, "of", count, "held out", means[name])
            write_gguf(plan.out / f"{name}-f16.gguf", shape, tensors_of(model), F16)
        record = {
            "tokens": tokens,
            "steps": step,
            "held_out": final,
            "held_out_of_means": means,
            "shape": asdict(shape),
        }
        (plan.out / "result.json").write_text(json.dumps(record, indent=1) + "\n")
        log("done")


def gather(args: argparse.Namespace) -> list[corpus.File]:
    """Return the files of all sources, without copies, in an order of their own."""
    held_out = HeldOut.load(args.held_out) if args.held_out else HeldOut()
    files = [file for path in args.corpus for file in corpus.read(path)]
    log(len(files), "files brought", sum(len(f.text) for f in files) / 1e6, "M characters")
    processes = max(2, args.workers)
    files += corpus.installed(args.installed, processes)
    log(len(files), "files with the installed ones")
    files = corpus.clean(files, held_out, processes)
    languages: Counter[str] = Counter()
    packages: Counter[str] = Counter()
    for file in files:
        languages[language(file.path) or "other"] += len(file.text)
        packages[file.package] += len(file.text)
    log(len(files), "files", {k: round(v / 1e6, 1) for k, v in languages.items()}, "M characters")
    (args.out / "packages.json").write_text(json.dumps(packages, indent=1) + "\n")
    return files


def rows_of(shards: list[Shard], count: int, length: int) -> Ids:
    """Return rows to measure on, always the same ones."""
    rng = random.Random(7)
    rows = pack(endless_samples(shards, encoder(), rng), length, rng)
    return np.stack([next(rows) for _ in range(count)])


def main() -> None:
    """Train, export, and leave a checkpoint."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--corpus", type=Path, nargs="*", default=[])
    parser.add_argument("--installed", type=Path, nargs="*", default=[])
    parser.add_argument("--held-out", type=Path, help="fingerprints written by training.corpus")
    parser.add_argument(
        "--validation",
        type=Path,
        nargs="*",
        default=[],
        help="corpus files of held-out packages, or rows",
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=1_500)
    parser.add_argument("--steps", type=int, default=0, help="end after these, not by time")
    parser.add_argument("--devices", type=int, default=0, help="GPUs; 0 is the CPU")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rows", type=int, default=64, help="rows a batch and GPU")
    parser.add_argument("--accumulate", type=int, default=1, help="batches a step")
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--adam-rate", type=float, default=2e-3)
    parser.add_argument("--middle-weight", type=float, default=2.5)
    parser.add_argument("--last-middle-weight", type=float, default=4.0)
    parser.add_argument("--across", action="store_true", help="attend across samples: quicker")
    parser.add_argument("--context", type=int, default=2_048, help="tokens a row")
    parser.add_argument("--warmup", type=int, default=150)
    parser.add_argument("--decay-from", type=float, default=0.45)
    parser.add_argument(
        "--init",
        type=Path,
        help="a GGUF file of the same shape, or of fewer blocks, which may arrive later",
    )
    parser.add_argument("--layers", type=int, default=0, help="blocks, if not as many as usual")
    parser.add_argument("--resume", type=Path)
    parser.add_argument(
        "--rows-from",
        type=Path,
        nargs="*",
        default=[],
        help="take the rows that training.trials makes, from these folders, as many of each",
    )
    parser.add_argument("--validation-rows", type=int, default=128)
    parser.add_argument(
        "--answers",
        action="store_true",
        help="rows of training.instruction_rows: what counts as a middle is an answer",
    )
    parser.add_argument("--toy", action="store_true", help="a model of two narrow layers")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    names = TrainingPlan.__dataclass_fields__
    plan = TrainingPlan(**{name: getattr(args, name) for name in names})
    plan.out.mkdir(parents=True, exist_ok=True)
    context = mp.get_context("fork")
    shards = [] if args.rows_from else shards_of(gather(args))
    random.Random(plan.seed).shuffle(shards)
    length = (256 if plan.toy else plan.context) + 1
    count = 4 if plan.toy else args.validation_rows
    validation = [
        np.load(path)[:count]
        if path.suffix == ".npy"
        else rows_of(shards_of(list(corpus.read(path))), count, length)
        for path in args.validation
    ] or [rows_of(shards[:2], count, length)]
    world = max(1, plan.devices)
    progress = context.Value("d", 0.0)

    def mix() -> Mix:
        return Mix.at(progress.value, plan.decay_from)

    queues = [context.Queue(80) for _ in range(world)]
    feeders = [
        context.Process(
            target=feed, args=(args.rows_from, n, world, plan.seed + n, queues[n]), daemon=True
        )
        for n in range(world if args.rows_from else 0)
    ]
    processes = feeders or [
        context.Process(
            target=work,
            args=(
                shards[n :: plan.workers] or shards,
                length,
                plan.seed * 1000 + n,
                queues[n % world],
                mix,
            ),
            daemon=True,
        )
        for n in range(plan.workers)
    ]
    for process in processes:
        process.start()
    log(len(shards), "shards", plan.workers, "workers")
    trainers = [
        context.Process(target=_trainer, args=(rank, plan, queues[rank], validation, progress))
        for rank in range(world)
    ]
    for trainer in trainers:
        trainer.start()
    for trainer in trainers:
        trainer.join()
    for process in processes:
        process.terminate()
    if any(trainer.exitcode for trainer in trainers):
        raise SystemExit("a trainer failed")


def _trainer(
    rank: int, plan: TrainingPlan, queue: Any, validation: Sequence[Ids], progress: Any
) -> None:
    from training.model import Shape

    toy = Shape(width=64, layers=2, heads=4, kv_heads=2, inner=128, context=256)
    shape = toy if plan.toy else Shape(context=plan.context)
    shape = replace(shape, layers=plan.layers or shape.layers)
    train(rank, plan, shape, queue, validation, progress)
    queue.cancel_join_thread()
    os._exit(0)  # workers still fill the queue: nothing is to wait for them


if __name__ == "__main__":
    main()
