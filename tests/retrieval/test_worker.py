"""Tests of the crawling process: same results, restarts after crashes, stops when told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bounds import WITHIN_S
from infill_retrieval import RetrievalSettings
from infill_retrieval.crawling import worker
from infill_retrieval.crawling.crawl import crawl_here
from infill_retrieval.crawling.worker import crawl_apart
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.indexing.analysis import Details
from workspaces import Hanging, changed_worker, found_by

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
    first = found_by(crawl_apart(folder, settings))
    assert len(first) == 19
    assert first == found_by(crawl_apart(folder, settings))
    assert first == found_by(crawl_here(folder, settings))
    assert first == found_by(crawl_here(folder, replace(settings, cache_folder=None)))


def test_a_file_that_kills_the_child_is_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a grammar would: without a word.
    deadly = (
        "import os\n"
        "analyse = crawl.analyse\n"
        "def deadly(language, path, text):\n"
        "    if path.endswith(('f05.py', 'f11.py')):\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return analyse(language, path, text)\n"
        "crawl.analyse = deadly"
    )
    monkeypatch.setattr(worker, "_COMMAND", changed_worker(deadly, tmp_path))
    settings = RetrievalSettings(cache_folder=tmp_path / "cache")
    found = found_by(crawl_apart(folder, settings))
    assert [n for n, (_, details) in found.items() if not Details(details).windows] == [
        "f05.py",
        "f11.py",
    ]
    assert len(found) == 20
    # The next start does not even try.
    monkeypatch.setattr(worker, "MAX_CRASHES", 1)
    assert found_by(crawl_apart(folder, settings)) == found


def test_a_file_at_which_the_child_hangs_is_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = Hanging(tmp_path)
    change = (
        "analyse = crawl.analyse\n"
        "crawl.analyse = lambda language, path, text: (\n"
        "    hang() if path.endswith('f05.py') else analyse(language, path, text))"
    )
    monkeypatch.setattr(worker, "_COMMAND", hanging.worker(change))
    monkeypatch.setattr(worker, "_now", hanging.now)
    found = found_by(crawl_apart(folder, SETTINGS))
    assert [n for n, (_, details) in found.items() if not Details(details).windows] == ["f05.py"]
    assert len(found) == 20


def test_a_child_that_always_dies_is_not_started_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_COMMAND", ("-c", "raise SystemExit(1)"))
    assert list(crawl_apart(folder, SETTINGS)) == []


def test_without_processes_the_crawl_runs_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(folder / "nothing"))
    assert len(found_by(crawl_apart(folder, SETTINGS))) == 20


def test_a_crawl_ends_when_it_is_told_to(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    monkeypatch.setattr(worker, "_COMMAND", changed_worker("crawl.BATCH_FILES = 1", tmp_path))
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


def test_modules_that_lie_in_the_current_folder_are_not_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "it-ran"
    hostile = f"open({str(marker)!r}, 'w')\n"
    for name in ("json", "logging", "numpy", "select", "struct", "pathspec"):
        (folder / f"{name}.py").write_text(hostile)
    (folder / "infill_retrieval").mkdir()
    (folder / "infill_retrieval" / "__init__.py").write_text(hostile)
    monkeypatch.chdir(folder)
    # An empty entry means the current folder, and `export PYTHONPATH=$PYTHONPATH:x` makes one.
    monkeypatch.setenv("PYTHONPATH", os.pathsep + os.environ.get("PYTHONPATH", ""))
    assert len(found_by(crawl_apart(folder, SETTINGS))) == 27
    assert not marker.exists()


def test_a_folder_may_be_named_from_where_we_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    assert len(found_by(crawl_apart(Path(folder.name), SETTINGS))) == 20


IN_A_REGULAR_EXPRESSION = ("re.fullmatch('(a+)+b', 'a' * 64)", "pass")
BY_THE_PIPE_ALONE = ("time.sleep(999)", "orphan._ask_kernel = lambda: None")


@pytest.mark.parametrize(("doing", "change"), [IN_A_REGULAR_EXPRESSION, BY_THE_PIPE_ALONE])
def test_a_child_ends_with_a_server_that_is_killed(
    folder: Path, tmp_path: Path, doing: str, change: str
) -> None:
    if sys.platform != "linux" and doing == IN_A_REGULAR_EXPRESSION[0]:
        pytest.skip("here a timer of two minutes ends it")
    at = tmp_path / "pid"
    script = changed_worker(
        "import os, pathlib, re, time\n"
        "from infill_retrieval.processes import orphan\n"
        f"{change}\n"
        "def busy(*_):\n"
        f"    at = pathlib.Path({str(at)!r})\n"
        "    at.with_suffix('.new').write_text(str(os.getpid()))\n"
        "    at.with_suffix('.new').rename(at)\n"
        f"    {doing}\n"
        "crawl.analyse = busy",
        tmp_path,
    )
    code = (
        "from pathlib import Path\n"
        "from infill_retrieval import RetrievalSettings\nfrom infill_retrieval.crawling import worker\n"
        f"worker._COMMAND = {script!r}\n"
        f"list(worker.crawl_apart(Path({str(folder)!r}), RetrievalSettings()))"
    )
    server = subprocess.Popen([sys.executable, "-P", "-c", code])
    try:
        assert _comes_true(at.exists)
    finally:
        server.kill()
        server.wait()
    child = int(at.read_text())
    try:
        assert _comes_true(lambda: not _runs(child))
    finally:
        if _runs(child):
            os.kill(child, signal.SIGKILL)


def _runs(pid: int) -> bool:
    """Tell whether a process is alive; a zombie, which waits for whom inherited it, is not."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def _comes_true(what: Callable[[], bool], within_s: float = WITHIN_S) -> bool:
    until = time.monotonic() + within_s
    while not what():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
