"""The threshold that keeps as many right suggestions as another one did."""

from __future__ import annotations

import numpy as np
import pytest
from bench.suggest.fit_worth import threshold_keeping


@pytest.mark.parametrize("right", [46, 47, 106])
def test_exactly_as_many_right_ones_are_lost(right: int) -> None:
    scores = np.arange(1, right + 1) / (right + 1)
    is_right = np.ones(right, bool)
    for kept in range(1, right + 1):
        # As the table says it, in percent with one digit.
        share = round(100 * kept / right, 1) / 100
        assert int((scores >= threshold_keeping(scores, is_right, share)).sum()) == kept
