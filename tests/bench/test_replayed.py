"""Tests of the training data made by replaying past edits: moments, labels and features."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.suggest.replayed import KeyRow, seen_with, weights_of
from bench.suggest.typed import KEYS_OF_AN_EDIT, known_edits, moments_of, right_chars

from infill_ls.measuring.git_history import PastEdit
from infill_ls.types import Suggestion

EDIT = PastEdit(
    id="a:b.py:4",
    commit="a",
    path="b.py",
    before="x = 1\n",
    typed="total = price * count",
    after="\nprint(total, price)\n",
)


def row(rest: str, shown: str, right: int = 0) -> KeyRow:
    return KeyRow("project", "edit", "typing", rest, shown, right, {})


@pytest.mark.parametrize(
    ("text", "replaced", "right"),
    [
        ("count", 0, 5),
        ("cou", 0, 3),
        ("count()", 0, 0),
        ("count\nreturn", 0, 5),
        ("\ncount", 0, 0),
        ("count)", 1, 6),
        ("count)", 0, 0),
    ],
)
def test_what_was_written_is_right_or_its_first_line(text: str, replaced: int, right: int) -> None:
    after = ")\nend\n" if ")" in text else "\nend\n"
    assert right_chars(Suggestion(text, replaced), "count", after) == right


def test_nothing_is_right_where_all_is_written() -> None:
    assert right_chars(Suggestion("\nprint(total"), "", "\nprint(total, price)\n") == 0


def test_each_moment_is_the_document_on_its_way() -> None:
    for seed in range(20):
        moments = moments_of(EDIT, seed)
        keys = [moment for moment in moments if moment.kind == "typing"]
        assert len(keys) == KEYS_OF_AN_EDIT
        assert [one.key for one in keys] == list(range(keys[0].key, keys[0].key + len(keys)))
        for moment in moments:
            whole = moment.before + moment.rest + moment.after
            assert whole == EDIT.before + EDIT.typed + EDIT.after
    assert {m.kind for seed in range(20) for m in moments_of(EDIT, seed)} == {
        "typing",
        "end",
        "finished",
    }


def test_a_text_counts_once_however_many_keys_it_is_typed_along() -> None:
    rows = [row("count", "count", 5), row("ount", "ount", 4), row("unt", "x"), row("nt", "", 0)]
    assert weights_of([rows, rows[:1]]) == [0.5, 0.5, 1.0, 1.0]


def test_who_types_accepts_what_is_right_and_sees_each_wrong_text_once() -> None:
    # The first one agrees with two keys, so that the two behind it are its rest.
    wrong = [row("count", "color"), row("ount", "olor"), row("unt", "lor"), row("nt", "xyz")]
    seen = seen_with([wrong], [True, True, True, True])
    assert (seen.right, seen.wrong, seen.saved_keys) == (0, 2, 0)
    right = [row("count", "count", 5), row("ount", "ount", 4), row("unt", "unt", 3)]
    seen = seen_with([right], [True, True, True])
    assert (seen.right, seen.wrong, seen.saved_keys) == (1, 0, 4)
    seen = seen_with([right], [False, True, True])
    assert (seen.right, seen.saved_keys) == (1, 3)


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    assert known_edits(rows) == frozenset()
    rows.write_text('{"project": "p", "edit": "e"}\n{"project": "p", "ed', "utf-8")
    assert known_edits(rows) == {"p e"}
    assert rows.read_text("utf-8") == '{"project": "p", "edit": "e"}\n'
