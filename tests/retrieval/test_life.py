"""Tests of changes to an open workspace: renames, branches, folders, modified files."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infill_retrieval import RetrievalSettings
from infill_retrieval.files.sources import find_sources
from infill_retrieval.index import WorkspaceIndex
from workspaces import shown, write

HERE = RetrievalSettings(crawl_in_process=False)
MANY = 2000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "work"
    folder.mkdir()
    (folder / ".git").mkdir()
    return folder


def crawled(folder: Path, settings: RetrievalSettings = HERE) -> WorkspaceIndex:
    index = WorkspaceIndex([folder], settings)
    index.crawl()
    return index


def test_a_renamed_file_has_its_new_name(folder: Path) -> None:
    old = write(folder / "old.py", "def open_lid(): ...\n")
    index = crawled(folder)
    assert "[old.py]" in shown(index, folder, "open_lid")
    new = old.rename(folder / "new.py")
    index.files_changed([old, new])
    assert index.file_count == 1
    assert "[new.py]" in shown(index, folder, "open_lid")


@pytest.mark.parametrize("told", [["old", "new"], ["old/a.py", "old/b.py", "new/a.py", "new/b.py"]])
def test_a_renamed_folder_has_its_new_name(folder: Path, told: list[str]) -> None:
    write(folder / "old" / "a.py", "def open_lid(): ...\n")
    write(folder / "old" / "b.py", "def open_box(): ...\n")
    index = crawled(folder)
    (folder / "old").rename(folder / "new")
    index.files_changed([folder / path for path in told])
    assert index.file_count == 2
    found = shown(index, folder, "open_lid open_box")
    assert "[new/a.py]" in found
    assert "[old/" not in found


@pytest.mark.parametrize("apart", [False, True])
def test_a_switch_of_branches_with_thousands_of_files(
    folder: Path, tmp_path: Path, apart: bool
) -> None:
    for n in range(MANY):
        write(folder / f"d{n % 40}" / f"f{n}.py", f"def main_{n}(): ...\n")
    settings = RetrievalSettings(crawl_in_process=apart, cache_folder=tmp_path / "cache")
    index = crawled(folder, settings)
    assert index.file_count == MANY
    changed = []
    for n in range(0, MANY, 2):
        changed.append(folder / f"d{n % 40}" / f"f{n}.py")
        if n % 8 == 0:
            changed[-1].unlink()
        else:
            write(changed[-1], f"def branch_{n}(x): ...\n")
    index.note_changes(changed)
    index.files_changed(changed)
    assert index.file_count == MANY - MANY // 8
    assert "def branch_1002(x): ..." in shown(index, folder, "branch_1002")
    assert "main_1001" in shown(index, folder, "main_1001")
    assert "main_1002" not in shown(index, folder, "main_1002")


def test_a_file_that_changed_unseen_is_not_shown_as_it_was(folder: Path) -> None:
    path = write(folder / "a.py", "def open_lid(): ...\n")
    write(folder / "b.py", "def open_lid_too(): ...\n")
    index = crawled(folder)
    token = "ghp_" + "a1B2" * 9
    path.write_text(f"t = '{token}'  # open_lid\n")
    found = shown(index, folder, "open_lid")
    assert "[a.py]" not in found
    assert "[b.py]" in found
    path.unlink()
    assert "[b.py]" in shown(index, folder, "open_lid")


def test_a_folder_inside_a_folder_is_searched_once(folder: Path) -> None:
    write(folder / "a.py", "def open_lid(): ...\n")
    write(folder / "sub" / "b.py", "def open_box(): ...\n")
    index = WorkspaceIndex([folder, folder / "sub"], HERE)
    index.crawl()
    index.crawl()
    assert index.file_count == 2
    index.set_folders([folder / "sub"])
    assert index.file_count == 1
    assert "open_lid" not in shown(index, folder, "open_box open_lid")


def test_a_workspace_that_is_gone_is_empty(folder: Path) -> None:
    write(folder / "a.py", "def open_lid(): ...\n")
    index = crawled(folder)
    shutil.rmtree(folder)
    index.crawl()
    assert index.file_count == 0
    assert shown(index, folder, "open_lid") == ""


def test_a_folder_that_cannot_be_read_is_skipped_with_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(folder / "a.py", "x = 1\n")
    write(folder / "closed" / "b.py", "x = 1\n")
    scandir: Callable[[str], Iterator[os.DirEntry[str]]] = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if path.endswith("closed"):
            raise PermissionError(path)
        return scandir(path)

    monkeypatch.setattr("infill_retrieval.files.sources.os.scandir", refuse)
    with caplog.at_level(logging.DEBUG, "infill_retrieval"):
        assert [source.name for source in find_sources(folder, HERE)] == ["a.py"]
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("DEBUG", "skipped a folder: PermissionError")
    ]


def test_files_that_cannot_be_used_cost_one_line_at_most(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(folder / "a.py", "def open_lid(): ...\n")
    (folder / "nul.py").write_bytes(b"x\0")
    (folder / "loop.py").symlink_to(folder / "loop.py")
    (folder / "up").symlink_to(folder.parent, target_is_directory=True)
    os.mkfifo(folder / "pipe.py")
    with caplog.at_level(logging.DEBUG, "infill_retrieval"):
        index = crawled(folder)
        index.files_changed([folder / name for name in ("nul.py", "loop.py", "up", "pipe.py")])
    assert index.file_count == 1
    assert len(caplog.records) <= 4
    assert {record.levelname for record in caplog.records} <= {"DEBUG"}
    assert not any(str(folder) in record.getMessage() for record in caplog.records)
