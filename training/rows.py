"""Rows of samples in files: made by many processes, read by whoever trains on them.

Trials that are to be compared read the same rows. Searching snippets takes more time than training
on them: a long run starts on rows that were made while something else ran.
"""

from __future__ import annotations

import itertools
import multiprocessing as mp
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.samples import BUDGETS, Mix, SampleBudgets, pack
from training.tokens import BOS, EOS, Encoder, Ids
from training.train import Shard, encoder, endless_samples

ROWS_OF_A_FILE = 64
SPECIAL_IDS = 6
MIX = Mix()


@dataclass(frozen=True)
class RowSet:
    """What the rows of a folder hold."""

    name: str
    count: int
    """So many rows are made."""
    budgets: SampleBudgets = BUDGETS
    mix: Mix = MIX
    length: int = 2_048


def make(one: RowSet, shards: list[Shard], out: Path, workers: int, seed: int) -> None:
    """Make the rows of a set, into a folder of ``out``; returns when all are made."""
    context = mp.get_context("fork")
    folder = out / one.name
    folder.mkdir(parents=True, exist_ok=True)
    made = context.Value("q", 0)
    processes = [
        context.Process(
            target=_work, args=(one, shards[n::workers] or shards, folder, made, seed * 1_000 + n)
        )
        for n in range(workers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise ChildProcessError(f"a process that made rows for {folder} failed: its error is above")
    mark_complete(folder)


def _work(one: RowSet, shards: list[Shard], folder: Path, made: Any, seed: int) -> None:
    rng = random.Random(seed)
    samples = endless_samples(shards, encoder(), rng, lambda: one.mix, one.budgets)
    rows = pack(samples, one.length + 1, rng)
    number = 0
    while made.value < one.count:
        block = np.stack([next(rows) for _ in range(min(ROWS_OF_A_FILE, one.count))])
        write(folder, f"{number:05d}-{seed:06d}", block)
        number += 1
        with made.get_lock():
            made.value += len(block)


def write(folder: Path, name: str, rows: Ids) -> None:
    """Write a file of rows at once: a reader never sees a part of it."""
    part = folder / f"{name}.part"
    with part.open("wb") as sink:
        np.save(sink, rows)
    part.rename(folder / f"{name}.npy")


def mark_complete(folder: Path) -> None:
    """Tell who waits that all rows of a set are made."""
    (folder / "complete").touch()


def wait_for(folder: Path) -> list[Path]:
    """Return the files of ``folder``, in order, when all are made."""
    while not (folder / "complete").exists():
        time.sleep(0.5)
    return sorted(folder.glob("*.npy"))


def samples_of(rows: Ids) -> Iterator[Ids]:
    """Yield the samples that rows were packed of."""
    for row in rows:
        starts = [*np.flatnonzero(row == BOS).tolist(), len(row)]
        for first, last in itertools.pairwise(starts):
            sample = row[first:last]
            ends = np.flatnonzero(sample == EOS)
            yield sample[: ends[0] + 1] if len(ends) else sample


def translated(sample: Ids, old: Any, encode: Encoder) -> Ids:
    """Return a sample in another vocabulary: the same text between the same markers."""
    parts: list[Ids] = []
    plain: list[int] = []
    for token in [*sample.tolist(), -1]:
        if 0 <= token < SPECIAL_IDS or token == -1:
            if plain:
                parts.append(encode(old.decode(plain, skip_special_tokens=False)))
                plain = []
            if token >= 0:
                parts.append(np.array([token], np.uint16))
        else:
            plain.append(token)
    return np.concatenate(parts)


def translate(target: Path, files: Sequence[Path], tokenizer: Path) -> None:
    """Write the rows of ``files`` in the vocabulary of another tokenizer, packed again."""
    target.mkdir(parents=True, exist_ok=True)
    with mp.get_context("fork").Pool(max(2, (os.cpu_count() or 2) // 2)) as pool:
        pool.starmap(_translate, [(file, target, tokenizer) for file in files])
    mark_complete(target)


def _translate(file: Path, target: Path, tokenizer: Path) -> None:
    from tokenizers import Tokenizer

    from training.tokens import FILE

    old = Tokenizer.from_file(str(FILE))
    encode = encoder(tokenizer)
    rows = np.load(file)
    samples = (translated(sample, old, encode) for sample in samples_of(rows))
    packed = list(pack(samples, rows.shape[1], random.Random(1)))
    write(target, file.stem, np.stack(packed))
