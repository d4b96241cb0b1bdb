"""Tests of next edits in a real Emacs. Run by ``tests/editors/emacs.sh``."""

from __future__ import annotations

import json
from typing import Any

from editors.emacs.editor import Emacs, Start

TAB, CONTROL_G, UNDO = "\t", "\x07", "\x1f"
BEFORE = """\
def total(prices):
    return sum(prices)


def report(prices):
    print(compute_total(prices))
    return compute_total(prices)


def compute_total(prices):
    return sum(prices)
"""
OLD, NEW = "compute_total", "compute_sum"
FIRST = {"line": 6, "old": OLD, "new": NEW}
SECOND = {"line": 7, "old": OLD, "new": NEW}


def shown(emacs: Emacs) -> dict[str, Any] | None:
    """Return what is drawn: a hint at point, or what goes and what comes."""
    drawn = emacs.eval(
        "(vconcat (mapcar (lambda (o) (vector (line-number-at-pos (overlay-start o))"
        " (buffer-substring-no-properties (overlay-start o) (overlay-end o))"
        ' (substring-no-properties (or (overlay-get o \'before-string) ""))'
        ' (substring-no-properties (or (overlay-get o \'after-string) ""))))'
        " infill--edit-overlays))"
    )
    found: dict[str, Any] = {}
    for line, old, before, after in reversed(drawn or []):
        found.setdefault("line", line)
        found |= {"old": old} if old else {}
        found |= {"lines": before} if before else {}
        if after:
            found |= {"hint": after} if after[1] in "↑↓" else {"new": after}
    return found or None


def expect(emacs: Emacs, expected: dict[str, Any]) -> None:
    emacs.wait(f"the next edit {expected}", lambda: shown(emacs) == expected)
    assert emacs.eval("infill-next-edit-shown-mode"), "its keys are there"


def expect_none(emacs: Emacs) -> None:
    emacs.settle()
    assert shown(emacs) is None
    assert not emacs.eval("infill-next-edit-shown-mode"), "keys keep their meaning"


def rename(emacs: Emacs) -> None:
    """Rename the function as a user does."""
    emacs.eval(
        '(progn (goto-char (point-min)) (search-forward "def compute_total")'
        " (backward-delete-char 5) t)"
    )
    emacs.type("sum")


def expect_text(emacs: Emacs, expected: str) -> None:
    emacs.wait(f"the text {expected!r}", lambda: emacs.eval("(buffer-string)") == expected)


def expect_line(emacs: Emacs, line: int) -> None:
    emacs.wait(f"point on line {line}", lambda: emacs.eval("(line-number-at-pos)") == line)


def statistics(emacs: Emacs) -> str:
    file = emacs.workspace / ".git/data/infill-ls/statistics.jsonl"
    return file.read_text() if file.exists() else ""


def test_a_renamed_function_is_followed_by_one_key(start: Start) -> None:
    emacs = start(BEFORE, answers=[""])
    rename(emacs)
    expect(emacs, FIRST)
    emacs.wait("the screen", lambda: f"print({OLD}{NEW}(prices))" in emacs.text())
    emacs.press(TAB)
    expect_line(emacs, 6)
    expect(emacs, FIRST)
    emacs.press(TAB)
    first = BEFORE.replace(f"def {OLD}", f"def {NEW}").replace(f"print({OLD}", f"print({NEW}")
    expect_text(emacs, first)
    expect(emacs, SECOND)
    emacs.press(TAB)
    expect_line(emacs, 7)
    emacs.press(TAB)
    expect_text(emacs, BEFORE.replace(OLD, NEW))
    expect_none(emacs)
    emacs.press(UNDO)
    expect_text(emacs, first)
    emacs.press("\x1bxundo-redo\r")
    expect_text(emacs, BEFORE.replace(OLD, NEW))
    emacs.wait(
        "the acceptances to be counted", lambda: statistics(emacs).count('"edit accepted"') == 2
    )
    assert '"edit shown"' in statistics(emacs)


def test_it_is_dismissed_and_the_change_stays_silent(start: Start) -> None:
    emacs = start(BEFORE, answers=[""])
    rename(emacs)
    expect(emacs, FIRST)
    emacs.press(CONTROL_G)
    expect_none(emacs)
    emacs.type(" ")
    expect_none(emacs)
    emacs.wait("the refusal to be counted", lambda: '"edit refused"' in statistics(emacs))
    emacs.press(TAB)
    assert OLD in emacs.eval("(buffer-string)"), "TAB is TAB again"


def test_a_place_out_of_sight_is_named_at_point(start: Start) -> None:
    text = BEFORE.replace("def report", "\n" * 80 + "def report")
    emacs = start(text, answers=[""])
    rename(emacs)
    expect(emacs, {"line": 86, "old": OLD, "new": NEW})
    emacs.press("\x1b<")
    expect(emacs, {"line": 1, "hint": f" ↓ 86: {OLD} → {NEW}"})
    emacs.wait("the screen", lambda: f" ↓ 86: {OLD} → {NEW}" in emacs.text())
    emacs.press(TAB)
    expect_line(emacs, 86)
    expect(emacs, {"line": 86, "old": OLD, "new": NEW})
    emacs.press("\x15\x00")
    expect_line(emacs, 1)


