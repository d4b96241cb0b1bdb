"""Tests of the words of a text and of the windows into which files are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_retrieval.indexing.chunk import WINDOW_LINES, split_windows
from infill_retrieval.indexing.words import search_terms
from infill_retrieval.lines import bare_lines


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("HTTPTransport", ["httptransport", "http", "transport"]),
        ("send_request2", ["send_request2", "send", "request"]),
        ("getURLFor(x)", ["geturlfor", "get", "url", "for"]),
        ("Größe_neu", ["größe_neu", "gr", "öß", "neu"]),
        ("a = 12345 + 404", ["404"]),
        ("x" * 65, []),
        ("", []),
    ],
)
def test_terms_are_words_and_their_parts(text: str, terms: list[str]) -> None:
    assert search_terms(text) == terms


@given(st.text())
def test_terms_are_lower_case_and_come_from_the_text(text: str) -> None:
    folded = text.lower()
    for term in search_terms(text):
        assert term == term.lower()
        assert term in folded


def test_windows_have_ten_lines_that_are_not_blank() -> None:
    lines = bare_lines("\n\n" + "x = 1\n\n" * 25)
    windows = split_windows(lines)
    assert [(w.first_line, w.last_line) for w in windows] == [(2, 20), (22, 40), (42, 50)]


def test_a_window_ends_early_where_a_statement_begins() -> None:
    lines = [f"line {n}" for n in range(14)]
    windows = split_windows(lines, borders=[2, 7])
    assert [(w.first_line, w.last_line) for w in windows] == [(0, 6), (7, 13)]


def test_windows_with_endless_lines_are_left_out() -> None:
    assert split_windows(["x" * 301, "y"]) == []


@given(
    st.lists(st.sampled_from(["", "  ", "a", "b b", "\tc"]), max_size=60),
    st.sets(st.integers(0, 60)),
)
def test_windows_cover_each_line_once(lines: list[str], borders: set[int]) -> None:
    windows = split_windows(lines, sorted(borders))
    covered = [n for w in windows for n in range(w.first_line, w.last_line + 1) if lines[n].strip()]
    assert covered == [n for n, line in enumerate(lines) if line.strip()]
    for window in windows:
        inside = lines[window.first_line : window.last_line + 1]
        assert sum(1 for line in inside if line.strip()) <= WINDOW_LINES
        assert inside[0].strip()
        assert inside[-1].strip()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_counts_once(end: str) -> None:
    assert bare_lines(f"a{end}{end}b\x0cc\u2028d{end}") == ["a", "", "b\x0cc\u2028d", ""]
