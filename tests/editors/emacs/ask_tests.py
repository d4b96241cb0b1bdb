"""Tests of instructions in a real Emacs. Run by ``tests/editors/emacs.sh``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from editors.emacs.editor import Emacs, Start

TAB, CONTROL_G, META_N, UNDO = "\t", "\x07", "\x1bn", "\x1f"
BEFORE = '''\
import os


def area(radius):
    """Return the area of a circle."""
    raise NotImplementedError


def other():
    return 1
'''
ANSWER = """\
1. Square the radius.
2. Multiply by pi.

```python
import math


def area(radius):
    squared = radius**2
    return math.pi * squared
```
"""
SECOND = "```python\ndef area(radius):\n    return 3 * radius**2\n```\n"
AFTER = BEFORE.replace("import os\n", "import os\nimport math\n").replace(
    "    raise NotImplementedError", "    squared = radius**2\n    return math.pi * squared"
)
WRITES = "infill-ls is writing (C-g stops it)"
HINT = "TAB applies it, M-n asks again, C-g discards it"
SETTINGS = {"instructModel": "/nowhere/some-instruct.gguf"}


def ready(
    start: Start, *instruct: str, text: str = BEFORE, gate: Path | None = None, **more: Any
) -> Emacs:
    """Start Emacs; with a ``gate``, the model goes on by a line for each byte written to that file."""
    script = {"instruct": list(instruct), "instruct_gate": str(gate or "")}
    return start(text, answers=[""], **{"settings": SETTINGS, **more}, script=script)


def at(emacs: Emacs, line: int, command: str) -> None:
    emacs.eval(f"(progn (goto-char (point-min)) (forward-line {line - 1}) t)")
    emacs.press(f"\x1bx{command}\r")


def drawn(emacs: Emacs) -> tuple[list[str], list[str]]:
    """Return the lines that are shown below others, and the text that is struck."""
    found = emacs.eval(
        "(vconcat (mapcar (lambda (o) (vector (overlay-start o)"
        " (buffer-substring-no-properties (overlay-start o) (overlay-end o))"
        ' (substring-no-properties (or (overlay-get o \'after-string) ""))))'
        " (sort (copy-sequence infill--ask-overlays)"
        "  (lambda (a b) (< (overlay-start a) (overlay-start b))))))"
    )
    below = [line for _, _, text in found or [] for line in text.split("\n")[1:]]
    return below, [old for _, old, _ in found or [] if old]


def expect(emacs: Emacs, *lines: str) -> list[str]:
    """Wait for these lines; return what is struck."""

    def is_there() -> bool:
        return drawn(emacs)[0][: len(lines)] == list(lines)

    emacs.wait(f"the lines {lines}", is_there)
    assert emacs.eval("infill-ask-mode"), "its keys are there"
    return drawn(emacs)[1]


def expect_nothing(emacs: Emacs) -> None:
    emacs.wait("nothing to be shown", lambda: drawn(emacs) == ([], []))
    assert not emacs.eval("infill-ask-mode"), "keys keep their meaning"


def expect_text(emacs: Emacs, expected: str) -> None:
    emacs.wait(f"the text {expected!r}", lambda: emacs.eval("(buffer-string)") == expected)


def expect_message(emacs: Emacs, words: str) -> None:
    emacs.wait(
        f"the message {words}",
        lambda: words in emacs.eval('(with-current-buffer "*Messages*" (buffer-string))'),
    )


def test_a_function_is_written_shown_taken_and_undone_in_one_step(start: Start) -> None:
    emacs = ready(start, ANSWER)
    at(emacs, 4, "infill-implement")
    old = expect(
        emacs, "import math", "    squared = radius**2", "    return math.pi * squared", HINT
    )
    assert old == ["\n    raise NotImplementedError"]
    emacs.wait("the screen", lambda: "    squared = radius**2\n" in emacs.text())
    assert emacs.eval("(buffer-string)") == BEFORE
    emacs.press(TAB)
    expect_text(emacs, AFTER)
    expect_nothing(emacs)
    emacs.press(UNDO)
    expect_text(emacs, BEFORE)
    emacs.press("\x1bxundo-redo\r")
    expect_text(emacs, AFTER)
    emacs.expect_saved(AFTER)


def test_the_outline_is_seen_as_it_grows_and_the_model_is_stopped(
    start: Start, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    emacs = ready(start, ANSWER, gate=gate)
    for attempt in range(2):  # the server is free for the next one
        at(emacs, 4, "infill-implement")
        expect(emacs, WRITES, "1. Square the radius.")
        if attempt == 0:
            gate.write_text("x")
            expect(emacs, WRITES, "1. Square the radius.", "2. Multiply by pi.")
            assert emacs.eval("(condition-case nil (progn (infill-take) nil) (user-error t))")
            gate.unlink()
        emacs.press(CONTROL_G)
        expect_nothing(emacs)
    assert emacs.eval("(buffer-string)") == BEFORE


def test_again_and_dropped(start: Start) -> None:
    emacs = ready(start, ANSWER, SECOND)
    at(emacs, 4, "infill-implement")
    expect(emacs, "import math")
    emacs.press(META_N)
    expect(emacs, "    return 3 * radius**2", HINT)
    emacs.press(CONTROL_G)
    expect_nothing(emacs)
    assert emacs.eval("(buffer-string)") == BEFORE


def test_it_moves_with_the_text_and_is_not_made_where_other_text_stands(start: Start) -> None:
    emacs = ready(start, ANSWER)
    at(emacs, 4, "infill-implement")
    expect(emacs, "import math")
    emacs.eval('(progn (goto-char (point-min)) (insert "# new\\n") t)')
    emacs.press(TAB)
    expect_text(emacs, "# new\n" + AFTER)
    emacs.press(UNDO)
    expect_text(emacs, "# new\n" + BEFORE)
    at(emacs, 5, "infill-implement")
    expect(emacs, "import math")
    emacs.eval(
        '(progn (goto-char (point-min)) (search-forward "raise") (replace-match "return") t)'
    )
    emacs.press(TAB)
    expect_message(emacs, "the text there has changed")
    assert "    return NotImplementedError" in emacs.eval("(buffer-string)")
    expect_nothing(emacs)


def test_the_region_is_rewritten_as_said(start: Start) -> None:
    emacs = ready(start, "```python\nreturn 2\n```\n")
    emacs.eval(
        "(progn (goto-char (point-min)) (forward-line 9) (transient-mark-mode 1)"
        " (push-mark (point) t t) (goto-char (pos-eol)) t)"
    )
    emacs.press("\x1bxinfill-rewrite\r")
    emacs.wait("the question", lambda: "How to rewrite the code" in emacs.text())
    emacs.press("twice of it\r")
    assert expect(emacs, "    return 2", HINT) == ["return 1"]
    emacs.press(TAB)
    emacs.expect_saved(BEFORE.replace("return 1", "return 2"))


def test_no_instruction_is_typed_for_nothing(start: Start) -> None:
    emacs = ready(start, settings={})
    at(emacs, 6, "infill-rewrite")
    expect_message(emacs, "needs an instruct model")
    assert emacs.eval("(minibuffer-depth)") == 0


def test_tests_go_to_their_file(start: Start) -> None:
    tests = "from demo import other\n\n\ndef test_other():\n    assert other() == 1"
    emacs = ready(start, f"```python\n{tests}\n```\n")
    at(emacs, 9, "infill-write-tests")
    emacs.wait("the tests", lambda: "def test_other():" in drawn(emacs)[0])
    emacs.press(TAB)
    emacs.wait(
        "the file",
        lambda: (
            emacs.eval(
                '(when-let* ((b (get-buffer "test_demo.py"))) (with-current-buffer b (buffer-string)))'
            )
            == f"{tests}\n"
        ),
    )


def test_words_are_shown_beside_the_text(start: Start) -> None:
    emacs = ready(start, "It returns one.")
    at(emacs, 9, "infill-describe")
    emacs.wait("the words", lambda: "It returns one." in emacs.text())
    expect_nothing(emacs)


def test_crlf_and_other_scripts_before_it(start: Start) -> None:
    text = BEFORE.replace("area of a circle", "🦊 狐 é").replace("\n", "\r\n")
    emacs = ready(start, SECOND, text=text)
    at(emacs, 4, "infill-implement")
    expect(emacs, "    return 3 * radius**2", HINT)
    emacs.press(TAB)
    emacs.expect_saved(text.replace("raise NotImplementedError", "return 3 * radius**2"))


def test_without_a_model_that_is_said(start: Start) -> None:
    emacs = ready(start, ANSWER, settings={})
    at(emacs, 9, "infill-document")
    expect_message(emacs, "needs an instruct model")
    expect_nothing(emacs)
