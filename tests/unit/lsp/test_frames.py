"""Property tests of message framing: the same frames however the bytes are split."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infill_ls.lsp.frames import MAX_HEADER_BYTES, BadFrame, FrameReader

MAX_BODY = 1_000
Frames = list[bytes | BadFrame]
GOOD = b"Content-Length: 2\r\n\r\n{}"

NAMES = st.sampled_from(
    [b"Content-Length", b"content-length", b"CONTENT-LENGTH", b"cOnTeNt-LeNgTh"]
)
SPACE = st.sampled_from([b"", b" ", b"  ", b"\t", b" \t "])
OTHERS = st.sampled_from(
    [
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8",
        b"content-type:application/vscode-jsonrpc;charset=utf8",
        b'CONTENT-TYPE: x; charset="UTF-8"',
        b"X-Other: anything: at all",
        b"X-Empty:",
    ]
)
BODIES = st.one_of(
    st.binary(max_size=60),
    st.recursive(
        st.none() | st.text(max_size=8) | st.just("Content-Length: 3\r\n\r\n"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    ).map(lambda value: json.dumps(value).encode()),
)


@st.composite
def frames(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Return the bytes of a frame and its body."""
    body = draw(BODIES)
    length = draw(NAMES) + draw(SPACE) + b":" + draw(SPACE) + b"%d" % len(body) + draw(SPACE)
    lines = draw(st.permutations([length, *draw(st.lists(OTHERS, max_size=2))]))
    end = draw(st.sampled_from([b"\r\n", b"\n"]))
    blank = draw(st.sampled_from([b"", b"\r\n", b"\n\n"]))
    return blank + b"".join(line + end for line in lines) + end + body, body


def read(data: bytes, cuts: list[int] | None = None) -> Frames:
    """Feed ``data`` in pieces that end at ``cuts``."""
    reader = FrameReader(MAX_BODY)
    ends = [*sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    found: Frames = []
    start = 0
    for end in ends:
        found += reader.feed(data[start:end])
        start = max(start, end)
    return found


CUTS = st.lists(st.integers(0, 10_000), max_size=8)


@given(st.lists(frames(), max_size=4), CUTS)
def test_every_spelling_of_a_header_and_every_split(
    sent: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    data = b"".join(frame for frame, _ in sent)
    assert read(data, cuts) == [body for _, body in sent]


PIECES = st.sampled_from(
    [
        GOOD,
        b"Content-Length: 999999999999\r\n\r\n",
        b"Content-Length: 5\r\n\r\n{",
        b"content-length:3\n\n",
        b"\r\n",
        b"\r\n\r\n",
        b"garbage",
        b"Content-",
        b"Length: ",
        b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"X: " + b"y" * MAX_HEADER_BYTES,
    ]
)


@given(st.lists(PIECES | st.binary(max_size=20), max_size=8).map(b"".join), CUTS)
@example(b"a" * (MAX_HEADER_BYTES - 2) + b"\r\n\r\n", [MAX_HEADER_BYTES - 1])
@example(b"Content-Length: 1\r\n" * 400 + b"\r\n", [MAX_HEADER_BYTES])
def test_a_split_never_matters(data: bytes, cuts: list[int]) -> None:
    assert read(data, cuts) == read(data)
    assert read(data, list(range(len(data)))) == read(data) if len(data) < 500 else True


BAD = [
    b"garbage\r\n\r\n",
    b"garbage",
    b"\xff\xfe\x00",
    b"Content-Length: 1000000000000\r\n\r\n",
    b"Content-Length: 1001\r\n\r\n",
    b"Content-Length: 111111111111111111111111111111\r\n\r\n",
    b"Content-Length: -1\r\n\r\n",
    b"Content-Length: +1\r\n\r\n",
    b"Content-Length: 0x10\r\n\r\n",
    b"Content-Length: 1e3\r\n\r\n",
    b"Content-Length: \xd9\xa3\r\n\r\n",
    b"Content-Length: 1 2\r\n\r\n",
    b"Content-Length:\r\n\r\n",
    b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"Content Length: 2\r\n\r\n",
    b"Content-Type: application/vscode-jsonrpc\r\n\r\n",
    b"Content-Length: 2\r\nContent-Type: x; charset=utf-16\r\n\r\n{}",
    b"Content-Length: 2\r\nno field\r\n\r\n{}",
    b"X: " + b"y" * MAX_HEADER_BYTES + b"\r\nContent-Length: 2000\r\n\r\n",
    b"{}",
    b'{"text": "Content-Length: 3"}',
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: repr(bad[:40]))
def test_after_what_is_no_frame_the_next_one_is_found(bad: bytes) -> None:
    found = read(bad + GOOD + GOOD)
    assert found[-2:] == [b"{}", b"{}"]
    assert all(isinstance(frame, BadFrame) for frame in found[:-2])
    assert 1 <= len(found[:-2]) <= 2


def test_an_empty_body_is_a_body() -> None:
    assert read(b"Content-Length: 0\r\n\r\n" + GOOD) == [b"", b"{}"]


def test_a_body_that_is_too_long_is_not_kept() -> None:
    reader = FrameReader(MAX_BODY)
    assert len(reader.feed(b"Content-Length: 10000000\r\n\r\n")) == 1
    for _ in range(100):
        assert reader.feed(b'{"text": "' + b"y" * 100_000) == []
        assert len(reader._bytes) < 1_000
    assert reader.feed(b'"}' + GOOD) == [b"{}"]


def test_a_header_without_end_is_not_kept() -> None:
    reader = FrameReader(MAX_BODY)
    found: Frames = []
    for _ in range(1_000):
        found += reader.feed(b"X-Other: yes\r\n" * 10)
        assert len(reader._bytes) <= MAX_HEADER_BYTES
    assert len(found) == 1
    assert reader.feed(GOOD) == [b"{}"]
