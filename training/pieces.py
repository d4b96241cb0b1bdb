"""Make a corpus of many languages out of what was read, clean it, and cut it into pieces.

    python -m training.pieces corpora/*/corpus.jsonl.zst --held-out corpora/held-out.json.gz --out pieces

Each language has its share; a package comes whole or, where it is the last one that fits, in part.
Every piece is a sample of all languages, so that training may begin when the first has arrived at the
machine that trains.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import zstandard

from training import corpus
from training.filters import HeldOut, language
from training.train import Shard, log, shards_of

MOST_CHARS_M: dict[str, float] = {
    "python": 440,
    "javascript": 110,
    "typescript": 150,
    "java": 150,
    "csharp": 120,
    "go": 150,
    "rust": 140,
    "c": 130,
    "cpp": 140,
    "ruby": 110,
    "php": 110,
    "kotlin": 80,
    "lua": 40,
    "shell": 15,
    "html": 12,
    "css": 12,
    "sql": 12,
    "vue": 30,
    "svelte": 20,
    "astro": 5,
    "notebook": 30,
}
"""Millions of characters of each language at most."""
LEVEL = 17


def within_shares(
    files: Sequence[corpus.File], most_chars: Mapping[str, float], seed: int
) -> list[corpus.File]:
    """Return files of packages drawn by chance, of each language at most so many characters."""
    rng = random.Random(seed)
    packages: defaultdict[str, list[corpus.File]] = defaultdict(list)
    for file in files:
        packages[file.package].append(file)
    chars: Counter[str] = Counter()
    kept = []
    for name in rng.sample(sorted(packages), len(packages)):
        for file in packages[name]:
            of = language(file.path)
            if of is not None and chars[of] + len(file.text) <= most_chars.get(of, 0.0):
                chars[of] += len(file.text)
                kept.append(file)
    return kept


def cut(shards: Sequence[Shard], count: int, seed: int) -> list[list[Shard]]:
    """Return ``count`` samples of the shards, of about the same size."""
    pieces: list[list[Shard]] = [[] for _ in range(count)]
    sizes = [0] * count
    for shard in random.Random(seed).sample(list(shards), len(shards)):
        at = sizes.index(min(sizes))
        pieces[at].append(shard)
        sizes[at] += sum(len(text) for _, text in shard)
    return pieces


def write(path: Path, shards: Sequence[Shard]) -> None:
    """Write shards as a corpus file, each as a package of its own."""
    params = zstandard.ZstdCompressionParameters.from_level(
        LEVEL, window_log=27, enable_ldm=True, threads=2
    )
    with (
        path.open("wb") as raw,
        zstandard.ZstdCompressor(compression_params=params).stream_writer(raw) as sink,
    ):
        for number, shard in enumerate(shards):
            lines = (json.dumps([f"{path.name}/{number}", name, text]) for name, text in shard)
            sink.write(("\n".join(lines) + "\n").encode())


def main() -> None:
    """Write PIECE-N.jsonl.zst, and what is in them (packages.json, languages.json)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--pieces", type=int, default=7)
    parser.add_argument("--name", default="piece")
    parser.add_argument("--scale", type=float, default=1.0, help="of all shares")
    parser.add_argument("--only", nargs="*", help="languages to take, of those that are lacking")
    parser.add_argument(
        "--beside", type=Path, nargs="*", default=[], help="pieces whose files are not taken again"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    only = set(args.only or MOST_CHARS_M)
    have = [file for path in args.beside for file in corpus.read(path)]
    known = {corpus.digest(file.text) for file in have}
    files = [
        file
        for path in args.corpus
        for file in corpus.read(path)
        if language(file.path) in only and corpus.digest(file.text) not in known
    ]
    log(len(files), "files,", sum(len(f.text) for f in files) / 1e6, "M characters")
    most = {name: 1e6 * args.scale * share for name, share in MOST_CHARS_M.items()}
    for file in have:
        most[language(file.path) or ""] -= len(file.text)
    # Copies and refused files are found later: somewhat more is looked at than is kept.
    files = within_shares(files, {name: 1.3 * share for name, share in most.items()}, args.seed)
    near = [file for file in have if language(file.path) in only]
    files = corpus.clean(files, HeldOut.load(args.held_out), 2, near)
    files = within_shares(files, most, args.seed)
    languages: Counter[str] = Counter()
    packages: Counter[str] = Counter()
    for file in files:
        languages[language(file.path) or ""] += len(file.text)
        packages[file.package] += len(file.text)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "packages.json").write_text(json.dumps(packages, indent=1) + "\n")
    (args.out / "languages.json").write_text(json.dumps(languages, indent=1) + "\n")
    log({name: round(size / 1e6, 1) for name, size in languages.most_common()})
    for number, shards in enumerate(cut(shards_of(files), args.pieces, args.seed)):
        path = args.out / f"{args.name}-{number}.jsonl.zst"
        write(path, shards)
        log(path.name, len(shards), "shards", path.stat().st_size / 1e6, "MB")


if __name__ == "__main__":
    main()
