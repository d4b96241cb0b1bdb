"""Tests of the index kept on disk between starts; a corrupt one is ignored."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from infill_retrieval import RetrievalSettings
from infill_retrieval.crawling import crawl
from infill_retrieval.crawling.crawl import crawl_here
from infill_retrieval.files.sources import find_source
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.indexing.segment import Segment
from infill_retrieval.indexing.store import SUFFIX, SegmentStore, as_kept


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "work"
    folder.mkdir()
    for name in ("a.py", "b.py", "c.py"):
        write(folder / name, f"def lid_{name[0]}(): ...\n")
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> RetrievalSettings:
    return RetrievalSettings(cache_folder=tmp_path / "cache", crawl_in_process=False)


def write(path: Path, text: str, age_seconds: int = 60) -> None:
    path.write_text(text)
    times = path.stat().st_mtime - age_seconds
    os.utime(path, (times, times))


def crawled(folder: Path, settings: RetrievalSettings) -> tuple[list[str], list[str]]:
    """Return the files found and those that had to be analysed."""
    analysed: list[str] = []
    segments: dict[str, Segment] = {}
    for step in crawl_here(folder, settings, on_analysis=analysed.append):
        for name in step.replaced:
            del segments[name]
        segments[step.segment.name] = step.segment
    found = [s.sources[n].name for s in segments.values() for n in np.flatnonzero(s.living)]
    return sorted(found), [Path(path).name for path in analysed]


def kept(settings: RetrievalSettings) -> list[Path]:
    assert settings.cache_folder is not None
    return sorted(settings.cache_folder.rglob(f"*{SUFFIX}"))


ALL = ["a.py", "b.py", "c.py"]


def test_the_second_crawl_analyses_only_what_changed(
    folder: Path, settings: RetrievalSettings
) -> None:
    assert crawled(folder, settings) == (ALL, ALL)
    assert crawled(folder, settings) == (ALL, [])
    write(folder / "b.py", "def lid_new(): ...\n", age_seconds=30)
    write(folder / "d.py", "def lid_d(): ...\n")
    (folder / "c.py").unlink()
    assert crawled(folder, settings) == (["a.py", "b.py", "d.py"], ["b.py", "d.py"])


def test_a_text_is_known_wherever_it_turns_up_again(
    folder: Path, settings: RetrievalSettings
) -> None:
    crawled(folder, settings)
    (folder / "a.py").rename(folder / "z.py")
    write(folder / "copy.py", "def lid_c(): ...\n")
    write(folder / "copy.js", "def lid_c(): ...\n")
    os.utime(folder / "b.py")
    found = ["b.py", "c.py", "copy.js", "copy.py", "z.py"]
    assert crawled(folder, settings) == (found, ["copy.js"]), "another language is another thing"
    assert crawled(folder, settings)[0] == found


def test_a_switch_of_branches_and_back_analyses_no_text_twice(
    folder: Path, settings: RetrievalSettings
) -> None:
    for n in range(30):
        write(folder / f"d{n}.py", f"x{n} = 1\n")
    crawled(folder, settings)
    for name in ALL:
        write(folder / name, f"other_{name[0]} = 1\n", age_seconds=30)
    assert crawled(folder, settings)[1] == ALL
    for name in ALL:
        write(folder / name, f"def lid_{name[0]}(): ...\n", age_seconds=10)
    assert crawled(folder, settings)[1] == []


def test_many_crawls_leave_few_segments(
    folder: Path, settings: RetrievalSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawl, "BATCH_FILES", 2)
    monkeypatch.setattr(crawl, "KEPT_FILES", 4)
    names = list(ALL)
    for n in range(40):
        write(folder / f"d{n:02}.py", f"x{n} = 1\n")
        names.append(f"d{n:02}.py")
        if n % 3 == 0:
            assert crawled(folder, settings)[0] == names
            assert len(kept(settings)) <= 4
    (folder / "b.py").unlink()
    names.remove("b.py")
    assert crawled(folder, settings) == (names, [])
    with WorkspaceIndex([folder], settings) as index:
        index.crawl()
        assert index.file_count == len(names)
        assert index.chunk_count == 2 * len(names)


def test_a_file_that_may_change_again_within_its_time_is_read_again(
    folder: Path, settings: RetrievalSettings
) -> None:
    write(folder / "a.py", "x = 1\n", age_seconds=0)
    crawled(folder, settings)
    times = (folder / "a.py").stat()
    (folder / "a.py").write_text("x = 2\n")
    os.utime(folder / "a.py", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert crawled(folder, settings)[1] == ["a.py"]


def test_what_is_forgotten_is_gone_from_the_disk(folder: Path, settings: RetrievalSettings) -> None:
    crawled(folder, settings)
    for path in folder.iterdir():
        path.unlink()
    crawled(folder, settings)
    assert kept(settings) == []


@pytest.mark.parametrize("damage", ["junk", "empty", "version", "cut", "bit", "header"])
def test_a_damaged_cache_is_made_anew(
    folder: Path, settings: RetrievalSettings, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawled(folder, settings)
    (file,) = kept(settings)
    data = file.read_bytes()
    damaged = {
        "junk": b"junk" * 1000,
        "empty": b"",
        "cut": data[:-9],
        "bit": data[:-40] + bytes([data[-40] ^ 1]) + data[-39:],
        "header": data.replace(b'"table.', b'"label.', 1),
    }
    if damage == "version":
        monkeypatch.setattr("infill_retrieval.indexing.segment.FORMAT", 99)
    else:
        file.write_bytes(damaged[damage])
    assert crawled(folder, settings) == (ALL, ALL)
    assert crawled(folder, settings) == (ALL, [])
    assert len(kept(settings)) == 1


def test_two_servers_do_not_write_at_once(folder: Path, settings: RetrievalSettings) -> None:
    crawled(folder, settings)
    before = kept(settings)
    assert settings.cache_folder is not None
    with SegmentStore(settings.cache_folder, folder) as first:
        assert first.is_ours
        write(folder / "d.py", "x = 1\n")
        assert crawled(folder, settings) == ([*ALL, "d.py"], ["d.py"])
        assert kept(settings) == before
    assert crawled(folder, settings) == ([*ALL, "d.py"], ["d.py"])


def test_without_a_writable_folder_there_is_no_cache(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = RetrievalSettings(cache_folder=tmp_path / "file" / "cache")
    assert crawled(folder, settings) == (ALL, ALL)
    with SegmentStore(tmp_path / "file" / "cache", folder) as store:
        (step,) = crawl_here(folder, RetrievalSettings())
        assert store.keep(step.segment) is None
        store.forget(step.segment)


def test_a_time_that_may_come_again_is_not_kept(folder: Path, settings: RetrievalSettings) -> None:
    write(folder / "a.py", "x = 1\n", age_seconds=0)
    sources = [find_source(folder / name, folder, settings) for name in ("a.py", "b.py")]
    times = [as_kept(source).mtime_ns for source in sources if source is not None]
    assert times[0] == -1
    assert times[1] > 0


def test_secrets_never_reach_the_cache(folder: Path, settings: RetrievalSettings) -> None:
    token = "ghp_" + "a1B2" * 9
    write(folder / "a.py", f"x = '{token}'\n")
    word = "zebra_between_the_secrets"
    write(folder / "b.py", f"{word} = 1\n")
    crawled(folder, settings)
    (file,) = kept(settings)
    data = file.read_bytes().lower()
    assert word.encode() in data
    assert token.lower().encode() not in data
    assert token[4:].lower().encode() not in data
