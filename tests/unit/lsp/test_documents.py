"""Tests of the patched document class against an independent model."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types as lsp
from pygls.workspace import PositionCodec

from infill_ls.lsp.convert import offset_of, position_of
from infill_ls.lsp.pygls_fixes import MendedTextDocument

ENCODINGS = {
    lsp.PositionEncodingKind.Utf8: ("utf-8", 1),
    lsp.PositionEncodingKind.Utf16: ("utf-16-le", 2),
    lsp.PositionEncodingKind.Utf32: ("utf-32-le", 4),
}
TEXT = st.text(st.sampled_from("ab \t\n\r\x0b\x0c\x1c\x85\u2028\u2029é漢\u0301😀🏳"), max_size=30)
ENCODING = st.sampled_from(list(ENCODINGS))
POSITION = st.builds(lsp.Position, st.integers(0, 6), st.integers(0, 20))


def units(text: str, encoding: lsp.PositionEncodingKind) -> int:
    codec, size = ENCODINGS[encoding]
    return len(text.encode(codec)) // size


def model_offset(text: str, at: lsp.Position, encoding: lsp.PositionEncodingKind) -> int:
    """Return the offset of a position by walking over the text, character by character."""
    pieces = re.split(r"(\r\n|\r|\n)", text)
    lines, ends = pieces[::2], pieces[1::2]
    if at.line >= len(lines):
        return len(text)
    start = sum(map(len, lines[: at.line])) + sum(map(len, ends[: at.line]))
    line = lines[at.line]
    fitting = [n for n in range(len(line) + 1) if units(line[:n], encoding) <= at.character]
    return start + max(fitting)


@given(TEXT, POSITION, ENCODING)
def test_offsets(text: str, at: lsp.Position, encoding: lsp.PositionEncodingKind) -> None:
    assert offset_of(text, at, encoding) == model_offset(text, at, encoding)


@given(TEXT, st.data(), ENCODING)
def test_a_position_leads_back_to_its_offset(
    text: str, data: st.DataObject, encoding: lsp.PositionEncodingKind
) -> None:
    offset = data.draw(st.integers(0, len(text)))
    back = offset_of(text, position_of(text, offset, encoding), encoding)
    # Between CR and LF there is no position: the end of the line stands for it.
    between = text[offset - 1 : offset + 1] == "\r\n" and offset > 0
    assert back == (offset - 1 if between else offset)


@given(TEXT, st.lists(st.tuples(POSITION, POSITION, TEXT), max_size=6), ENCODING)
def test_edits(
    text: str,
    edits: list[tuple[lsp.Position, lsp.Position, str]],
    encoding: lsp.PositionEncodingKind,
) -> None:
    document = MendedTextDocument(
        "file:///a.py",
        text,
        sync_kind=lsp.TextDocumentSyncKind.Incremental,
        position_codec=PositionCodec(encoding),
    )
    for one, other, new in edits:
        ends = sorted([one, other], key=lambda at: (at.line, at.character))
        document.apply_change(
            lsp.TextDocumentContentChangePartial(range=lsp.Range(*ends), text=new)
        )
        start, end = (model_offset(text, at, encoding) for at in ends)
        text = text[:start] + new + text[end:]
        assert document.source == text


@given(TEXT)
def test_lines_make_up_the_text(text: str) -> None:
    document = MendedTextDocument("file:///a.py", text)
    assert "".join(document.lines) == text
    assert all(re.fullmatch(r"[^\r\n]*(\r\n|\r|\n)?", line) for line in document.lines)


@given(
    st.lists(st.sampled_from(["a", "\n", "é\n", "x" * 1000, "y" * 4095]), max_size=40),
    st.integers(0, 45),
)
def test_the_start_of_a_far_line_is_found(parts: list[str], line: int) -> None:
    text = "".join(parts)
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    offset = offset_of(text, lsp.Position(line, 0), lsp.PositionEncodingKind.Utf16)
    assert offset == (starts[line] if line < len(starts) else len(text))
