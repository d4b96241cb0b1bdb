"""Tests of what Emacs tells the server about point. Run by ``tests/editors/emacs.sh``."""

from __future__ import annotations

import json

from editors.emacs.editor import Emacs, Start

LINES = "one = 1\ntwo = 2\nthree = 3\nfour ="


def told(emacs: Emacs) -> list[int]:
    """Return the lines that the server was told of, in the order of telling."""
    record = emacs.workspace / ".git" / "cursor"
    lines = record.read_text().splitlines() if record.exists() else []
    messages = [json.loads(line) for line in lines]
    assert all(one["textDocument"]["uri"].endswith("/demo.py") for one in messages)
    return [one["position"]["line"] for one in messages]


def rests_on(emacs: Emacs, line: int) -> None:
    """Wait until the server knows of a line, and of no other since."""
    emacs.wait(f"the server to know of line {line}", lambda: told(emacs)[-1:] == [line])


def test_the_server_is_told_where_point_rests(start: Start) -> None:
    emacs = start(LINES, answers=["five + six"], listens="wants")
    rests_on(emacs, 3)
    emacs.press("\x10\x10")
    rests_on(emacs, 1)
    before = told(emacs)
    assert 2 not in before, "not of what point only passes"
    emacs.press("\x18b*scratch*\r")
    emacs.press("\x18bdemo.py\r")
    # Maybe twice: the buffer comes into the window, and the window is left for the minibuffer.
    emacs.wait("the server to know that it is shown", lambda: told(emacs) > before)
    emacs.look(0.5)
    assert set(told(emacs)[len(before) :]) == {1}
    emacs.press("\x1b>")
    emacs.type(" ")
    emacs.expect_ghost("five + six")
    # What it was told before the answer to a question has been written down by then.
    question = "(list :textDocument (infill--document))"
    emacs.eval(f"(progn (jsonrpc-request infill--opened :infill/explain {question}) t)")
    before = told(emacs)
    for key in "fiv":
        emacs.press(key)
        emacs.look(0.5)
    emacs.expect_ghost("e + six")
    assert told(emacs) == before, "not while a suggestion is typed through"


def test_a_server_that_does_not_ask_is_not_told_of_point(start: Start) -> None:
    emacs = start(LINES, answers=[""], listens="ignores")
    emacs.press("\x10")
    emacs.look(0.6)  # longer than a rest
    emacs.press("x")
    emacs.look(0.6)
    assert told(emacs) == []
