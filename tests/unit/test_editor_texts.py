"""Tests of texts for editor users: what is shown unrendered, and the installation steps."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NOT_OURS = {"build", "dist", "node_modules"}
DENIED = (
    "infill-ls is not on PyPI yet, so neither `pipx install infill-ls` nor `uvx infill-ls` works."
)
BY_NAME = re.compile(r"(pipx|pip|uv tool|uv pip) install infill-ls\b|uvx infill-ls\b")


def documents() -> Iterator[Path]:
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and name[0] != "."]
        yield from (Path(folder, name) for name in files if name.endswith(".md"))


def shown(walkthrough: dict[str, Any]) -> Iterator[str]:
    for part in (walkthrough, *walkthrough["steps"]):
        yield part["title"]
        yield part["description"]


def test_the_walkthrough_has_no_backticks_which_vs_code_shows_raw() -> None:
    manifest = json.loads((ROOT / "editors" / "vscode" / "package.json").read_text("utf-8"))
    texts = [text for one in manifest["contributes"]["walkthroughs"] for text in shown(one)]
    assert len(texts) >= 4
    assert [text for text in texts if "`" in text] == []


def test_no_document_installs_the_server_by_a_name_that_is_not_ours_yet() -> None:
    texts = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in documents()}
    assert {"README.md", "docs/editors.md", "editors/vscode/README.md"} <= set(texts)
    assert DENIED in texts["docs/editors.md"]
    texts["docs/editors.md"] = texts["docs/editors.md"].replace(DENIED, "", 1)
    assert [name for name, text in texts.items() if BY_NAME.search(text)] == []
