"""Instructions and their answers in a file, and the rows of tokens that training reads.

Apart from `training.instructions`, which makes them: this runs on the machine that trains, without the server's packages.

    python -m training.instruction_rows SAMPLES.jsonl.zst --out FOLDER
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import zstandard

from training.rows import ROWS_OF_A_FILE, mark_complete, write
from training.tokens import BOS, EOS, EOT, Encoder, Ids
from training.train import encoder

HELD_OUT_OF = 50
"""One package of so many is measured on."""
SAMPLES_OF_A_JOB = 2_000


@dataclass(frozen=True)
class Sample:
    """One instruction with its answer."""

    package: str
    prompt: str
    """All up to the answer, in DeepSeek-Coder-Instruct's form."""
    answer: str


def write_samples(path: Path, samples: Sequence[Sample]) -> None:
    """Write samples as JSON lines under zstd."""
    text = "".join(f"{json.dumps([one.package, one.prompt, one.answer])}\n" for one in samples)
    path.write_bytes(zstandard.ZstdCompressor(level=19, threads=-1).compress(text.encode()))


def read_samples(path: Path) -> list[Sample]:
    """Read what `write_samples` wrote."""
    with path.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        return [Sample(*json.loads(line)) for line in io.TextIOWrapper(stream, encoding="utf-8")]


def ids_of(sample: Sample, encode: Encoder) -> Ids:
    """Return a sample's tokens: begin, conversation, answer, end of the answer, end."""
    # In two calls, as the server does it: no token reaches over the answer's begin.
    parts = [[BOS], encode(sample.prompt), encode(f"{sample.answer}\n"), [EOT, EOS]]
    return np.concatenate([np.asarray(part, np.uint16) for part in parts])


def rows_of(samples: Sequence[Ids], length: int) -> list[Ids]:
    """Pack samples into rows, the longest first, each into the fullest row that has room; cut none."""
    open_rows: list[tuple[int, list[Ids]]] = []
    done = []
    for sample in sorted(samples, key=len, reverse=True):
        if len(sample) > length:
            continue
        fits = [at for at, (used, _) in enumerate(open_rows) if used + len(sample) <= length]
        if fits:
            at = max(fits, key=lambda place: open_rows[place][0])
            used, parts = open_rows[at]
            open_rows[at] = (used + len(sample), [*parts, sample])
        else:
            open_rows.append((len(sample), [sample]))
    for used, parts in open_rows:
        done.append(np.concatenate([*parts, np.full(length - used, EOS, np.uint16)]))
    return done


def make_rows(samples: Sequence[Sample], out: Path, length: int, workers: int) -> None:
    """Write the rows of ``samples`` into the folder ``out``, and those to measure on beside it."""
    measured = [one for one in samples if crc32(one.package.encode()) % HELD_OUT_OF == 0]
    learnt = [one for one in samples if crc32(one.package.encode()) % HELD_OUT_OF]
    out.mkdir(parents=True, exist_ok=True)
    encode = encoder()
    held_out = rows_of([ids_of(one, encode) for one in measured[:SAMPLES_OF_A_JOB]], length + 1)
    np.save(out.parent / f"{out.name}-held-out.npy", np.stack(held_out))
    jobs = [
        (learnt[at : at + SAMPLES_OF_A_JOB], out, f"{at:07d}", length)
        for at in range(0, len(learnt), SAMPLES_OF_A_JOB)
    ]
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        count = sum(pool.imap_unordered(_write_rows, jobs))
    mark_complete(out)
    print(len(learnt), "samples in", count, "rows of", length, flush=True)


def _write_rows(entry: tuple[list[Sample], Path, str, int]) -> int:
    samples, folder, name, length = entry
    encode = encoder()
    rows = rows_of([ids_of(one, encode) for one in samples], length + 1)
    random.Random(len(rows)).shuffle(rows)
    for at in range(0, len(rows), ROWS_OF_A_FILE):
        write(folder, f"{name}-{at:05d}", np.stack(rows[at : at + ROWS_OF_A_FILE]))
    return len(rows)


def main() -> None:
    """Make the rows that training.train reads."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--context", type=int, default=2_048, help="tokens a row")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    make_rows(read_samples(args.samples), args.out, args.context, args.workers)


if __name__ == "__main__":
    main()
