"""Folders made to hang the crawl, or to be searched where nobody wants it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from infill_retrieval.settings import RetrievalSettings
from infill_retrieval.sources import find_sources

LIMIT_S = 20.0


def names(folder: Path) -> list[str]:
    return [source.name for source in find_sources(folder, RetrievalSettings())]


@pytest.mark.parametrize("kind", [".gitignore", ".infillignore"])
def test_a_pipe_as_ignore_file_does_not_hang(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    os.mkfifo(tmp_path / kind)
    started = time.monotonic()
    found = names(tmp_path)
    assert time.monotonic() - started < LIMIT_S
    assert found == ([] if kind == ".infillignore" else ["a.py"])


def test_many_stars_take_little_time_and_still_hide(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("x" + "*a" * 40 + "b\n")
    (tmp_path / ("x" + "a" * 200 + ".py")).write_text("x = 1\n")
    (tmp_path / ("x" + "a" * 40 + "b")).mkdir()
    (tmp_path / ("x" + "a" * 40 + "b") / "hidden.py").write_text("x = 1\n")
    started = time.monotonic()
    found = names(tmp_path)
    assert time.monotonic() - started < LIMIT_S
    assert found == ["x" + "a" * 200 + ".py"]


@pytest.mark.parametrize("kind", [".gitignore", ".infillignore"])
def test_a_folder_with_too_many_rules_is_not_searched(tmp_path: Path, kind: str) -> None:
    (tmp_path / "own.py").write_text("x = 1\n")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "a.py").write_text("x = 1\n")
    (inner / kind).write_text("name\n" * 220_000)
    assert names(tmp_path) == ["own.py"]


def test_excludes_of_a_worktree_hold(tmp_path: Path) -> None:
    common = tmp_path / "main" / ".git"
    own = common / "worktrees" / "w"
    own.mkdir(parents=True)
    (own / "commondir").write_text("../..\n")
    (common / "info").mkdir()
    (common / "info" / "exclude").write_text("hidden.py\n")
    tree = tmp_path / "w"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    for name in ("hidden.py", "shown.py"):
        (tree / name).write_text("x = 1\n")
    assert names(tree) == ["shown.py"]
