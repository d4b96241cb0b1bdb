"""Tests of token healing: the fragment of typed text that is held back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.prompting.healing import choose_start, fragment_starts

TYPED = st.text(st.sampled_from("ab1_.( \tüß你\n"), max_size=30)


def tokens_of(text: str, vocabulary: list[str]) -> tuple[int, ...]:
    """Split greedily into the longest known pieces, else characters."""
    ids: list[int] = []
    while text:
        piece = max((p for p in vocabulary if text.startswith(p)), key=len, default=text[0])
        ids.append(hash(piece))
        text = text[len(piece) :]
    return tuple(ids)


def fragment(typed: str, vocabulary: list[str]) -> str:
    starts = fragment_starts(typed)
    halves = [half for start in starts for half in (typed[:start], typed[start:])]
    split_ids = [tokens_of(half, vocabulary) for half in halves]
    return typed[choose_start(starts, tokens_of(typed, vocabulary), split_ids) :]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", ""),
        ("    self.mo", "mo"),
        ("return fo", " fo"),
        ("    re", " re"),
        ("    ", "    "),
        ("x = ", " "),
        ("x =", " ="),
        ("f(", "("),
        ("f(a, ", " "),
        ("x = 12", ""),
        ("x = 1e", "e"),
        ("my_fun", "fun"),
        ("self.__in", "in"),
        ("naïve", "naïve"),
        ('s = "你好', "你好"),
        ("a = 1\n", ""),
        ("a = 1\n    ", "    "),
    ],
)
def test_fragment_of_a_tokenizer_that_cuts_at_every_run(typed: str, expected: str) -> None:
    assert fragment(typed, []) == expected


@pytest.mark.parametrize(
    ("typed", "vocabulary", "expected"),
    [
        ("self.mo", [".mo"], ".mo"),
        ("my_fun", ["_fun"], "_fun"),
        ("x.__init", ["__init"], ".__init"),
        ("f(", ["f("], "f("),
    ],
)
def test_a_tokenizer_that_joins_runs_gets_a_longer_fragment(
    typed: str, vocabulary: list[str], expected: str
) -> None:
    assert fragment(typed, vocabulary) == expected


@given(TYPED)
def test_starts_are_in_the_last_line_and_end_with_its_beginning(typed: str) -> None:
    starts = fragment_starts(typed)
    line = typed.rfind("\n") + 1
    assert starts == sorted(set(starts), reverse=True)
    assert starts[-1] == line
    assert all(line <= start <= len(typed) for start in starts)


@given(TYPED, st.text(st.sampled_from("abü你"), min_size=1, max_size=5))
def test_a_word_is_never_cut(before: str, word: str) -> None:
    assert fragment(before + " " + word, []).endswith(word)
