"""Where and when a completion comes by itself."""

from __future__ import annotations

import pytest

from infill_ls.document.cut import cut
from infill_ls.suggesting.triggers import LONGEST_PAUSE_S, SHARE_OF_LATENCY, Pace, why_not
from unit.documents import snapshot


@pytest.mark.parametrize(
    "line",
    ["‸", "x = ‸", "pri‸", "print(‸)", "f(g(x‸))", "a['‸']", "x = {‸},", "call(a, ‸);", "<b>‸</b>"],
)
def test_at_line_ends_and_before_what_closes(line: str) -> None:
    assert why_not(cut(snapshot(line))) is None


@pytest.mark.parametrize("line", ["pri‸ce", "‸price", "x = ‸ + 1", "f(‸, b)", "a ‸b"])
def test_not_before_other_text(line: str) -> None:
    assert why_not(cut(snapshot(line))) is not None


def test_the_line_below_does_not_matter() -> None:
    assert why_not(cut(snapshot("x = ‸\nmore text"))) is None


def test_the_pause_follows_the_latency() -> None:
    pace = Pace()
    assert pace.pause_s == 0
    for latency_s in (0.2, 0.2, 9.0):
        pace.measured(latency_s)
    assert pace.pause_s == pytest.approx(0.2 * SHARE_OF_LATENCY)
    for _ in range(20):
        pace.measured(60.0)
    assert pace.pause_s == LONGEST_PAUSE_S
