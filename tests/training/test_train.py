"""A toy is trained on the CPU, from the corpus file to weights, and goes on from its checkpoint."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import torch
from training.model import Shape

from training import corpus

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
