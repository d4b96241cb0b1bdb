"""Tests that train a toy on the CPU, from the corpus file to weights and on from a checkpoint."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training.export import read_gguf
from training.model import Llama, Shape
from training.train import shards_of

from training import corpus, rows, trials

ROOT = Path(__file__).parents[2]


def run_toy(corpus_file: Path, out: Path, *arguments: str) -> dict[str, object]:
    command = [
        sys.executable, "-m", "training.train", "--toy", "--out", str(out), "--corpus",
        str(corpus_file), "--rows", "2", "--workers", "1", "--warmup", "5", *arguments,
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record: dict[str, object] = json.loads((out / "result.json").read_text())
    return record


def test_a_toy_learns_and_goes_on(tmp_path: Path) -> None:
    texts = [(str(p.relative_to(ROOT)), p.read_text()) for p in (ROOT / "training").glob("*.py")]
    file = tmp_path / "corpus.jsonl.zst"
    file.write_bytes(corpus._frame("training", texts))
    first = run_toy(file, tmp_path / "first", "--steps", "15")
    held_out = first["held_out"]
    assert isinstance(held_out, list)
    middle = held_out[1]
    assert middle < 0.95 * math.log(Shape().vocabulary)  # where a model begins that knows nothing
    assert (tmp_path / "first" / "model-q8_0.gguf").exists()

    saved = torch.load(tmp_path / "first" / "checkpoint.pt", weights_only=True)
    second = run_toy(
        file, tmp_path / "second", "--steps", "10", "--resume",
        str(tmp_path / "first" / "checkpoint.pt"),
    )  # fmt: skip
    assert saved["tokens"] == first["tokens"]
    assert second["tokens"] == saved["tokens"] + 10 * 2 * 256


def test_a_run_reads_rows_of_two_folders_grows_and_averages_its_last_weights(
    tmp_path: Path,
) -> None:
    texts = [(f"training/{p.name}", p.read_text()) for p in (ROOT / "training").glob("*.py")]
    file = tmp_path / "corpus.jsonl.zst"
    file.write_bytes(corpus._frame("training", texts))
    shards = shards_of(list(corpus.read(file)))
    for name in ("one", "other"):
        rows.make(rows.RowSet(name, 8, length=256), shards, tmp_path, workers=1, seed=1)
    run_toy(file, tmp_path / "first", "--steps", "1")
    late = tmp_path / "late.gguf"
    arrival = threading.Timer(8, (tmp_path / "first" / "model-q8_0.gguf").rename, [late])
    arrival.start()
    found = run_toy(
        file, tmp_path / "run", "--steps", "40", "--accumulate", "2", "--init", str(late),
        "--validation", str(file), str(file), "--decay-from", "0", "--layers", "3",
        "--rows-from", str(tmp_path / "one"), str(tmp_path / "other"),
    )  # fmt: skip
    arrival.join()
    assert found["tokens"] == 40 * 2 * 2 * 256
    held_out, means = found["held_out"], found["held_out_of_means"]
    assert isinstance(held_out, list)
    assert isinstance(means, dict)
    assert held_out[:2] == held_out[2:]  # two sets that are the same
    assert set(means) == {"mean-70"}  # of so few steps none is as late as the others begin
    assert "blk.2.ffn_up.weight" in read_gguf(tmp_path / "run" / "model-q8_0.gguf")
    weights = read_gguf(tmp_path / "run" / "mean-70-f16.gguf")["blk.0.ffn_up.weight"]
    last = read_gguf(tmp_path / "run" / "model-f16.gguf")["blk.0.ffn_up.weight"]
    assert 0 < float(abs(weights - last).max()) < 0.1
    assert abs(means["mean-70"][0] - held_out[0]) < 0.2


def test_a_trial_is_run_on_rows_made_before(tmp_path: Path) -> None:
    texts = [(f"training/{p.name}", p.read_text()) for p in (ROOT / "training").glob("*.py")]
    file = tmp_path / "corpus.jsonl.zst"
    file.write_bytes(corpus._frame("training", texts))
    small = rows.RowSet("small", 4)
    shards = shards_of(list(corpus.read(file)))
    rows.make(small, shards, tmp_path, workers=1, seed=1)
    files = rows.wait_for(tmp_path / "small")
    shape = Shape(width=64, layers=2, heads=2, kv_heads=1, inner=128)
    trial = trials.Trial("tiny", shape=shape, tokens=20 * 2_048, batch_tokens=2_048)
    held_out = torch.from_numpy(np.load(files[0])[:1].astype(np.int64))
    found = trials.run(trial, files, held_out, init=None, save=None)
    curve = found["held_out_bits_a_byte"]
    assert curve[-1]["tokens"] == 20 * 2_048
    assert curve[-1]["all"] < curve[0]["all"]


def test_dropout_leaves_out_while_training_alone() -> None:
    model = Llama(Shape(width=64, layers=2, heads=2, kv_heads=1, inner=128))
    model.drop(0.5)
    x = torch.arange(6, 70)[None]
    with torch.no_grad():
        model.eval()
        assert torch.equal(model.token_losses(x, x)[0], model.token_losses(x, x)[0])
        model.train()
        assert not torch.equal(model.token_losses(x, x)[0], model.token_losses(x, x)[0])


def test_rows_that_could_not_be_made_are_not_called_complete(tmp_path: Path) -> None:
    broken: Any = [[("a.py", None)]]
    with pytest.raises(ChildProcessError, match="small"):
        rows.make(rows.RowSet("small", 4), broken, tmp_path, workers=1, seed=1)
    assert not (tmp_path / "small" / "complete").exists()
