"""Tests of the look at the disk that finds changes without notifications, and of what it costs."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infill_retrieval import RetrievalSettings
from infill_retrieval.crawling import worker
from infill_retrieval.crawling.worker import look_apart
from infill_retrieval.index import WorkspaceIndex
from workspaces import Hanging, shown, write

HERE = RetrievalSettings(crawl_in_process=False)
FILES, FOLDERS = 60, 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "work"
    for n in range(FILES):
        write(folder / f"d{n % FOLDERS}" / f"f{n}.py", f"def lid_{n}(): ...\n")
    for path in folder.rglob("*.py"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    write(folder / ".gitignore", "ignored\n")
    write(folder / "ignored" / "x.py", "x = 1\n")
    return folder


@pytest.fixture(params=[False, True], ids=["here", "apart"])
def index(folder: Path, request: pytest.FixtureRequest) -> Iterator[WorkspaceIndex]:
    with WorkspaceIndex([folder], RetrievalSettings(crawl_in_process=request.param)) as index:
        index.crawl()
        yield index


def test_nothing_has_changed(index: WorkspaceIndex) -> None:
    assert index.file_count == FILES
    assert index.look() == 0


def test_what_changed_is_found(index: WorkspaceIndex, folder: Path) -> None:
    write(folder / "d1" / "f1.py", "def handle_1(): ...\n")
    write(folder / "new" / "deep" / "a.py", "def new_lid(): ...\n")
    (folder / "d2" / "f2.py").unlink()
    (folder / "d3" / "f3.py").rename(folder / "d3" / "renamed.py")
    assert index.look() == 5
    assert index.file_count == FILES
    assert "handle_1" in shown(index, folder, "handle_1")
    assert "[new/deep/a.py]" in shown(index, folder, "new_lid")
    assert "[d3/renamed.py]" in shown(index, folder, "lid_3")
    assert "lid_2()" not in shown(index, folder, "lid_2")
    assert index.look() <= 1  # what may have changed again within its time
    assert index.look() == 0


def test_a_switch_of_branches(index: WorkspaceIndex, folder: Path) -> None:
    for n in range(FILES):
        write(folder / f"d{n % FOLDERS}" / f"f{n}.py", f"def branch_{n}(): ...\n")
    for n in range(FILES):
        write(folder / "other" / f"f{n}.py", f"def more_{n}(): ...\n")
    assert index.look() == 2 * FILES
    assert index.file_count == 2 * FILES
    assert "branch_30" in shown(index, folder, "branch_30")


def test_what_cannot_be_searched_is_read_once(index: WorkspaceIndex, folder: Path) -> None:
    (folder / "binary.py").write_bytes(b"\0" * 100)
    assert index.look() == 1
    assert index.look() == 0


def test_an_open_file_is_the_editors(index: WorkspaceIndex, folder: Path) -> None:
    index.open_buffer(folder / "d1" / "f1.py", "def buffer_1(): ...\n", "python")
    write(folder / "d1" / "f1.py", "def disk_1(): ...\n")
    assert index.look() == 0
    assert "disk_1" not in shown(index, folder, "disk_1")
    index.close_buffer(folder / "d1" / "f1.py")
    index.look()
    assert "disk_1" in shown(index, folder, "disk_1")


def test_a_look_reads_no_file_and_asks_each_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = WorkspaceIndex([folder], HERE)
    index.crawl()
    done: Counter[str] = Counter()

    class Entry:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self._entry = entry

        def __getattr__(self, name: str) -> Any:
            return getattr(self._entry, name)

        def stat(self, *, follow_symlinks: bool) -> os.stat_result:
            done["stat"] += 1
            return self._entry.stat(follow_symlinks=follow_symlinks)

    class Scan:
        def __init__(self, path: str) -> None:
            done["scandir"] += 1
            self._scan = scandir(path)

        def __enter__(self) -> Iterator[Entry]:
            return map(Entry, self._scan.__enter__())

        def __exit__(self, *_: object) -> None:
            self._scan.close()

    scandir, opener = os.scandir, os.open

    def counting_open(path: str, *arguments: Any, **more: Any) -> int:
        done["open below"] += str(path).startswith(str(folder)) and not str(path).endswith("ignore")
        done["open"] += 1
        return opener(path, *arguments, **more)

    monkeypatch.setattr(os, "scandir", Scan)
    monkeypatch.setattr(os, "open", counting_open)
    for _ in range(3):
        done.clear()
        assert index.look() == 0
        assert done["stat"] == FILES
        assert done["scandir"] == FOLDERS + 1
        assert done["open below"] == 0
        assert done["open"] <= 12  # ignore files of the folder and those above, git's settings


def test_a_look_that_hangs_is_ended_when_it_is_not_wanted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = Hanging(tmp_path)
    monkeypatch.setattr(worker, "_COMMAND", hanging.worker("worker.walk = hang"))
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    assert look_apart(folder, HERE, stop) is None
    monkeypatch.setattr(worker, "_now", hanging.now)
    assert look_apart(folder, HERE) is None
