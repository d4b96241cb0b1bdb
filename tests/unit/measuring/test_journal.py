"""Tests of resuming an evaluation: finished cases are not measured again."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from infill_ls.errors import UsageError
from infill_ls.measuring.journal import Journal, fingerprint


def row(name: str, score: float) -> dict[str, object]:
    return {"id": name, "exact": score}


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "humaneval.jsonl"
    first = Journal(path)
    first.add(row("a", 1.0))
    first.add(row("b", 0.0))
    # Not closed: a process that is killed closes nothing.
    with closing(Journal(path)) as again:
        assert again.rows == {"a": row("a", 1.0), "b": row("b", 0.0)}
        again.add(row("c", 1.0))
    assert [json.loads(line)["id"] for line in path.read_text("utf-8").splitlines()] == list("abc")
    first.close()


def test_a_line_that_was_cut_off_is_measured_again_and_goes(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text('{"id": "a", "exact": 1.0}\n{"no id": 1}\n[]\n\n{"id": "b", "exa', "utf-8")
    with closing(Journal(path)) as journal:
        assert list(journal.rows) == ["a"]
        journal.add(row("b", 0.0))
    assert path.read_text("utf-8").splitlines() == [
        '{"id": "a", "exact": 1.0}',
        '{"id": "b", "exact": 0.0}',
    ]


def test_a_fresh_run_forgets(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    with closing(Journal(path)) as journal:
        journal.add(row("a", 1.0))
    with closing(Journal(path, fresh=True)) as journal:
        assert not journal.rows
    assert path.read_text("utf-8") == ""


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        Journal(tmp_path / "file" / "runs.jsonl")


def test_another_model_or_switch_is_another_run() -> None:
    one = fingerprint({"model": "a", "without": ["suffix"]})
    assert one == fingerprint({"without": ["suffix"], "model": "a"})
    assert one != fingerprint({"model": "b", "without": ["suffix"]})
    assert one != fingerprint({"model": "a", "without": []})
