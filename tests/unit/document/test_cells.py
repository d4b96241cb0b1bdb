"""Tests of a notebook's cells as one document."""

from __future__ import annotations

from infill_ls.document.cells import Cell, around
from infill_retrieval.syntax import language_of

PYTHON, MARKDOWN, HTML = (language_of("", name) for name in ("python", "markdown", "html"))


def test_cells_stand_one_after_the_other_with_line_ends_between() -> None:
    cells = [Cell("a = 1\n\n", PYTHON), Cell("b = ", PYTHON), Cell("c = 3\r\nd = 4", PYTHON)]
    before, after = around(cells, 1, PYTHON)
    assert before + cells[1].text + after == "a = 1\nb = \nc = 3\nd = 4"
