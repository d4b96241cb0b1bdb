"""What is kept from one start to the next, and that a bad cache is as good as none."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from infill_retrieval import RetrievalSettings
from infill_retrieval.analysis import FORMAT
from infill_retrieval.cache import AnalysisCache, text_hash
from infill_retrieval.crawl import crawl_here
from infill_retrieval.sources import find_source


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


def crawl(folder: Path, settings: RetrievalSettings) -> tuple[list[str], list[str]]:
    """Return the files found and those that had to be analysed."""
    analysed: list[str] = []
    found = [f.source.name for f in crawl_here(folder, settings, on_analysis=analysed.append)]
    return found, [Path(path).name for path in analysed]


ALL = ["a.py", "b.py", "c.py"]


def test_the_second_crawl_analyses_only_what_changed(
    folder: Path, settings: RetrievalSettings
) -> None:
    assert crawl(folder, settings) == (ALL, ALL)
    assert crawl(folder, settings) == (ALL, [])
    write(folder / "b.py", "def lid_new(): ...\n", age_seconds=30)
    write(folder / "d.py", "def lid_d(): ...\n")
    (folder / "c.py").unlink()
    assert crawl(folder, settings) == (["a.py", "b.py", "d.py"], ["b.py", "d.py"])


def test_the_same_text_is_analysed_once_wherever_it_is(
    folder: Path, settings: RetrievalSettings
) -> None:
    write(folder / "copy.py", "def lid_a(): ...\n")
    assert crawl(folder, settings) == (["a.py", "b.py", "c.py", "copy.py"], ALL)
    before = {f.source.name: f.data for f in crawl_here(folder, settings)}
    (folder / "a.py").rename(folder / "z.py")
    os.utime(folder / "b.py")
    assert crawl(folder, settings) == (["b.py", "c.py", "copy.py", "z.py"], [])
    after = {f.source.name: f.data for f in crawl_here(folder, settings)}
    assert after["z.py"] == before["a.py"]


def test_a_file_that_may_change_again_within_its_time_is_read_again(
    folder: Path, settings: RetrievalSettings
) -> None:
    write(folder / "a.py", "x = 1\n", age_seconds=0)
    crawl(folder, settings)
    times = (folder / "a.py").stat()
    (folder / "a.py").write_text("x = 2\n")
    os.utime(folder / "a.py", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert crawl(folder, settings)[1] == ["a.py"]


def test_what_is_forgotten_is_gone_from_the_disk(folder: Path, settings: RetrievalSettings) -> None:
    crawl(folder, settings)
    for path in folder.iterdir():
        path.unlink()
    crawl(folder, settings)
    assert settings.cache_folder is not None
    (file,) = settings.cache_folder.glob("*.sqlite3")
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT count(*) FROM analyses").fetchone() == (0,)
    database.close()


@pytest.mark.parametrize("damage", ["junk", "version", "table", "analysis"])
def test_a_damaged_cache_is_made_anew(
    folder: Path, settings: RetrievalSettings, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawl(folder, settings)
    assert settings.cache_folder is not None
    (file,) = settings.cache_folder.glob("*.sqlite3")
    if damage == "junk":
        file.write_bytes(b"junk" * 1000)
    elif damage == "version":
        monkeypatch.setattr("infill_retrieval.cache.FORMAT", FORMAT + 1)
    else:
        database = sqlite3.connect(file)
        database.execute("DROP TABLE analyses" if damage == "table" else "DELETE FROM analyses")
        database.commit()
        database.close()
    assert crawl(folder, settings) == (ALL, ALL)
    assert crawl(folder, settings) == (ALL, [])


def test_without_a_writable_folder_there_is_no_cache(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = RetrievalSettings(cache_folder=tmp_path / "file" / "cache")
    assert crawl(folder, settings) == (ALL, ALL)
    source = find_source(folder / "a.py", folder, settings)
    assert source is not None
    store = AnalysisCache(tmp_path / "file" / "cache", folder)
    store.store(source, b"key", b"data")
    store.keep_only([])
    assert store.by_hash(b"key") is None


def test_secrets_never_reach_the_cache(folder: Path, settings: RetrievalSettings) -> None:
    token = "ghp_" + "a1B2" * 9
    write(folder / "a.py", f"x = '{token}'\n")
    for found in crawl_here(folder, settings):
        assert token.encode() not in found.data
    assert settings.cache_folder is not None
    for file in settings.cache_folder.iterdir():
        assert token.lower().encode() not in file.read_bytes().lower()


def test_the_same_text_in_two_languages_is_two_things() -> None:
    assert text_hash("c", "x") != text_hash("cpp", "x")
    assert text_hash("c", "\ud800") == text_hash("c", "\ud800")
