"""Tests of folders that would hang a crawl, or that must not be searched."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from infill_retrieval.files.sources import find_source, find_sources
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.settings import RetrievalSettings
from infill_retrieval.types import Query

LIMIT_S = 20.0
"""Of processor time, so that a busy machine does not matter; what hangs meets pytest's own limit."""


def names(folder: Path) -> list[str]:
    return [source.name for source in find_sources(folder, RetrievalSettings())]


@pytest.mark.parametrize("kind", [".gitignore", ".infillignore"])
def test_a_pipe_as_ignore_file_does_not_hang(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    os.mkfifo(tmp_path / kind)
    started = time.process_time()
    found = names(tmp_path)
    assert time.process_time() - started < LIMIT_S
    assert found == ([] if kind == ".infillignore" else ["a.py"])


def test_many_stars_take_little_time_and_still_hide(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("x" + "*a" * 40 + "b\n")
    (tmp_path / ("x" + "a" * 200 + ".py")).write_text("x = 1\n")
    (tmp_path / ("x" + "a" * 40 + "b")).mkdir()
    (tmp_path / ("x" + "a" * 40 + "b") / "hidden.py").write_text("x = 1\n")
    started = time.process_time()
    found = names(tmp_path)
    assert time.process_time() - started < LIMIT_S
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


def test_a_home_folder_and_those_around_it_are_not_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    project = home / "project"
    project.mkdir(parents=True)
    (project / "a.py").write_text("x = 1\n")
    monkeypatch.setenv("HOME", str(home))
    assert names(tmp_path) == names(home) == []
    assert names(project) == ["a.py"]


@pytest.mark.parametrize(
    ("folder", "mark"),
    [
        (".cargo/registry", ""),
        (".cache/x", ""),
        ("go/pkg/mod/x", ""),
        ("lib/site-packages", ""),
        ("target", "Cargo.toml"),
        ("out", "out/CACHEDIR.TAG"),
        ("vendor", "go.mod"),
        ("vendor", "composer.json"),
        ("env", "env/pyvenv.cfg"),
    ],
)
def test_dependencies_and_caches_are_left_out(tmp_path: Path, folder: str, mark: str) -> None:
    inner = tmp_path / folder
    inner.mkdir(parents=True)
    (inner / "a.py").write_text("x = 1\n")
    if mark:
        (tmp_path / mark).write_text("")
    assert not [name for name in names(tmp_path) if name.endswith("a.py")]
    assert find_source(inner / "a.py", tmp_path, RetrievalSettings()) is None


def test_vendor_and_target_of_ones_own_are_searched(tmp_path: Path) -> None:
    for folder in ("vendor", "target"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("x = 1\n")
    assert names(tmp_path) == ["target/a.py", "vendor/a.py"]


def test_an_edited_file_behind_a_link_is_not_found_again(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    text = "def compute_total_price(items):\n    return sum(items)\n"
    (real / "a.py").write_text(text)
    settings = RetrievalSettings(crawl_in_process=False)
    with WorkspaceIndex([link], settings) as index:
        index.open_buffer(link / "a.py", text, "python")
        index.crawl()
        query = Query(
            path=str(link / "a.py"),
            language_id="python",
            prefix=text + "total = compute_total_price(",
            suffix="",
        )
        found = index.retrieve(query, 400, lambda texts: [len(t) // 3 for t in texts])
        assert not found.snippets
        assert index.file_count == 1


def test_many_patterns_of_a_few_stars_take_little_time(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*a*a*b\n" * 1900)
    for number in range(10):
        (tmp_path / ("a" * 240 + f"{number}.py")).write_text("x = 1\n")
    started = time.process_time()
    assert len(names(tmp_path)) == 10
    assert time.process_time() - started < LIMIT_S
