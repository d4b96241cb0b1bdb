"""Tests of which tokens may follow a fragment that is healed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infill_ls.engine.decoding.vocabulary import Vocabulary

PIECES = st.lists(st.binary(max_size=4), max_size=40)
REQUIRED = st.binary(min_size=1, max_size=6)


@given(PIECES, REQUIRED)
def test_allowed_is_what_a_scan_finds(pieces: list[bytes], required: bytes) -> None:
    by_scan = [
        token
        for token, piece in enumerate(pieces)
        if piece and (piece.startswith(required) or required.startswith(piece))
    ]
    assert sorted(Vocabulary(pieces).allowed(required).tolist()) == by_scan


@given(PIECES, REQUIRED)
def test_has_longer_is_what_a_scan_finds(pieces: list[bytes], text: bytes) -> None:
    by_scan = any(piece.startswith(text) and piece != text for piece in pieces)
    assert Vocabulary(pieces).has_longer(text) == by_scan


def test_control_tokens_are_never_allowed() -> None:
    vocabulary = Vocabulary([b"", b"a", b"ab", b"abc", b"b", b""])
    assert sorted(vocabulary.allowed(b"ab").tolist()) == [1, 2, 3]


def test_bytes_of_255_have_no_successor() -> None:
    vocabulary = Vocabulary([b"\xff", b"\xff\xff", b"\xfe"])
    assert sorted(vocabulary.allowed(b"\xff\xff").tolist()) == [0, 1]


def test_tokens_stay_in_line() -> None:
    assert Vocabulary([b"\n", b"a", b" "]).tokens_stay_in_line()
    assert not Vocabulary([b"\n", b"\n\n"]).tokens_stay_in_line()
