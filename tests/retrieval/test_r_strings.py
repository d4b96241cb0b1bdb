"""Tests of the recognition of strings in R, in linear time."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from infill_retrieval.syntax.r_outline import _code_of

_SKIPPED = re.compile(r"#[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`\n]*`", re.DOTALL)
"""The same in one pattern, which takes the square of marks that nothing ends."""


@given(st.text(st.sampled_from("a\"'\\#\n`x "), max_size=20))
@example("'\\\"\\' \"")
@example("\"\\' 'a' \"")
def test_strings_and_comments_are_blanks(text: str) -> None:
    assert _code_of(text) == _SKIPPED.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def test_marks_without_end() -> None:
    for piece in ('\\"', "\\'", "'\\\"", '"\\'):
        assert len(_code_of(piece * 100_000)) == len(piece) * 100_000
