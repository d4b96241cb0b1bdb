"""Tests of the progress reports to the listener of a completion."""

from __future__ import annotations

from infill_ls.engine.decoding.telling import Telling
from infill_ls.types import Written


def written(tokens: int, text: str = "") -> Written:
    return Written(text or "x" * tokens, 0.0, tokens)


def test_only_the_first_text_is_told_unasked() -> None:
    told: list[Written] = []
    telling = Telling(told.append)
    telling.hear(Written("", 0.0, 1))  # a part of what was typed already
    for tokens in (2, 3, 4):
        telling.hear(written(tokens))
    assert told == [written(2)]


def test_who_looks_is_told_at_once_and_once_more() -> None:
    told: list[Written] = []
    telling = Telling(told.append)
    telling.look()
    assert told == [Written("", 0.0, 0)]
    for tokens in (1, 2, 3):
        telling.hear(written(tokens))
    assert told[1:] == [written(1)]
    telling.look()
    assert told[2:] == [written(3)]
    telling.hear(written(4))
    telling.hear(written(5))
    assert told[3:] == [written(4)]


def test_of_a_long_answer_all_is_told() -> None:
    told: list[Written] = []
    telling = Telling(told.append, tells_all=True)
    for tokens in (1, 2, 3):
        telling.hear(written(tokens))
    assert told == [written(1), written(2), written(3)]
