"""Tests that the README's generated parts are up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_of_settings_is_up_to_date() -> None:
    command = [sys.executable, "-m", "tools.settings_table", "--check"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, (
        "run: python -m tools.settings_table"
    )


def test_the_picture_of_suggestions_is_up_to_date() -> None:
    command = [sys.executable, "-m", "tools.suggestion_pictures", "--check"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, (
        "run: python -m tools.suggestion_pictures"
    )
