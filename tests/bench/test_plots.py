"""Tests that the plots in the documentation match the committed results."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
SHOWN = {
    "first-token.svg": ("infill-ls", "llama-server /infill", "back to the file", "100 ms"),
    "typing-clock.svg": ("a key each 150 ms", "keys saved, %", "a decode step of the machine"),
    "retrieval.svg": ("rank-bm25, 60 words", "chunks that are searched", "100,000"),
    "team.svg": ("every key", "pacing", "editors at one server"),
    "team-gpu.svg": ("6.7b fp8", "1.3b bf16", "editors at one GPU"),
    "team-turns.svg": ("6.7b fp8, measured", "6.7b fp8, simulated", "6.7b bf16, turns"),
    "model-curve.svg": ("59 M parameters, by tokens seen", "bits a byte of the middle", "run 3"),
}


def test_they_show_what_they_should(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.plots", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    assert {path.name for path in tmp_path.iterdir()} == SHOWN.keys()
    for name, texts in SHOWN.items():
        for drawn in (tmp_path / name, IMAGES / name):
            svg = drawn.read_text("utf-8")
            assert all(f">{text}<" in svg or f"{text}</text>" in svg for text in texts), drawn
