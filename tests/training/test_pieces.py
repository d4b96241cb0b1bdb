"""Tests of cutting the corpus into pieces."""

from __future__ import annotations

from pathlib import Path

from training.pieces import cut, within_shares, write
from training.train import shards_of

from training import corpus

FILES = [
    corpus.File(f"package-{n}", f"src/file_{n}_{m}.{suffix}", f"text {n} {m}\n" * 10)
    for n in range(6)
    for m in range(4)
    for suffix in ("go", "rb")
]


def test_each_language_keeps_its_share() -> None:
    size = len(FILES[0].text)
    kept = within_shares(FILES, {"go": 5 * size, "ruby": 0}, seed=1)
    assert len(kept) == 5
    assert all(file.path.endswith(".go") for file in kept)
    assert len({file.package for file in kept}) == 2  # one whole package and a part of another


def test_pieces_hold_every_file_once(tmp_path: Path) -> None:
    shards = shards_of(FILES)
    pieces = cut(shards, 3, seed=1)
    found = []
    for number, piece in enumerate(pieces):
        path = tmp_path / f"piece-{number}.jsonl.zst"
        write(path, piece)
        read = list(corpus.read(path))
        assert shards_of(read) == [sorted(shard) for shard in piece]
        found += [file.path for file in read]
    assert sorted(found) == sorted(file.path for file in FILES)
