"""Tests of the mean of two models."""

from __future__ import annotations

import numpy as np
import pytest
from training.average import average


def zeros(count: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.zeros(count, np.float32)


def ones(count: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.ones(count, np.float32)


def test_a_share_of_each_weight_is_of_the_second_model() -> None:
    first, second = {"a": zeros(4), "b": ones(3)}, {"a": ones(4), "b": ones(3)}
    found = average(first, second, 0.75)
    assert np.array_equal(found["a"], np.full(4, 0.75))
    assert np.array_equal(found["b"], ones(3))


def test_models_of_two_shapes_have_no_mean() -> None:
    with pytest.raises(ValueError, match="shape"):
        average({"a": zeros(2)}, {"a": zeros(3)}, 0.5)
    with pytest.raises(ValueError, match="shape"):
        average({"a": zeros(2)}, {"b": zeros(2)}, 0.5)