def test_ghost_text_at_point_goes_first(start: Start) -> None:
    emacs = start(BEFORE, answers=["_of_all"])
    rename(emacs)
    expect(emacs, FIRST)
    emacs.press("\x1bxinfill-complete\r")
    emacs.expect_ghost("_of_all")
    assert shown(emacs) is None, "they are not there together"
    assert not emacs.eval("infill-next-edit-shown-mode")
    emacs.dismiss()
    expect(emacs, FIRST)
    emacs.press("\x1bxinfill-complete\r")
    emacs.expect_ghost("_of_all")
    emacs.press(TAB)
    emacs.wait("the ghost text to be taken", lambda: "_of_all" in emacs.eval("(buffer-string)"))


def test_evil_jumps_in_normal_state_and_escape_dismisses(start: Start) -> None:
    emacs = start(BEFORE, answers=[""])
    emacs.eval("(progn (require 'evil) (evil-mode 1) (evil-insert-state) t)")
    rename(emacs)
    emacs.press("\x1b")
    emacs.wait("normal state", lambda: emacs.eval("(eq evil-state 'normal)"))
    expect(emacs, FIRST)
    emacs.press(TAB)
    expect_line(emacs, 6)
    emacs.press(TAB)
    expect(emacs, SECOND)
    emacs.press("\x1b")
    emacs.wait("Evil to take the key as Escape", lambda: shown(emacs) is None)
    expect_none(emacs)


def test_off_by_a_setting_and_while_suggestions_are_off(start: Start) -> None:
    emacs = start(BEFORE, answers=[""], settings={"nextEdit": False})
    rename(emacs)
    expect_none(emacs)
    emacs.eval("(progn (setopt infill-settings '(:nextEdit t)) (infill-toggle) t)")
    emacs.type("m")
    expect_none(emacs)


def test_it_is_not_made_where_other_text_stands(start: Start) -> None:
    emacs = start(BEFORE, answers=[""])
    rename(emacs)
    expect(emacs, FIRST)
    refused = emacs.eval(
        "(progn (save-excursion (goto-char (point-min)) (forward-line 5)"
        ' (delete-region (pos-bol) (pos-eol)) (insert "    pass"))'
        " (condition-case error (progn (infill-next-edit) nil) (user-error t)))"
    )
    assert refused is True
    assert "    pass\n" in emacs.eval("(buffer-string)")


def test_crlf_and_other_scripts_before_it(start: Start) -> None:
    text = BEFORE.replace("print(", 'print("🦊 狐 é", ').replace("\n", "\r\n")
    emacs = start(text, answers=[""])
    rename(emacs)
    expect(emacs, FIRST)
    emacs.press(TAB + TAB)
    expect(emacs, SECOND)
    emacs.press(TAB + TAB)
    emacs.expect_saved(text.replace(OLD, NEW))


def answer(emacs: Emacs, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
    """Have an edit of our choice arrive, as the server sends it; its own answers have come by then."""
    emacs.settle()
    places = [{"line": line, "character": character} for line, character in (start, end)]
    edit = {"text": text, "range": {"start": places[0], "end": places[1]}}
    emacs.eval(
        "(let ((edit (json-parse-string " + json.dumps(json.dumps(edit)) + " :object-type 'plist)))"
        " (infill--edit-received"
        " (vector (append edit (list :textDocument (list :version infill--version))))"
        " infill--version) t)"
    )


def test_lines_that_are_put_in_replaced_and_taken_out(start: Start) -> None:
    emacs = start("a\nb\nc\nd", answers=[""], name="demo.txt")
    emacs.press("\x1b<")
    answer(emacs, (2, 0), (2, 0), "new\n  er\n")
    expect(emacs, {"line": 3, "lines": "new\n  er\n"})
    screen = ["a", "b", "new", "  er", "c", "d"]
    emacs.wait("the screen", lambda: emacs.text().split("\n")[:6] == screen)
    emacs.press(TAB + TAB)
    expect_text(emacs, "a\nb\nnew\n  er\nc\nd")
    expect_line(emacs, 4)
    emacs.press(UNDO)
    expect_text(emacs, "a\nb\nc\nd")
    emacs.press("\x1b<")
    answer(emacs, (1, 0), (3, 0), "one\n")
    expect(emacs, {"line": 2, "old": "b\nc\n", "lines": "one\n"})
    emacs.press(TAB + TAB)
    expect_text(emacs, "a\none\nd")
    emacs.press("\x1b<")
    answer(emacs, (2, 0), (2, 1), "")
    expect(emacs, {"line": 3, "old": "d"})
    emacs.press(TAB + TAB)
    expect_text(emacs, "a\none\n")
    emacs.press("\x1b<")
    answer(emacs, (0, 1), (1, 3), "(\n  b,\n)")
    expect(emacs, {"line": 1, "old": "\none", "new": "(\n  b,\n)"})
    emacs.press(TAB)
    expect_text(emacs, "a(\n  b,\n)\n")
