"""Tests of incremental parsing: after an edit the tree is that of a full parse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_retrieval.syntax import TreeCache, language_named, parse

PYTHON = language_named("python")
RUST = language_named("rust")
SOURCE = 'def f(a):\n    """Grüße 😀."""\n    return {"a": [a, (1)]}\n\n\ndef g():\n    pass\n' * 4


def test_an_edit_gives_the_tree_of_a_full_parse() -> None:
    assert PYTHON is not None
    trees = TreeCache()
    for text in (SOURCE, SOURCE.replace("pass", "x = f(1)", 1), "# ü\n" + SOURCE, SOURCE + "\n"):
        near, full = trees.parse(PYTHON, text), parse(PYTHON, text)
        assert near is not None
        assert full is not None
        assert near.text == text
        assert str(near.root) == str(full.root)


@given(st.integers(0, len(SOURCE)), st.integers(0, 30), st.sampled_from(["", "ö", "x = 1\n", "😀"]))
def test_the_edit_between_two_texts(start: int, removed: int, added: str) -> None:
    assert PYTHON is not None
    tree = parse(PYTHON, SOURCE)
    assert tree is not None
    old, new = SOURCE.encode(), (SOURCE[:start] + added + SOURCE[start + removed :]).encode()
    edit = tree.edit_to(new)
    assert 0 <= edit.start <= min(edit.old_end, edit.new_end)
    assert old[: edit.start] + new[edit.start : edit.new_end] + old[edit.old_end :] == new
    assert edit.is_empty == (old == new)
    new[: edit.start].decode()
    new[edit.new_end :].decode()


@pytest.mark.parametrize(
    ("text", "errors"),
    [("fn f() {}\n", 0), ("fn f() { let x = 1 }\n", 1), ("fn f() { foo(; bar(; }\n", 2)],
)
def test_errors_are_counted(text: str, errors: int) -> None:
    assert RUST is not None
    tree = parse(RUST, text)
    assert tree is not None
    assert tree.error_count() == errors
