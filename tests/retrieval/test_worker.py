"""A crawl in a process of its own finds the same, survives its child and can be stopped."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from infill_retrieval import RetrievalSettings, WorkspaceIndex, worker
from infill_retrieval.crawl import crawl_here
from infill_retrieval.worker import crawl_apart

SETTINGS = RetrievalSettings()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "work"
    folder.mkdir()
    for n in range(20):
        (folder / f"f{n:02}.py").write_text(f"def lid_{n}(): ...\n")
    return folder


def test_both_ways_of_crawling_find_the_same(folder: Path, tmp_path: Path) -> None:
    settings = RetrievalSettings(excluded=("f03.py",), cache_folder=tmp_path / "cache")
    found = list(crawl_apart(folder, settings))
    assert len(found) == 19
    assert found == list(crawl_here(folder, settings))


def test_a_file_that_kills_the_child_is_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a grammar would: without a word.
    script = tmp_path / "child.py"
    script.write_text(
        "import os\n"
        "from infill_retrieval import crawl, worker\n"
        "analyse = crawl.analyse\n"
        "def deadly(language, path, text):\n"
        "    if path.endswith(('f05.py', 'f11.py')):\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return analyse(language, path, text)\n"
        "crawl.analyse = deadly\n"
        "worker.main()\n"
    )
    monkeypatch.setattr(worker, "_COMMAND", (str(script),))
    names = [found.source.name for found in crawl_apart(folder, SETTINGS)]
    assert names == [f"f{n:02}.py" for n in range(20) if n not in {5, 11}]


def test_a_child_that_always_dies_is_not_started_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_COMMAND", ("-c", "raise SystemExit(1)"))
    assert list(crawl_apart(folder, SETTINGS)) == []


def test_without_processes_the_crawl_runs_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(folder / "nothing"))
    assert len(list(crawl_apart(folder, SETTINGS))) == 20


def test_a_crawl_ends_when_it_is_told_to(folder: Path) -> None:
    stop = threading.Event()
    found = []
    for one in crawl_apart(folder, SETTINGS, stop):
        found.append(one)
        stop.set()
    assert len(found) == 1


def test_an_index_crawls_in_a_process(folder: Path) -> None:
    with WorkspaceIndex([folder]) as index:
        index.crawl()
        assert index.file_count == 20
        (folder / "f00.py").unlink()
        for n in range(100):
            (folder / f"g{n:02}.py").write_text("x = 1\n")
        index.files_changed([folder / f"g{n:02}.py" for n in range(100)])
        assert index.file_count == 119
