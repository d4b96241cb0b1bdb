from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.healing import split_fragment

LINES = st.text(st.characters(exclude_characters="\n\r"))


@pytest.mark.parametrize(
    ("typed", "kept", "fragment"),
    [
        ("", "", ""),
        ("    self.mo", "    self.", "mo"),
        ("return fo", "return", " fo"),
        ("    re", "   ", " re"),
        ("    ", "", "    "),
        ("x = ", "x =", " "),
        ("x =", "x", " ="),
        ("f(", "f", "("),
        ("f(a, ", "f(a,", " "),
        ("x = 12", "x = 12", ""),
        ("x = 1e", "x =", " 1e"),
        ("naïve", "", "naïve"),
        ('s = "你好', 's = "', "你好"),
    ],
)
def test_split(typed: str, kept: str, fragment: str) -> None:
    assert split_fragment(typed) == (kept, fragment)


@given(LINES)
def test_nothing_is_lost(typed: str) -> None:
    kept, fragment = split_fragment(typed)
    assert kept + fragment == typed


@given(LINES, st.text(st.characters(categories=["L"]), min_size=1))
def test_a_word_is_never_split(before: str, word: str) -> None:
    _, fragment = split_fragment(before + " " + word)
    assert fragment.endswith(word)
