"""Tests of edits from git history: they add up to the commit, and reveal nothing later."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.errors import UsageError
from infill_ls.measuring.git import commit_of
from infill_ls.measuring.git_history import check_out_parent, edits_between, edits_of

LINES = st.lists(st.sampled_from(["a\n", "  b\n", "call(x)\n", "call(x, y)\n", "\n"]), max_size=8)


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True
    )


def commit(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-m", "change")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init")
    return folder


@given(LINES, LINES)
def test_the_last_edit_leaves_the_new_text(old: list[str], new: list[str]) -> None:
    before, after = "".join(old), "".join(new)
    edits = list(edits_between(before, after))
    for start, typed, _ in edits:
        assert after.startswith(start + typed)
    if edits:
        start, typed, rest = edits[-1]
        # What is only deleted further down is not typed.
        assert (start + typed + rest).startswith(after[: len(start + typed)])


def test_a_line_is_typed_between_its_neighbours(repository: Path) -> None:
    commit(repository, one="def f():\n    return 1\n", two="old = 1\n")
    commit(repository, one="def f():\n    print('hello there')\n    return 1\n", two="new = 2\n")
    (edit,) = edits_of(repository, 10, None, 0)
    assert edit.path == "one.py"
    assert edit.before == "def f():\n    "
    assert edit.typed == "print('hello there')"
    assert edit.after == "\n    return 1\n"


def test_a_new_line_and_its_indentation_are_one_key(repository: Path) -> None:
    commit(repository, one="x = 1\n")
    commit(repository, one="x = 1\nfor item in x:\n    print(item)\n")
    (edit,) = edits_of(repository, 10, None, 0)
    assert "".join(edit.keys) == edit.typed == "for item in x:\n    print(item)"
    assert "\n    " in edit.keys


def test_the_tree_is_that_of_before(repository: Path, tmp_path: Path) -> None:
    commit(repository, one="x = 1\n", two="y = 1\n")
    commit(repository, one="x = 1\nanother_line = x\n", two="y = 1\nfuture = 2\n")
    edit = edits_of(repository, 10, None, 0)[0]
    check_out_parent(repository, edit.commit, tmp_path / "tree")
    assert (tmp_path / "tree" / "two.py").read_text() == "y = 1\n"
    assert commit_of(repository) == edit.commit


def test_without_commits_there_is_a_clear_message(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no commits"):
        edits_of(repository, 10, None, 0)
    commit(repository, one="x = 1\n")
    with pytest.raises(UsageError, match="nothing to replay"):
        edits_of(repository, 10, None, 0)
    with pytest.raises(UsageError, match="no folder"):
        commit_of(tmp_path / "none")
    plain = tmp_path / "plain"
    plain.mkdir()
    with pytest.raises(UsageError, match="no git repository"):
        commit_of(plain)


def test_programs_that_a_hostile_repository_names_are_not_run(
    repository: Path, tmp_path: Path
) -> None:
    (repository / ".gitattributes").write_text("*.py filter=evil diff=evil\n")
    commit(repository, one="def f():\n    return 1\n")
    commit(repository, one="def f():\n    print('hello there')\n    return 1\n")
    marker = tmp_path / "it-ran"
    program = f"touch {marker}; cat"
    for name in ("core.fsmonitor", "filter.evil.smudge", "filter.evil.clean", "filter.evil.process",
                 "diff.evil.textconv", "core.sshCommand", "core.pager", "core.alternateRefsCommand"):  # fmt: skip
        git(repository, "config", name, program)
    (edit,) = edits_of(repository, 10, None, 0)
    check_out_parent(repository, edit.commit, tmp_path / "tree")
    assert (tmp_path / "tree" / "one.py").read_text() == "def f():\n    return 1\n"
    assert not marker.exists()
