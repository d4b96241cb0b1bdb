"""Tests of a directory walk that hangs: it is abandoned, what it found is kept, and nothing counts as deleted."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infill_retrieval import RetrievalSettings
from infill_retrieval.crawling import walk as walking
from infill_retrieval.crawling import worker
from infill_retrieval.crawling.walk import walk
from infill_retrieval.crawling.worker import crawl_apart
from infill_retrieval.files import sources
from infill_retrieval.files.regular_file import read_regular
from infill_retrieval.index import WorkspaceIndex
from workspaces import Hanging, changed_worker, found_by

SETTINGS = RetrievalSettings()
# As a folder on a network does whose server is gone.
HANGS_AT_B = (
    "import os, time\n"
    "from infill_retrieval.files import sources\n"
    "from infill_retrieval.crawling import walk as walking\n"
    "scandir = os.scandir\n"
    "hangs = []\n"
    "def scan(path):\n"
    "    if str(path).endswith('/b'):\n"
    "        hangs.append(path)\n"
    "        time.sleep(999)\n"
    "    return scandir(path)\n"
    "sources.os.scandir = scan\n"
    "walking._now = lambda: time.monotonic() + walking.STILL_LIMIT_S * 2 * len(hangs)\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "work"
    for name in ("a", "b", "c"):
        (folder / name).mkdir(parents=True)
        (folder / name / "x.py").write_text(f"def lid_{name}(): ...\n")
    return folder


@pytest.mark.parametrize("is_trusted", [False, True])
def test_what_was_found_before_it_hung_is_searched(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_trusted: bool
) -> None:
    for path in folder.rglob("*.py"):
        # The cache trusts no file that is new: one of tomorrow never is old enough.
        days = -1 if is_trusted else 1
        os.utime(path, (time.time() + days * 86_400,) * 2)
    settings = RetrievalSettings(cache_folder=tmp_path / "cache")
    with WorkspaceIndex([folder], settings) as index:
        index.crawl()
        assert index.file_count == 3
        assert not index.not_seen_whole
        monkeypatch.setattr(worker, "_COMMAND", changed_worker(HANGS_AT_B, tmp_path))
        (folder / "a" / "y.py").write_text("def new_lid(): ...\n")
        index.crawl()
        assert index.file_count == 4  # those behind the hanging folder are not gone
        assert list(index.not_seen_whole) == [folder]
        index.look()
        assert index.file_count == 4
    with WorkspaceIndex([folder], settings) as index:
        index.crawl()
        assert index.file_count == 2


def test_a_child_that_says_nothing_at_all_is_ended_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = Hanging(tmp_path)
    monkeypatch.setattr(worker, "_COMMAND", hanging.worker("crawl.walk = hang"))
    monkeypatch.setattr(worker, "_now", hanging.now)
    starts: list[Path] = []
    start = worker._start

    def counted(folder: Path, *more: Any) -> Any:
        starts.append(folder)
        return start(folder, *more)

    monkeypatch.setattr(worker, "_start", counted)
    with WorkspaceIndex([folder], SETTINGS) as index:
        index.crawl()
        assert index.not_seen_whole == (folder,)
    assert len(starts) == 1


def test_a_file_that_cannot_be_read_to_its_end_is_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = Hanging(tmp_path)
    change = (
        "read = crawl.read_source\n"
        "crawl.read_source = lambda path, most: hang() if '/b/' in path else read(path, most)"
    )
    monkeypatch.setattr(worker, "_COMMAND", hanging.worker(change))
    monkeypatch.setattr(worker, "_now", hanging.now)
    assert set(found_by(crawl_apart(folder, SETTINGS))) == {"a/x.py", "c/x.py"}


def test_a_walk_that_goes_on_for_ever_is_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = time.monotonic()
    steps = 0

    def endless(_folder: Path, _settings: object, move: Callable[[], None]) -> Iterator[str]:
        nonlocal steps
        while True:
            time.sleep(0.001)
            move()
            steps += 1
            yield "x"

    # It never stands still: each step takes a second.
    monkeypatch.setattr(walking, "_now", lambda: begun + steps)
    monkeypatch.setattr(walking, "find_sources", endless)
    walked = walk(folder, SETTINGS)
    assert not walked.is_whole
    assert len(walked.sources) >= walking.WALK_LIMIT_S - 1


def test_of_a_huge_folder_a_part_is_searched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_ENTRIES", 5000)
    huge = folder / "d"
    huge.mkdir()
    for n in range(6000):
        (huge / f"{n}.bin").touch()
    (folder / "e.py").write_text("x = 1\n")
    walked = walk(folder, SETTINGS)
    assert walked.is_whole
    assert [source.name for source in walked.sources][:1] == ["e.py"]


def test_what_lies_about_in_hostile_folders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "up").symlink_to(folder)
    (folder / "a" / "round").symlink_to(folder / "a" / "round")
    (folder / "device.py").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.py")
    with socket.socket(socket.AF_UNIX) as stream:
        monkeypatch.chdir(folder)  # the path would be too long
        stream.bind("socket.py")
    with (folder / "huge.py").open("wb") as file:
        file.truncate(1 << 40)
    deep = folder
    while len(str(deep)) < 3500:
        deep = deep / ("d" * 200)
    deep.mkdir(parents=True)
    (deep / "deep.py").write_text("x = 1\n")
    name = os.fsencode(folder) + b"/caf\xe9.py"
    Path(os.fsdecode(name)).write_text("def cafe(): ...\n")
    (folder / "new\nline.py").write_text("x = 1\n")
    closed = folder / "closed"
    closed.mkdir()
    (closed / "x.py").write_text("x = 1\n")  # which root may read
    closed.chmod(0)
    try:
        names = {Path(name).name for name in found_by(crawl_apart(folder, SETTINGS))}
    finally:
        closed.chmod(0o700)
    assert {"x.py", "deep.py", "new\nline.py", os.fsdecode(b"caf\xe9.py")} == names


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/tty", "/proc/kmsg", "/"])
def test_only_regular_files_are_read(path: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - which one is the system's business
        read_regular(path, 100)
