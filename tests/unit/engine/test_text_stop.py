from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.engine.text_stop import TextStop
from infill_ls.types import StopReason, StopRule


def feed_all(rule: StopRule, pieces: list[bytes]) -> tuple[str, StopReason | None]:
    stop = TextStop(rule)
    for piece in pieces:
        if (reason := stop.feed(piece)) is not None:
            return stop.text(), reason
    return stop.text(), None


@pytest.mark.parametrize(
    ("rule", "pieces", "text", "reason"),
    [
        (StopRule(9, 1), [b"a", b"b"], "ab", None),
        (StopRule(9, 1), [b"a", b"b\nc"], "ab", StopReason.LINES),
        (StopRule(9, 2), [b"a\nb\nc"], "a\nb", StopReason.LINES),
        (StopRule(9, 9, min_indent=4), [b"x\n", b"    y\n", b"z"], "x\n    y", StopReason.DEDENT),
        (StopRule(9, 9, min_indent=4), [b"x\n\n", b"    y"], "x\n\n    y", None),
        (StopRule(9, 9, min_indent=4), [b"x\n\ty\n}"], "x\n\ty", StopReason.DEDENT),
        (StopRule(9, 9, min_indent=4), [b"no indent"], "no indent", None),
        (StopRule(9, 1), ["ü".encode()[:1]], "", None),
        (StopRule(9, 1), ["ü".encode()[:1], "ü".encode()[1:]], "ü", None),
    ],
)
def test_stop(rule: StopRule, pieces: list[bytes], text: str, reason: StopReason | None) -> None:
    assert feed_all(rule, pieces) == (text, reason)


@given(st.text("ab \n\t}", max_size=40), st.integers(1, 4), st.integers(0, 8), st.randoms())
def test_how_the_text_is_cut_into_tokens_does_not_matter(
    text: str, lines: int, indent: int, random: object
) -> None:
    rule = StopRule(99, lines, indent)
    by_byte = feed_all(rule, [bytes([byte]) for byte in text.encode()])
    assert feed_all(rule, [text.encode()]) == by_byte
    assert by_byte[0].count("\n") < lines
