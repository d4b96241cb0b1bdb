"""Tests of the LSP items made of a suggestion, also on extremely long lines."""

from __future__ import annotations

import json

import pytest
from lsprotocol import types as lsp
from pygls.protocol import default_converter

from infill_ls.lsp.convert import (
    MAX_REPEATED_CHARS,
    MAX_WORD_CHARS,
    completion_of,
    inline_completion_of,
    offset_of,
    word_before,
)
from infill_ls.types import Report, Snapshot, Suggestion

ENCODINGS = list(lsp.PositionEncodingKind)
LONG = 300_000


def report(text: str, offset: int) -> Report:
    snapshot = Snapshot(
        uri="file:///a.py",
        path="/a.py",
        name="a.py",
        language_id="python",
        text=text,
        offset=offset,
    )
    return Report(snapshot, Suggestion("answer"), "shown")


def size(result: object) -> int:
    return len(json.dumps(default_converter().unstructure(result)))  # type: ignore[no-untyped-call]


def item_of(one: Report, encoding: lsp.PositionEncodingKind) -> lsp.InlineCompletionItem:
    (item,) = inline_completion_of(one, encoding).items
    snapshot = one.snapshot
    assert item.range is not None
    start = offset_of(snapshot.text, item.range.start, encoding)
    assert item.range.start.line == item.range.end.line
    assert offset_of(snapshot.text, item.range.end, encoding) == snapshot.offset
    assert item.insert_text == snapshot.text[start : snapshot.offset] + "answer"
    return item


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("filling", ["a", "é漢", "a, ", "😀", "(", " ", "x😀 ", "\u0301", "1"])
def test_a_long_line_is_not_sent_back(filling: str, encoding: lsp.PositionEncodingKind) -> None:
    text = "first\n" + filling * (LONG // len(filling)) + "\nlast"
    for offset in (LONG // 2, text.rindex("\n")):
        one = report(text, offset)
        item_of(one, encoding)
        assert size(inline_completion_of(one, encoding)) < 1_000
        assert size(completion_of(one, encoding)) < 2_000
        assert size(completion_of(one, encoding, editor_indents=True)) < 2_000


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("    x = ", "    x = "),
        ("é = name", "é = name"),
        ("x" * MAX_REPEATED_CHARS, "x" * MAX_REPEATED_CHARS),
        (" " * MAX_REPEATED_CHARS + "naïve_1", "naïve_1"),
        ("😀" * MAX_REPEATED_CHARS + " naïve_1", "naïve_1"),
        ("x" * (MAX_REPEATED_CHARS + 1), ""),
        ("x = '😀' + name", ""),
    ],
)
def test_where_an_item_begins(typed: str, sent: str, encoding: lsp.PositionEncodingKind) -> None:
    item = item_of(report(f"one\n{typed} rest\n", 4 + len(typed)), encoding)
    assert item.insert_text == f"{sent}answer"


def test_words() -> None:
    assert word_before("") == ""
    assert word_before("a.b_1é") == "b_1é"
    assert word_before("a ") == ""
    assert word_before("(" + "x" * MAX_WORD_CHARS) == "x" * MAX_WORD_CHARS
    assert word_before("x" * (MAX_WORD_CHARS + 1)) == ""
