"""Regression test of the filters, a fixed part of ``bench/suggest/truth.py``: right texts get through."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.suggest.truth import outcome_of, places, shares

ROOT = Path(__file__).parents[2]
FOLDERS = [
    ROOT / name
    for name in ("server", "retrieval", "editors", "docs", "bench", "tests/golden", "tools")
]
# All of them, when this was written; by what kind of file is told by the benchmark.
LEAST_RIGHT = {False: 99.5, True: 99.5}
LEAST_WHOLE_WITH_CLOSERS = 98.0
MOST_CONTRADICTED = 0.1


@pytest.mark.parametrize("has_closers", [False, True])
def test_the_right_text_reaches_the_user(has_closers: bool) -> None:
    outcomes = [
        outcome_of(place)
        for place in places(FOLDERS, files=25, holes=4, seed=0)
        if bool(place.closers) is has_closers
        and not place.behind
        and "images" not in Path(place.file).parts  # nobody types the plots
    ]
    assert len(outcomes) > 300
    found = shares(outcomes)
    lost = [
        (outcome.place.file, outcome.place.truth, outcome.shown, outcome.reason)
        for outcome in outcomes
        if outcome.verdict not in ("whole", "right")
    ]
    assert found["right"] >= LEAST_RIGHT[has_closers], lost
    assert found["contradicts"] <= MOST_CONTRADICTED, lost
    assert not has_closers or found["whole"] >= LEAST_WHOLE_WITH_CLOSERS, lost
