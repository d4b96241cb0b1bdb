"""Tests of a notebook's cells as one document."""

from __future__ import annotations

from infill_ls.document.cells import NotebookCell, around
from infill_retrieval.syntax import language_of

PYTHON, MARKDOWN, HTML = (language_of("", name) for name in ("python", "markdown", "html"))


def test_cells_stand_one_after_the_other_with_line_ends_between() -> None:
    cells = [
        NotebookCell("a = 1\n\n", PYTHON),
        NotebookCell("b = ", PYTHON),
        NotebookCell("c = 3\r\nd = 4", PYTHON),
    ]
    before, after = around(cells, 1, PYTHON)
    assert before + cells[1].text + after == "a = 1\nb = \nc = 3\nd = 4"


def test_of_other_languages_only_what_stands_right_above_is_shown_as_comments() -> None:
    cells = [
        NotebookCell("# All of it", MARKDOWN),
        NotebookCell("a = 1", PYTHON),
        NotebookCell("# What comes\n\nis this", MARKDOWN),
        NotebookCell("b = ", PYTHON),
        NotebookCell("<p>", HTML),
        NotebookCell("c = 3", PYTHON),
    ]
    before, after = around(cells, 3, PYTHON)
    assert before == "a = 1\n# # What comes\n#\n# is this\n"
    assert after == "\nc = 3"


def test_a_comment_ends_where_the_language_asks_for_it() -> None:
    cells = [
        NotebookCell("a = 1", PYTHON),
        NotebookCell("So it is", MARKDOWN),
        NotebookCell("b = 2", PYTHON),
    ]
    assert around(cells, 1, MARKDOWN) == ("<!-- a = 1 -->\n", "")
    assert around(cells, 0, PYTHON) == ("", "\nb = 2")
