"""Tests of text similarity, and of how much of a text a person keeps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.evaluation.text_scores import edit_similarity, kept_chars, saved_keystrokes

words = st.text(alphabet="abc ", max_size=12)


def longest_common_subsequence(left: str, right: str) -> int:
    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, one in enumerate(left):
        for j, other in enumerate(right):
            best[i + 1][j + 1] = (
                best[i][j] + 1 if one == other else max(best[i][j + 1], best[i + 1][j])
            )
    return best[-1][-1]


@given(words, words)
def test_similarity_is_that_of_the_plain_recurrence(left: str, right: str) -> None:
    if left or right:
        expected = 2 * longest_common_subsequence(left, right) / (len(left) + len(right))
        assert edit_similarity(left, right) == pytest.approx(expected)


@given(words, words)
def test_similarity_is_symmetric_and_bounded(left: str, right: str) -> None:
    assert edit_similarity(left, right) == edit_similarity(right, left)
    assert 0 <= edit_similarity(left, right) <= 1
    assert edit_similarity(left, left) == 1


@pytest.mark.parametrize(
    ("shown", "wanted", "kept"),
    [
        ("self.name = name", "self.name = name", 16),
        ("self.name = value", "self.name = name", 12),
        ("self.nam", "self.name = name", 5),
        ("return", "returns", 0),
        ("x", "", 0),
        ("", "x", 0),
    ],
)
def test_whole_words_are_kept_as_long_as_they_fit(shown: str, wanted: str, kept: int) -> None:
    assert kept_chars(shown, wanted) == kept
    assert saved_keystrokes(shown, wanted) == max(0, kept - 1)
