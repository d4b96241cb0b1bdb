"""Tests of edits that move with the text around them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.instruct import DocumentEdit, TextChange
from infill_ls.instruct.changes import replacing

TEXT = "import os\n\n\ndef f(x):\n    pass\n\n\ndef g():\n    pass\n"
BODY = TEXT.index("\n    pass")
EDIT = DocumentEdit(
    (
        TextChange(9, 9, "", "\nimport math"),
        replacing(TEXT, BODY, BODY + len("\n    pass"), "\n    return x"),
    )
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("import os", "# new\nimport os"),
        ("os\n\n\n", "os\n\nVALUE = 1\n\n\n"),
        ("def g():", "def h(y):"),
        ("\n\n\ndef g", "\n\n\n\ndef g"),
    ],
)
def test_an_edit_follows_what_was_typed_elsewhere(old: str, new: str) -> None:
    after = TEXT.replace(old, new, 1) if old else TEXT
    moved = EDIT.moved(TEXT, after)
    assert moved is not None
    expected = after.replace("import os", "import os\nimport math")
    assert moved.of(after) == expected.replace("    pass", "    return x", 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [("    pass", "    return 2"), ("    pass", ""), (":\n    pass", ":\n  # a\n    pass")],
)
def test_an_edit_whose_place_has_changed_is_none(old: str, new: str) -> None:
    assert EDIT.moved(TEXT, TEXT.replace(old, new, 1)) is None


def test_what_has_changed_on_both_sides_of_a_place_is_not_followed() -> None:
    assert EDIT.moved(TEXT, TEXT.replace("import os", "import re").replace("g()", "h()")) is None


@given(st.text("ab\n", max_size=12), st.text("ab\n", max_size=12), st.data())
def test_a_moved_edit_replaces_what_it_was_made_for(
    before: str, after: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(before)))
    end = data.draw(st.integers(start, len(before)))
    edit = DocumentEdit((replacing(before, start, end, "new"),))
    moved = edit.moved(before, after)
    if moved is not None:
        (one,) = moved.changes
        assert after[one.start : one.end] == before[start:end]
        assert 0 <= one.start <= one.end <= len(after)
