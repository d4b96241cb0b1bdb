"""Fixtures that start Emacs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from editors.emacs.editor import READY, Emacs, Start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[Emacs] = []

    def start(text: str, **options: Any) -> Emacs:
        emacs = Emacs(tmp_path / "workspace", text, **options)
        running.append(emacs)
        if "start" not in options:
            emacs.wait("the server", lambda: emacs.eval(READY))
        return emacs

    yield start
    for emacs in running:
        emacs.stop()
