"""Tests of detecting lines that repeat in a cycle."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.suggesting.filters.repeats import LOOP_CHARS, ends_in_loop

_LOOP = re.compile(r"(.{3,}?)\1{5,}\S*\Z|(.{10,}?)\2{3,}\S*\Z")
"""What a loop is, said in a way that takes minutes on a long line."""
PART = st.text(st.sampled_from("ab, "), max_size=12)


@given(
    st.one_of(
        PART, st.builds(lambda a, b, n, c: a + b * n + c, PART, PART, st.integers(0, 7), PART)
    )
)
def test_a_loop_is_one_by_the_pattern_too(line: str) -> None:
    found = _LOOP.search(line)
    assert found is not None or not ends_in_loop(line)
    if found is not None and all(map(str.isalnum, found[1] or found[2])):
        assert ends_in_loop(line)


@pytest.mark.parametrize(
    "line", ["=" * 40, "# " + "-" * 60, 'echo "' + "=" * 30 + '"', "x" + " " * 40]
)
def test_rulers_and_blanks_are_no_loops(line: str) -> None:
    assert not ends_in_loop(line)


@pytest.mark.parametrize("line", ["-" * 40 + " x", 'a" ' * 40, "ab, " * 200, "x = [" + "0, " * 500])
def test_long_lines(line: str) -> None:
    assert ends_in_loop(line) == (line[-1] != "x")
    assert ends_in_loop(line * (3 * LOOP_CHARS // len(line)) + "!")
