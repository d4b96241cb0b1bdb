"""Tests of the memory of parses: texts are freed, and what is still in use is kept."""

from __future__ import annotations

import os
import tracemalloc

import pytest

from infill_retrieval.syntax import language_of
from infill_retrieval.syntax.grammar import parse
from infill_retrieval.syntax.pieces import Pieces

PYTHON = language_of("a.py")
OURS = [
    tracemalloc.Filter(inclusive=True, filename_pattern=path)
    for path in (__file__, f"*{os.sep}syntax{os.sep}*.py")
]
"""Where a text is copied: what other threads of this process allocate meanwhile is not asked."""


@pytest.mark.parametrize(
    "text", ["", "x", "x = 1\n" * 5_000, "x = 'é漢😀'\n" * 9_000, "(" * 20_000]
)
def test_a_parse_keeps_no_text(text: str) -> None:
    parse(PYTHON, text)
    tracemalloc.start()
    try:
        for number in range(20):
            parse(PYTHON, f"{text}y = {number}\n")
        kept = tracemalloc.take_snapshot().filter_traces(OURS)
    finally:
        tracemalloc.stop()
    assert sum(trace.size for trace in kept.traces) < 20_000


def test_a_tree_still_reads_its_text() -> None:
    trees = [parse(PYTHON, f"name_{number} = 1\n" * 3_000) for number in range(5)]
    for _ in range(3):
        for number, tree in enumerate(trees):
            assert tree is not None
            assert tree.root.text == (f"name_{number} = 1\n" * 3_000).encode()


def test_only_what_somebody_took_is_given_back() -> None:
    pieces = Pieces(b"abcdef")
    kept = [pieces(0, None), pieces(1, None), pieces(1, None), pieces(5, None), pieces(6, None)]
    assert kept == [b"abcdef", b"bcdef", b"bcdef", b"f", b""]
    assert pieces.taken() == [(b"abcdef", 1), (b"bcdef", 1), (b"bcdef", 1)]  # by ``kept``
    assert pieces.taken() == []
