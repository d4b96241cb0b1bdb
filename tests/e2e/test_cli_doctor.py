"""End-to-end tests of ``infill-ls doctor``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from infill_ls.models.store import bundled_model_path

WITHIN_S = 240
"""The first load of a model measures the machine, which takes long on a busy one."""


def doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "infill_ls", "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S)


def test_it_measures_the_model_in_use_and_lets_it_fill_a_hole() -> None:
    examined = doctor("--json")
    assert examined.returncode == 0, examined
    report = json.loads(examined.stdout)
    assert report["model"]["path"] == str(bundled_model_path())
    assert report["model"]["fillsInRight"] is True
    assert report["model"]["fits"] is True
    assert report["speed"]["prefillTokensPerS"] > 1
    assert report["speed"]["coldMs"] > report["speed"]["keyMs"] > 0
    assert report["backend"]["features"]
    assert report["hardware"]["logicalCores"] >= 1
    assert set(report) >= {"advice", "editors", "installation"}


def test_it_measures_anew_and_says_so_before_it_is_done() -> None:
    examined = doctor("--measure", "--json")
    assert examined.returncode == 0, examined
    assert "measuring the model" in examined.stderr
    assert json.loads(examined.stdout)["speed"]["decodeMs"] > 0


def test_a_model_that_does_not_work_is_told_and_the_rest_is_still_shown(tmp_path: Path) -> None:
    text = tmp_path / "text.gguf"
    text.write_text("no model")
    for model, words in (
        (str(text), "is not a GGUF file"),
        (str(tmp_path / "none.gguf"), "does not exist"),
        ("deepseek-coder-33b", "infill-ls model pull deepseek-coder-33b"),
    ):
        examined = doctor("--model", model)
        assert examined.returncode == 2
        assert words in examined.stdout
        assert "editors" in examined.stdout
        assert "Traceback" not in examined.stderr
