"""Test that memory does not grow while someone types; ``bench/attack/soak.py`` types for longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from attack.soak import OPTIONS, growth, soak
from e2e.conftest import Start
from e2e.lsp import initialize

PASSES = 8
MOST_MB = 2.0


@pytest.mark.timeout(900)
async def test_typing_again_and_again(
    start: Start,
    wallet: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtime = tmp_path_factory.mktemp("rt")
    runtime.chmod(0o700)
    monkeypatch.setenv("INFILL_LS_RUNTIME_DIR", str(runtime))
    editor = await start("--log-level", "ERROR")
    await initialize(editor, folders=[wallet], options=OPTIONS)
    held = await soak(editor, PASSES)
    assert growth(held).server <= MOST_MB, held
    assert growth(held).engine <= MOST_MB, held
