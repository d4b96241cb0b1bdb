"""Tests of reading staged changes without running programs that the repository names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from infill_ls.commits import StagedChanges, repository


def git(folder: Path, *arguments: str) -> None:
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "--quiet")
    (work / "orders.py").write_text("total = 0\n")
    git(work, "add", ".")
    return work


def test_the_first_commit_is_compared_with_nothing(folder: Path) -> None:
    assert "+total = 0" in StagedChanges(folder).diff()


def test_what_is_staged_is_shown_and_nothing_else(folder: Path) -> None:
    git(folder, "commit", "--quiet", "-m", "one")
    changes = StagedChanges(folder / ".git")  # where COMMIT_EDITMSG is
    assert changes.diff() == ""
    (folder / "orders.py").write_text("total = 1\n")
    assert changes.diff() == ""
    git(folder, "add", ".")
    assert "-total = 0\n+total = 1\n" in changes.diff()


def test_files_that_are_committed_as_they_are_on_disk(folder: Path) -> None:
    (folder / "staged.py").write_text("staged = 1\n")
    (folder / "a*.py").write_text("star = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "one")
    for name in ("orders.py", "staged.py", "a*.py"):
        (folder / name).write_text("total = 1\n")
    git(folder, "add", "staged.py")
    changes = StagedChanges(folder, ("orders.py",))
    diff = changes.diff()
    assert "-total = 0\n+total = 1\n" in diff
    assert "staged" not in diff
    (folder / "orders.py").write_text("total = 22\n")
    assert "+total = 22" in changes.diff(), "it is read again when a file changes"
    assert "+total = 1" in StagedChanges(folder, ("staged.py",)).diff()
    assert "orders" not in StagedChanges(folder, ("a*.py",)).diff(), "a name is no pattern"
    assert "orders" in StagedChanges(folder, (".",)).diff()
    assert StagedChanges(folder, ("../../elsewhere",)).diff() == ""
    assert StagedChanges(folder, ("--output=x",)).diff() == ""
    assert not (folder / "x").exists()


def test_files_on_disk_are_not_filtered_by_programs_of_the_repository(folder: Path) -> None:
    git(folder, "commit", "--quiet", "-m", "one")
    made = folder.parent / "made"
    for key in ("filter.f.clean", "filter.f.process", "diff.f.textconv", "diff.f.command"):
        git(folder, "config", key, f"touch '{made}'")
    git(folder, "config", "core.fsmonitor", f"touch '{made}'")
    (folder / ".gitattributes").write_text("* filter=f diff=f\n")
    (folder / "orders.py").write_text("total = 1\n")
    assert "+total = 1" in StagedChanges(folder, ("orders.py", ".gitattributes")).diff()
    assert not made.exists()


def test_files_behind_a_link_are_not_read(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "words.txt").write_text("private\n")
    (folder / "notes").mkdir()
    (folder / "notes" / "words.txt").write_text("public\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "one")
    (folder / "notes" / "words.txt").unlink()
    (folder / "notes").rmdir()
    (folder / "notes").symlink_to(outside)
    for files in (("notes/words.txt",), ("notes",), (".",), (str(outside / "words.txt"),)):
        assert "private" not in StagedChanges(folder, files).diff()


def test_a_pipe_in_place_of_a_file_is_not_read(folder: Path) -> None:
    git(folder, "commit", "--quiet", "-m", "one")
    (folder / "orders.py").unlink()
    os.mkfifo(folder / "orders.py")
    assert "+" not in StagedChanges(folder, ("orders.py",)).diff().replace("+++", "")


def test_a_worktree_has_an_index_of_its_own(folder: Path, tmp_path: Path) -> None:
    git(folder, "commit", "--quiet", "-m", "one")
    git(folder, "worktree", "add", "--quiet", str(tmp_path / "other"))
    (tmp_path / "other" / "orders.py").write_text("total = 2\n")
    git(tmp_path / "other", "add", ".")
    assert "+total = 2" in StagedChanges(tmp_path / "other").diff()
    assert "+total = 2" in StagedChanges(folder / ".git" / "worktrees" / "other").diff()
    assert StagedChanges(folder).diff() == ""


def test_nothing_is_read_again_while_the_index_is_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []
    real = repository._run

    def counted(command: list[str], *rest: object) -> bytes:
        runs.append(command[-1])
        return real(command, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(repository, "_run", counted)
    changes = StagedChanges(folder)
    first = changes.diff()
    before = len(runs)
    assert changes.diff() == first
    assert len(runs) == before == 4


def test_after_a_failure_it_is_read_again_in_a_while(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    diffs: list[float] = []
    real = repository._run

    def too_slow_at_first(command: list[str], *rest: object) -> bytes:
        if "diff-index" in command:
            diffs.append(now)
            if len(diffs) == 1:
                raise subprocess.CalledProcessError(-9, "git")
        return real(command, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(repository, "_now", lambda: now)
    monkeypatch.setattr(repository, "_run", too_slow_at_first)
    changes = StagedChanges(folder)
    assert [changes.diff(), changes.diff()] == ["", ""]
    now = repository.TRY_AGAIN_S
    assert "+total = 0" in changes.diff()
    assert "+total = 0" in changes.diff()
    assert diffs == [0.0, repository.TRY_AGAIN_S], "not at each key"


def test_nothing_that_the_repository_names_is_run(folder: Path, tmp_path: Path) -> None:
    git(folder, "commit", "--quiet", "-m", "one")
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path / 'caught'}\n")
    trap.chmod(0o700)
    (folder / "orders.py").write_text("total = 1\n")
    (folder / ".gitattributes").write_text("*.py diff=evil filter=evil\n")
    git(folder, "add", ".")
    for name in (
        "core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "diff.evil.command",
        "diff.evil.textconv", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process",
        "alias.diff-index", "alias.rev-parse",
    ):  # fmt: skip
        git(folder, "config", name, str(trap))
    (folder / ".git" / "hooks").mkdir(exist_ok=True)
    (folder / ".git" / "hooks" / "post-index-change").symlink_to(trap)
    assert "+total = 1" in StagedChanges(folder).diff()
    assert not (tmp_path / "caught").exists()


def test_no_repository_has_no_changes(tmp_path: Path) -> None:
    assert StagedChanges(tmp_path).diff() == ""
    assert StagedChanges(tmp_path / "none").diff() == ""


def test_a_huge_diff_is_not_read_to_its_end(folder: Path) -> None:
    (folder / "huge.txt").write_text("a line\n" * 200_000)
    git(folder, "add", ".")
    assert len(StagedChanges(folder).diff()) <= repository.MAX_DIFF_BYTES
