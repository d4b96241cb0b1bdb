"""Tests of edit episodes from a history, and of how predictions are scored."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.errors import UsageError
from infill_ls.evaluation.edit_episodes import (
    Episode,
    EpisodeKind,
    episodes_of,
    hunks_between,
    in_any_order,
    versions,
    with_others,
)
from infill_ls.evaluation.edits import distance, read_bank, right_in, write_bank
from infill_ls.next_edit import Offer
from infill_ls.next_edit.candidate import Rule
from infill_ls.next_edit.judge import EditVerdict
from unit.measuring.test_git_history import commit, git

OLD = "def total(x):\n    return x\n\n\nprint(total(1))\n\nprint(total(2))\n\nprint(total(3))\n"
NEW = OLD.replace("total", "amount")
LINES = st.lists(st.sampled_from(["a\n", "  b\n", "f(x)\n", "f(x, y)\n", "\n"]), max_size=9)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init")
    commit(folder, a=OLD, b="x = 1\ny = 2\nz = 3\n")
    commit(folder, a=NEW)
    commit(folder, b="x = 10\ny = 2\nw = 4\n")
    return folder


def test_the_first_two_hunks_are_made_and_the_others_held_out(repository: Path) -> None:
    found = {episode.kind: episode for episode in episodes_of(repository, 100, 0)}
    one = found[EpisodeKind.POSITIVE]
    assert one.is_repeating
    assert one.versions[0] == OLD
    assert one.versions[-1] == OLD.replace("def total", "def amount").replace(
        "total(1)", "amount(1)"
    )
    assert one.final == NEW
    assert found[EpisodeKind.EXHAUSTED].versions[-1] == found[EpisodeKind.EXHAUSTED].final == NEW
    assert found[EpisodeKind.REVERTED].versions[-1] == OLD
    assert found[EpisodeKind.UNLIKE].path == "b.py"


def test_a_folder_without_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        episodes_of(tmp_path, 10, 0)


@given(LINES, LINES)
def test_all_hunks_together_are_the_new_text(old: list[str], new: list[str]) -> None:
    before, after = "".join(old), "".join(new)
    assert versions(before, hunks_between(before, after))[-1] == after


def episode(now: str, final: str) -> Episode:
    return Episode("i", EpisodeKind.POSITIVE, "r", "c", "a.py", (now,), final)


def offer(text: str, old: str, new: str) -> Offer:
    return Offer(
        "file:///a.py",
        text.index(old),
        old,
        new,
        Rule.NAME,
        (old, new),
        EditVerdict(1.0, (), is_offered=True),
    )


def test_right_is_what_brings_the_text_nearer_by_all_that_it_changes() -> None:
    is_right = right_in(episode(OLD, NEW))
    assert is_right(offer(OLD, "total(2)", "amount(2)"))
    assert is_right(offer(OLD, "total", "amount"))
    assert not is_right(offer(OLD, "total(2)", "amounts(2)"))
    assert not is_right(offer(OLD, "total(2)", "amount(4)"))
    assert not is_right(offer(OLD, "return x", "return y"))
    assert not right_in(episode(NEW, NEW))(offer(NEW, "amount", "total"))


@given(st.lists(st.sampled_from("abc"), max_size=7), st.lists(st.sampled_from("abc"), max_size=7))
def test_the_distance_is_that_of_taking_out_and_putting_in(
    one: list[str], other: list[str]
) -> None:
    found = distance(tuple(one), tuple(other))
    assert found == distance(tuple(other), tuple(one))
    assert abs(len(one) - len(other)) <= found <= len(one) + len(other)
    assert (found == 0) == (one == other)


def test_any_order_is_the_same_commit_in_another_order(repository: Path) -> None:
    (one,) = (e for e in episodes_of(repository, 100, 0) if e.kind is EpisodeKind.POSITIVE)
    other = in_any_order(one)
    assert other is not None
    assert other.final == one.final
    assert other.versions[0] == one.versions[0]
    assert len(hunks_between(other.versions[-1], other.final)) == len(hunks_between(OLD, NEW)) - 2


def test_of_a_release_the_first_two_hunks_that_are_alike_are_made(tmp_path: Path) -> None:
    folder = tmp_path / "releases"
    folder.mkdir()
    git(folder, "init")
    before = "a = 1\n\nb = 2\n\n" + OLD
    commit(folder, a=before, b="x = 1\ny = 2\nz = 3\n", c="f(1)\n\nf(2)\n\nf(3)\n")
    after = before.replace("a = 1", "a = 5").replace("b = 2", "b = 7").replace("total", "amount")
    commit(folder, a=after, b="x = 10\ny = 2\nw = 4\n", c="g(1)\n\nh(2)\n\ni(3)\n")
    found = episodes_of(folder, 100, 0, releases=True)
    (one,) = (each for each in found if each.kind is EpisodeKind.POSITIVE)
    assert one.path == "a.py"
    assert one.is_repeating
    assert "a = 1" in one.versions[-1]
    assert one.versions[-1].count("amount") == 2


def test_other_documents_are_those_of_the_commit_and_as_many_that_it_left_alone(
    repository: Path,
) -> None:
    commit(repository, a=OLD, c="import a\n\nprint(a.amount(1))\n", d="import a\n")
    after = "import a\n\nprint(a.total(1))\n"
    commit(repository, a=NEW, c=after)
    found = episodes_of(repository, 100, 0)
    (one,) = with_others(repository, found, 100)
    assert {other.path for other in one.others} == {"b.py", "c.py", "d.py"}
    changed = {other.path: other.after for other in one.others if other.after != other.before}
    assert changed == {"c.py": after}
    text = next(other.before for other in one.others if other.path == "c.py")
    start = text.index("amount")
    mine = Offer(
        "file:///c.py", start, "amount", "total", Rule.NAME, ("amount", "total"),
        EditVerdict(1.0, (), is_offered=True),
    )  # fmt: skip
    assert right_in(one)(mine)


def test_the_command_writes_a_result_and_keeps_the_bank(repository: Path, tmp_path: Path) -> None:
    out, bank = tmp_path / "out", tmp_path / "bank.jsonl"
    # In a process of its own: the command line sets up logging.
    command = [sys.executable, "-m", "infill_ls", "eval", "edits", str(repository)]
    arguments = ["--out", str(out), "--bank", str(bank)]
    subprocess.run([*command, *arguments], check=True, capture_output=True)
    result = json.loads((out / "edits.json").read_text())
    assert result["run"]["repositories"] == 1
    assert any(table["title"].startswith("Episodes answered") for table in result["tables"])
    episodes = read_bank(bank)
    write_bank(tmp_path / "again", episodes)
    assert read_bank(tmp_path / "again") == episodes
