"""Tests of reading notebook files."""

from __future__ import annotations

import itertools
import json

import pytest

from infill_ls.measuring.notebook_files import read_notebook

CELLS = [
    {"cell_type": "markdown", "source": ["# Prices\n", "in zloty"]},
    {
        "cell_type": "code",
        "source": "tax = 0.23\r\nrate = 1 + tax",
        "outputs": [{"data": "x" * 99}],
    },
    {"cell_type": "code", "source": ["\n"]},
    {"cell_type": "raw", "source": "as it is"},
]


def text_of(cells: object, **about: object) -> str:
    return json.dumps({"cells": cells, "metadata": about, "nbformat": 4})


def test_a_notebook_is_one_document_without_what_it_printed() -> None:
    notebook = read_notebook(text_of(CELLS, kernelspec={"name": "python3", "language": "python"}))
    assert notebook is not None
    assert notebook.text == "# # Prices\n# in zloty\ntax = 0.23\nrate = 1 + tax\n# as it is\n"
    starts = notebook.starts()
    cells = [notebook.text[first:last] for first, last in itertools.pairwise(starts)]
    assert cells == ["# # Prices\n# in zloty\n", "tax = 0.23\nrate = 1 + tax\n", "# as it is\n"]
    assert [notebook.has_code(number) for number in range(3)] == [False, True, False]


@pytest.mark.parametrize(
    "raw",
    [
        "no notebook",
        "[1]",
        "[" * 200_000,
        "{}",
        text_of([{"cell_type": "code"}]),
        text_of([7]),
        text_of(CELLS, kernelspec={"name": "ir", "language": "R"}),
        text_of(CELLS, kernelspec="python3"),
    ],
)
def test_what_is_no_notebook_in_python_is_left_out(raw: str) -> None:
    assert read_notebook(raw) is None
