"""Tests of the judge's decision trees: their predictions, and the reasons given."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.next_edit.forest import Forest, forest_of, kept_form, the_forest

# One tree asks for "a" and then for "b", the other is a leaf.
SMALL = Forest(
    names=("a", "b"),
    threshold=0.7,
    bias=0.5,
    depth=2,
    roots=np.array([0, 5]),
    feature=np.array([0, 0, 1, 0, 0, 0]),
    limit=np.array([0.5, 0.0, 0.25, 0.0, 0.0, 0.0]),
    left=np.array([1, 1, 3, 3, 4, 5]),
    right=np.array([2, 1, 4, 3, 4, 5]),
    value=np.array([0.0, -1.0, 1.0, 0.5, 2.0, 0.125]),
)


def test_a_row_ends_in_one_leaf_of_each_tree() -> None:
    table = SMALL.matrix([{}, {"a": 1.0}, {"a": 1.0, "b": 1.0, "unknown": 9.0}])
    assert SMALL.log_odds(table).tolist() == [-0.375, 1.125, 2.625]


def test_what_weighed_adds_up_to_the_way_from_the_roots() -> None:
    table = SMALL.matrix([{"a": 1.0, "b": 1.0}])
    assert SMALL.weighed(table).tolist() == [[1.0, 1.0]]


def test_trees_are_kept_as_they_are() -> None:
    again = forest_of(json.loads(kept_form(SMALL)))
    table = SMALL.matrix([{"a": 0.6, "b": 0.2}, {"b": 3.0}])
    assert again.log_odds(table).tolist() == SMALL.log_odds(table).tolist()
    assert (again.names, again.threshold) == (SMALL.names, SMALL.threshold)


@given(st.lists(st.dictionaries(st.sampled_from(the_forest().names), st.floats(0, 1)), max_size=5))
def test_the_shipped_trees_judge_anything(rows: list[dict[str, float]]) -> None:
    forest = the_forest()
    table = forest.matrix(rows)
    odds = forest.log_odds(table)
    root = forest.bias + forest.value[forest.roots].sum()
    assert np.isfinite(odds).all()
    assert np.allclose(forest.weighed(table).sum(axis=1) + root, odds)
