"""Tests of infill.el in a real Emacs. Run by ``tests/editors/emacs.sh``."""

from __future__ import annotations

import json
import subprocess
import time
from functools import partial
from pathlib import Path

import psutil

from editors.emacs.editor import READY, Emacs, Start

TAB, CONTROL_E = "\t", "\x05"
META_F, META_N, META_P = "\x1bf", "\x1bn", "\x1bp"
ADD = "def add(a, b):\n"
BODY = "total = a + b\n    return total"


def test_ghost_text_is_shown_and_tab_inserts_it(start: Start) -> None:
    emacs = start(ADD, answers=[BODY])
    emacs.type("    ")
    emacs.expect_ghost(BODY)
    emacs.wait("the screen", lambda: "    return total" in "\n".join(emacs.screen.display))
    assert emacs.eval("(buffer-string)") == ADD + "    ", "the ghost text is not in the buffer"
    assert emacs.screen.cursor.x == 4, "the cursor stays before the ghost text"
    emacs.press(TAB)
    emacs.expect_saved(ADD + "    " + BODY + "\n")


def test_tab_indents_if_nothing_is_suggested(start: Start) -> None:
    emacs = start(ADD, answers=[""])
    emacs.press(TAB)
    emacs.wait("the indentation", lambda: emacs.eval("(buffer-string)") == ADD + "    ")


def test_words_and_lines_are_accepted_one_by_one(start: Start) -> None:
    emacs = start(ADD, answers=[BODY])
    emacs.type("    ")
    emacs.expect_ghost(BODY)
    emacs.press(META_F)
    emacs.expect_ghost(" = a + b\n    return total")
    emacs.press(CONTROL_E)
    emacs.expect_ghost("\n    return total")
    emacs.press(CONTROL_E)
    emacs.expect_saved(ADD + "    " + BODY + "\n")


def test_typing_along_does_not_flicker(start: Start) -> None:
    emacs = start(ADD, answers=["return a + b"])
    emacs.type("    ")
    emacs.expect_ghost("return a + b")
    emacs.wait("the screen", lambda: emacs.screen.display[1].rstrip() == "    return a + b")
    seen = emacs.watch(1)

    def reaches(column: int) -> bool:
        return bool(emacs.screen.cursor.x == column)

    for column, key in enumerate("return", 5):
        emacs.press(key)
        emacs.wait("the key to be drawn", partial(reaches, column))
    emacs.expect_ghost(" a + b")
    assert len(seen) >= len("return"), "every key draws"
    assert set(seen) == {"    return a + b"}, "typed or ghost, the line reads the same all the time"
    emacs.press(TAB)
    emacs.expect_saved(ADD + "    return a + b\n")


def test_a_missing_server_is_told_of_once(start: Start) -> None:
    emacs = start(
        "x =",
        start='(progn (setq infill-command \'("infill-ls-nowhere")) (infill-mode 1)'
        ' (with-current-buffer "*Warnings*" (rename-buffer "told")) (infill-mode 1))',
    )
    assert "pipx install" in emacs.eval('(with-current-buffer "told" (buffer-string))')
    assert emacs.eval('(get-buffer "*Warnings*")') is None, "once is enough"
    assert emacs.eval("infill-mode") is None
    emacs.type(" 1")
    emacs.expect_saved("x = 1\n")


def test_a_server_that_ends_at_once_is_left_alone(start: Start) -> None:
    emacs = start("x =", start='(progn (setq infill-command \'("false")) (infill-mode 1))')
    told = '(with-current-buffer "*Messages*" (how-many "ended while it started" (point-min)))'
    emacs.wait("the message", lambda: emacs.eval(told) == 1)
    for char in " 1":
        emacs.type(char)
        emacs.look(0.3)
    assert emacs.eval(told) == 1, "it is not started again by typing"
    emacs.expect_saved("x = 1\n")


def test_typing_something_else_takes_it_away(start: Start) -> None:
    emacs = start("x =", answers={"x = ": "one", "x = z": "two"})
    emacs.type(" ")
    emacs.expect_ghost("one")
    emacs.type("z")
    emacs.expect_ghost("two")


def test_text_that_something_else_is_typed_into_goes_at_that_key(start: Start) -> None:
    emacs = start("return apply", answers={"apply": "_discount off"}, name="demo.txt")
    emacs.press("\x1bxinfill-complete\r")
    emacs.expect_ghost("_discount off")
    emacs.press("_dx" + TAB)
    emacs.wait("the text", lambda: "_dx" in emacs.eval("(buffer-string)"))
    assert emacs.ghost() is None
    assert "_discount" not in emacs.eval("(buffer-string)"), "TAB is TAB again"


def buffer_is(emacs: Emacs, expected: str) -> None:
    emacs.wait(f"the text {expected!r}", lambda: emacs.eval("(buffer-string)") == expected)


def test_accepting_takes_the_place_of_the_brackets_right_of_point(start: Start) -> None:
    emacs = start("if f(g(", answers=["x), y) is not None:"])
    emacs.eval('(progn (save-excursion (insert "))")) (infill-complete) t)')
    emacs.expect_ghost("x), y) is not None:")
    row = "if f(g(x), y) is not None:"
    emacs.wait("the screen", lambda: emacs.screen.display[0].rstrip() == row)
    assert emacs.screen.cursor.x == len("if f(g("), "the cursor stays before the ghost text"
    emacs.press(META_F)
    buffer_is(emacs, "if f(g(x))")
    emacs.expect_ghost("), y) is not None:")
    emacs.press(META_F)
    buffer_is(emacs, "if f(g(x),)")
    emacs.expect_ghost(" y) is not None:")
    emacs.press(META_F)
    buffer_is(emacs, "if f(g(x), y)")
    emacs.press(CONTROL_E)
    emacs.expect_saved("if f(g(x), y) is not None:\n")


CLOSERS = Path(__file__).parents[1] / "closers.json"


def test_where_a_text_closes_what_stands_right_of_point(start: Start) -> None:
    emacs = start("x", start="t")
    for case in json.loads(CLOSERS.read_text("utf-8")):
        arguments = f"{json.dumps(case['rest'])} {json.dumps(case['closers'])}"
        places = emacs.eval(f"(infill--places {arguments})") or []
        expected = case["places"] or []
        assert places == expected, case


def test_eglot_runs_it_in_all_modes_unless_told_otherwise(start: Start) -> None:
    emacs = start("x", start="t")
    is_ours = '(string-suffix-p "infill-ls" (cadar {}))'
    emacs.eval("(progn (require 'eglot) (infill-setup-eglot nil t) t)")
    assert emacs.eval(is_ours.format("(last eglot-server-programs)"))
    emacs.eval("(progn (setq eglot-server-programs (butlast eglot-server-programs)) t)")
    emacs.eval("(progn (infill-setup-eglot) t)")
    assert emacs.eval(is_ours.format("eglot-server-programs")), "before pylsp in Python"


def test_typing_along_with_electric_pair_mode(start: Start) -> None:
    emacs = start("while", answers=["len(lines) > 0:"])
    emacs.eval("(progn (electric-pair-mode 1) t)")
    emacs.type(" ")
    emacs.expect_ghost("len(lines) > 0:")
    row = "while len(lines) > 0:"
    emacs.wait("the screen", lambda: emacs.screen.display[0].rstrip() == row)
    seen = emacs.watch(0)
    emacs.type("len(")
    buffer_is(emacs, "while len()")
    assert emacs.ghost() == "lines) > 0:"
    emacs.type("lines)")
    buffer_is(emacs, "while len(lines)")
    assert emacs.ghost() == " > 0:"
    emacs.wait("the cursor", lambda: emacs.screen.cursor.x == len("while len(lines)"))
    assert set(seen) == {row}, "the line reads the same all the time"
    emacs.press(TAB)
    emacs.expect_saved("while len(lines) > 0:\n")


def test_between_the_brackets_of_electric_pair_mode(start: Start) -> None:
    emacs = start("while len", answers=["lines) > 0:"])
    emacs.eval("(progn (electric-pair-mode 1) t)")
    emacs.type("(")
    emacs.expect_ghost("lines) > 0:")
    emacs.press(TAB)
    emacs.expect_saved("while len(lines) > 0:\n")


def test_a_macro_inserts_what_was_accepted_while_it_was_defined(start: Start) -> None:
    emacs = start("y = max\nx = max", answers={"x = max(": "a, b) + c"})
    emacs.eval("(progn (electric-pair-mode 1) t)")
    emacs.press("\x18(")
    emacs.type("(")
    emacs.expect_ghost("a, b) + c")
    emacs.press(META_F)
    emacs.expect_ghost(", b) + c")
    emacs.press(TAB)
    buffer_is(emacs, "y = max\nx = max(a, b) + c")
    emacs.type(" + 1")
    emacs.press("\x18)")
    emacs.press("\x10\x05")  # to the end of the line above
    emacs.press("\x18e")
    emacs.expect_saved("y = max(a, b) + c + 1\nx = max(a, b) + c + 1\n")


def test_moving_away_takes_it_away(start: Start) -> None:
    emacs = start("y = 1\nx =", answers=["one"])
    emacs.type(" ")
    emacs.expect_ghost("one")
    emacs.press("\x10")
    emacs.expect_no_ghost()


def test_nothing_in_the_middle_of_a_line_unless_asked_for(start: Start) -> None:
    emacs = start("total = price", answers=[" unit"])
    emacs.press("\x01\x1bf")
    emacs.type("s")
    emacs.expect_no_ghost()
    emacs.press("\x1bxinfill-complete\r")
    emacs.expect_ghost(" unit")
    emacs.press(TAB)
    emacs.expect_saved("totals unit = price\n")


def test_candidates(start: Start) -> None:
    emacs = start("x =", answers=["one", "two", "three"])
    emacs.type(" ")
    emacs.expect_ghost("one")
    emacs.press(META_N)
    emacs.expect_ghost("two")
    emacs.press(META_N)
    emacs.expect_ghost("three")
    emacs.press(META_P)
    emacs.expect_ghost("two")
    emacs.dismiss()
    emacs.expect_no_ghost()


def test_it_is_said_that_there_is_no_other_candidate(start: Start) -> None:
    emacs = start("x =", answers=["one", "one", "one"])
    emacs.type(" ")
    emacs.expect_ghost("one")
    emacs.press(META_N)
    emacs.wait("the message", lambda: "no other suggestion here" in emacs.text())
    emacs.expect_ghost("one")


def test_the_whole_is_shown_to_whoever_stops_typing_after_its_beginning(
    start: Start, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    gate.write_text("xx")  # three words
    script = {"tells_words": True, "gate": str(gate)}
    emacs = start("", answers=["one, two, three, four"], script=script)

    def begins() -> bool:
        return "one, two, three,".startswith(emacs.ghost() or "-")

    # A beginning is shown to whoever types without a pause. A busy machine may take the last key so late that it was one.
    for burst in ["all = ", *15 * ["a + "]]:
        for key in burst:
            emacs.press(key)
            emacs.look(0.1)
        ends = time.monotonic() + 2
        while time.monotonic() < ends and not begins():
            emacs.look(0.05)
        if begins():
            break
    emacs.wait("its beginning", begins)
    gate.write_text("xxxx")
    emacs.expect_ghost("one, two, three, four")


def test_crlf_line_ends_stay(start: Start) -> None:
    emacs = start("def add(a, b):\r\n", answers=["first\n    second"])
    emacs.type("    ")
    emacs.expect_ghost("first\n    second")
    emacs.press(TAB)
    emacs.expect_saved("def add(a, b):\r\n    first\r\n    second\r\n")


def test_emoji_and_cjk_before_the_cursor(start: Start) -> None:
    emacs = start('print("🦊 狐 é",', answers=['"狸 🦝", end)'])
    emacs.type(" ")
    emacs.expect_ghost('"狸 🦝", end)')
    emacs.press(META_F + META_F)
    emacs.expect_ghost(' 🦝", end)')
    emacs.press(TAB)
    emacs.expect_saved('print("🦊 狐 é", "狸 🦝", end)\n')


def configure(emacs: Emacs, settings: str, *, inactive: bool) -> None:
    """Set the option as a user does, and wait until the server has it."""
    emacs.eval(f"(progn (setopt infill-settings '{settings}) t)")
    status = '(equal (plist-get (infill--status infill--opened) :kind) "Inactive")'
    emacs.wait("the status", lambda: bool(emacs.eval(status)) == inactive)


def test_settings_are_used_at_once(start: Start) -> None:
    emacs = start("x =", answers=["one"])
    configure(emacs, "(:enabled :json-false)", inactive=True)
    emacs.type(" ")
    emacs.expect_no_ghost()
    configure(emacs, "(:enabled t)", inactive=False)
    emacs.type(" ")
    emacs.expect_ghost("one")


def test_settings_set_by_setq_are_used_at_the_next_key(start: Start) -> None:
    emacs = start("x =", answers=["one"])
    emacs.eval("(progn (setq infill-settings '(:enabled :json-false)) t)")
    emacs.type(" ")
    status = '(equal (plist-get (infill--status infill--opened) :kind) "Inactive")'
    emacs.wait("the status", lambda: emacs.eval(status))
    emacs.expect_no_ghost()
    emacs.eval("(progn (setq infill-settings nil) t)")
    emacs.type(" ")
    emacs.wait("the status", lambda: not emacs.eval(status))
    emacs.type(" ")
    emacs.expect_ghost("one")


def test_wrong_settings_are_one_message_with_a_way_to_them(start: Start) -> None:
    wrong = {"maxLines": 0, "minProbability": "high", "maxTokenz": 5}
    emacs = start("x =", answers=["one"], settings=wrong)
    emacs.wait("the warning", lambda: "3 settings are wrong (change" in emacs.text())
    told = emacs.eval('(with-current-buffer "*Warnings*" (buffer-string))')
    assert told.count("Warning (infill)") == 1
    for part in ("  maxLines must be at least 1", "  minProbability must be", "'maxTokenz'"):
        assert part in told
    emacs.type(" ")
    emacs.expect_ghost("one")
    emacs.eval(
        '(with-current-buffer "*Warnings*" (goto-char (point-min)) (search-forward "change `infill-settings")'
        " (push-button (match-beginning 0)) t)"
    )
    emacs.wait("the option", lambda: "Infill Settings" in emacs.text())
    # The server of another workspace says the same.
    beside = emacs.workspace.parent / "beside"
    (beside / ".git").mkdir(parents=True)
    emacs.eval(f'(progn (find-file "{beside}/a.py") (infill-mode 1) t)')
    emacs.wait("another server", lambda: emacs.eval(READY))
    emacs.type("x ")
    emacs.settle()
    again = '(with-current-buffer "*Warnings*" (how-many "Warning (infill)" (point-min)))'
    assert emacs.eval("(hash-table-count infill--connections)") == 2
    assert emacs.eval(again) == 1
    # What is wrong already is not told of again.
    emacs.eval(
        f'(progn (find-file "{emacs.file}") (setopt infill-settings \'(:maxLines 0 :top 1)) t)'
    )
    emacs.wait("another warning", lambda: emacs.eval(again) == 2)
    told = emacs.eval('(with-current-buffer "*Warnings*" (buffer-string))')
    assert "or your init file):\n  there is no option 'top'" in told


def test_a_folder_is_asked_about_before_it_names_the_server(start: Start) -> None:
    """Emacs asks each time about what ``.dir-locals.el`` sets, and takes no "always" for what may run a program."""
    emacs = start("x", start="t")
    assert emacs.eval("(and (risky-local-variable-p 'infill-command) t)")
    assert not emacs.eval("(safe-local-variable-p 'infill-settings '(:model \"/nowhere/a.gguf\"))")


def test_scratch_starts_no_server_on_the_home_folder(start: Start) -> None:
    emacs = start(
        "x =",
        answers=["one"],
        start='(progn (switch-to-buffer "*scratch*") (setq default-directory "~/")'
        " (erase-buffer) (infill-mode 1))",
    )
    running = "(hash-table-count infill--connections)"
    assert emacs.eval(running) == 0
    emacs.type("(")
    emacs.wait("a server", lambda: emacs.eval(running) == 1)
    emacs.wait("the server", lambda: emacs.eval(READY))
    assert emacs.eval("(infill--workspace)") is None
    assert emacs.eval("(plist-get (infill--initialize-params nil) :workspaceFolders)") is None
    emacs.type("a")
    emacs.expect_ghost("one")
    emacs.eval('(progn (find-file "~/notes.py") (infill-mode 1))')
    assert emacs.eval(running) == 1, "a file in the home folder does not have it read either"


def test_a_read_only_buffer_is_left_alone(start: Start) -> None:
    emacs = start("x = ", answers=["one"])
    emacs.eval("(progn (read-only-mode 1) t)")
    emacs.press("\x1bxinfill-complete\r")
    emacs.wait("the refusal", lambda: "Buffer is read-only" in emacs.text())
    emacs.expect_no_ghost()


def test_the_key_of_the_next_suggestion_asks_for_one(start: Start) -> None:
    emacs = start("x = ", answers=["one", "two"])
    emacs.press(META_N)
    emacs.expect_ghost("one")
    emacs.dismiss()
    emacs.eval('(progn (local-set-key (kbd "M-n") \'beginning-of-line) t)')
    emacs.press(META_N)
    emacs.wait("the key to keep its meaning", lambda: emacs.eval("(point)") == 1)


def test_evil_in_normal_state_has_no_ghost_text(start: Start) -> None:
    emacs = start("", answers=["one"])
    emacs.eval("(progn (require 'evil) (evil-mode 1) (evil-insert-state) t)")
    emacs.type(" ")
    emacs.expect_ghost("one")
    emacs.press("\x7f")
    emacs.eval("(progn (infill-complete) t)")
    emacs.expect_ghost("one")
    assert emacs.eval("(point)") == 1, "where leaving the state does not move point"
    emacs.press("\x1b")
    emacs.wait("normal state", lambda: emacs.eval("(eq evil-state 'normal)"))
    emacs.wait("the ghost text to go", lambda: emacs.ghost() is None)
    emacs.press("i")
    emacs.type(" x")
    emacs.press("\x1b")
    emacs.wait("normal state", lambda: emacs.eval("(eq evil-state 'normal)"))
    emacs.press("x")
    emacs.expect_no_ghost()


def test_evil_repeats_what_was_accepted(start: Start) -> None:
    answers = {"x = max(": "a, b) + c", "y = max(": "something else"}
    emacs = start("x = max\ny = max", answers=answers)
    emacs.eval(
        "(progn (require 'evil) (evil-mode 1) (electric-pair-mode 1) (infill-mode 1)"
        " (goto-char (point-min)) t)"
    )
    emacs.press("A(")
    emacs.expect_ghost("a, b) + c")
    emacs.press(META_F)
    emacs.expect_ghost(", b) + c")
    emacs.press(TAB)
    buffer_is(emacs, "x = max(a, b) + c\ny = max")
    emacs.type("0")
    emacs.press("\x1b")
    emacs.wait("normal state", lambda: emacs.eval("(eq evil-state 'normal)"))
    emacs.press("j.")
    buffer_is(emacs, "x = max(a, b) + c0\ny = max(a, b) + c0")


COMPANY = (
    "(progn (require 'company) (setq company-idle-delay nil company-backends"
    " '((lambda (command &rest _) (pcase command"
    ' (\'prefix "pri") (\'candidates \'("price" "print"))))))'
    " (company-mode 1) t)"
)


def test_the_menu_of_company_comes_before_the_ghost_text(start: Start) -> None:
    emacs = start("pr", answers=["ce_total"])
    emacs.eval(COMPANY)
    emacs.type("i")
    emacs.expect_ghost("ce_total")
    emacs.press("\x1bxcompany-complete\r")
    emacs.wait("the menu", lambda: emacs.eval("(and company-candidates t)"))
    emacs.wait("the ghost text to go", lambda: emacs.ghost() is None)
    emacs.eval("(progn (company-abort) t)")
    emacs.expect_ghost("ce_total")
    emacs.press("\x1bxcompany-complete\r")
    emacs.wait("the menu", lambda: emacs.eval("(and company-candidates t)"))
    emacs.press("\r")
    buffer_is(emacs, "price")


def test_the_menu_of_emacs_comes_before_the_ghost_text(start: Start) -> None:
    emacs = start("pr", answers=["ce_total"])
    emacs.eval(
        "(progn (setq completion-auto-help 'always) (add-hook 'completion-at-point-functions"
        ' (lambda () (list (pos-bol) (point) \'("price" "prize"))) -90 t) t)'
    )
    emacs.type("i")
    emacs.expect_ghost("ce_total")
    emacs.press("\x1bxcompletion-at-point\r")
    emacs.wait("the menu", lambda: emacs.eval("completion-in-region-mode"))
    emacs.wait("the ghost text to go", lambda: emacs.ghost() is None)
    emacs.eval("(progn (completion-in-region-mode -1) t)")
    emacs.expect_ghost("ce_total")


def with_corfu(emacs: Emacs, settings: str) -> None:
    """Switch Corfu on, in the terminal, with two words to complete."""
    emacs.eval(
        f"(progn (setq {settings}) (require 'corfu-terminal) (corfu-terminal-mode 1)"
        " (add-hook 'completion-at-point-functions"
        ' (lambda () (list (pos-bol) (point) \'("price" "prize"))) -90 t) (corfu-mode 1) t)'
    )


CORFU_IS_OPEN = "(and completion-in-region-mode (> corfu--total 0))"


def test_ghost_text_comes_before_the_menu_of_corfu_which_has_its_keys(start: Start) -> None:
    """As the docs have it: ``corfu-auto`` is nil, and the menu is opened by its key."""
    emacs = start("pr", answers=["ce_total"])
    with_corfu(emacs, "corfu-auto nil")
    emacs.type("i")
    emacs.expect_ghost("ce_total")
    emacs.press("\x1bxcompletion-at-point\r")
    emacs.wait("the menu", lambda: emacs.eval(CORFU_IS_OPEN))
    emacs.wait("the menu on the screen", lambda: "prize" in emacs.text())
    assert emacs.ghost() is None
    assert "ce_total" not in emacs.text(), "they do not overlap"
    assert emacs.eval('(key-binding (kbd "TAB"))') == "corfu-complete"
    assert emacs.eval('(key-binding (kbd "M-n"))') == "corfu-next"
    emacs.press(META_N)
    emacs.press(TAB)
    buffer_is(emacs, "prize")
    emacs.wait("the menu to close", lambda: not emacs.eval("completion-in-region-mode"))
    emacs.type("s")
    emacs.expect_ghost("ce_total")
    assert emacs.eval('(key-binding (kbd "TAB"))') == "infill-accept"
    emacs.press(TAB)
    buffer_is(emacs, "prizesce_total")


def test_with_corfu_auto_ghost_text_comes_when_the_menu_closes(start: Start) -> None:
    emacs = start("", answers=["ce_total"])
    with_corfu(emacs, "corfu-auto t corfu-auto-prefix 3 corfu-auto-delay 0.2")
    emacs.type("pri")
    emacs.wait("the menu", lambda: emacs.eval(CORFU_IS_OPEN))
    emacs.wait("the menu on the screen", lambda: "prize" in emacs.text())
    emacs.expect_no_ghost()
    assert "ce_total" not in emacs.text()

    def is_closed() -> bool:
        if not emacs.eval("completion-in-region-mode"):
            return True
        emacs.press("\x07")  # no key while Emacs runs Lisp
        emacs.look(0.3)
        return False

    emacs.wait("the menu to close", is_closed)
    emacs.expect_ghost("ce_total")
    emacs.press(TAB)
    buffer_is(emacs, "price_total")


def test_the_message_of_a_commit(start: Start, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    emacs = start(
        "",
        answers=["Say what changes"],
        script={"prompts_file": str(prompts)},
        name=".git/COMMIT_EDITMSG",
    )
    emacs.workspace.joinpath("orders.py").write_text("def paid(order):\n")
    for arguments in (("init", "-q"), ("add", "orders.py")):
        subprocess.run(["git", *arguments], cwd=emacs.workspace, check=True)
    assert emacs.eval("(list (infill--language) (infill--root infill--opened))") == [
        "git-commit",
        f"{emacs.workspace}/",
    ]
    emacs.press("\x1bxinfill-complete\r")
    emacs.expect_ghost("Say what changes")
    assert "def paid(order):" in prompts.read_text("utf-8"), "what is staged is in the prompt"
    emacs.press(TAB)
    buffer_is(emacs, "Say what changes")
    emacs.eval(
        "(progn (require 'log-edit) (require 'vc-git) (vc-git-log-edit-mode) (setq said (infill--language)) (text-mode) t)"
    )
    assert emacs.eval("said") == "git-commit"


def test_the_message_of_a_commit_with_vc(start: Start, tmp_path: Path) -> None:
    """VC commits files as they are on disk, whatever is staged."""
    prompts = tmp_path / "prompts.json"
    emacs = start(
        "total = 0\n",
        answers=["Count refunds"],
        script={"prompts_file": str(prompts)},
        start="t",
        name="orders.py",
    )
    emacs.workspace.joinpath("staged.py").write_text("staged = 1\n")
    for arguments in (("init", "-q"), ("add", "orders.py", "staged.py")):
        subprocess.run(["git", *arguments], cwd=emacs.workspace, check=True)
    emacs.file.write_text("total = 0\nrefunds_of_today = 0\n")
    emacs.eval(
        "(progn (add-hook 'vc-git-log-edit-mode-hook #'infill-mode) (revert-buffer t t t)"
        " (vc-refresh-state) (vc-next-action nil) t)"
    )
    emacs.wait("VC's buffer", lambda: emacs.eval("(derived-mode-p 'vc-git-log-edit-mode)"))
    emacs.type("A")
    emacs.wait("the server", lambda: emacs.eval(READY))
    emacs.press("\x1bxinfill-complete\r")
    emacs.expect_ghost("Count refunds")
    prompt = prompts.read_text("utf-8")
    assert "# +refunds_of_today = 0" in prompt
    assert "staged = 1" not in prompt
    emacs.press(TAB)
    emacs.wait("the message", lambda: "ACount refunds" in emacs.eval("(buffer-string)"))


def test_saving_has_the_server_look_at_the_disk(start: Start) -> None:
    emacs = start("x =", answers=["one"])
    emacs.eval(
        "(progn (setq told nil) (advice-add 'jsonrpc-notify :before"
        " (lambda (_ method _) (push (symbol-name method) told))) t)"
    )
    emacs.type(" 1")
    emacs.expect_saved("x = 1\n")
    assert ":textDocument/didSave" in emacs.eval("(vconcat told)")


def test_a_file_that_another_program_changes_is_read_again(start: Start, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    emacs = start(
        "from refunds import refund_order\n\nrefund_order(",
        answers=[""],
        files={"refunds.py": "def refund_order(wallet, amount_in_cents):\n    pass\n"},
        script={"prompts_file": str(prompts)},
    )

    def was_prompted(text: str) -> bool:
        return prompts.exists() and text in prompts.read_text("utf-8")

    def type_until_prompted(text: str) -> None:
        """The server looks at the disk when it is asked, every ten seconds."""

        def type_on() -> bool:
            emacs.type("x")
            emacs.settle()
            return was_prompted(text)

        emacs.wait(f"a prompt with {text}", type_on)

    type_until_prompted("amount_in_cents")
    assert not was_prompted("amount_in_zlotys")
    changed = "def refund_order(wallet, amount_in_zlotys):\n    pass\n"
    emacs.workspace.joinpath("refunds.py").write_text(changed)
    type_until_prompted("amount_in_zlotys")


def test_a_model_that_cannot_be_used_is_named(start: Start) -> None:
    emacs = start("x =", settings={"model": "/nowhere/a.gguf"})
    lighter = "(format-mode-line '(:eval (infill--lighter)))"
    emacs.wait("the mode line to warn", lambda: emacs.eval(lighter) == " Infill!")
    told = '(with-current-buffer "*Messages*" (how-many "/nowhere/a.gguf" (point-min)))'
    emacs.wait("the message", lambda: emacs.eval(told) > 0)
    assert emacs.eval(told) == 1, "once is enough"
    assert "/nowhere/a.gguf" in emacs.eval("(plist-get (infill--status infill--opened) :message)")


def test_the_status_tells_that_the_model_is_thinking(start: Start) -> None:
    emacs = start("x =", answers=["one"], delay_ms=1500)
    # All that is told is kept: whoever looks now and then may look too late.
    emacs.eval(
        "(progn (setq told nil) (advice-add 'infill--notified :after (lambda (_ method params)"
        " (when (eq method 'didChangeStatus) (push (concat (plist-get params :state)"
        " (with-current-buffer (infill-test-buffer) (format-mode-line '(:eval (infill--lighter)))))"
        " told)))) t)"
    )
    emacs.type(" ")
    emacs.expect_ghost("one")

    def has_thought() -> bool:
        # Newest first. The server tells of other things meanwhile: that it has indexed a file, say.
        told = emacs.eval("told")
        return "thinking Infill…" in told and told[0] == "ready Infill"

    emacs.wait("the states", has_thought)


def test_the_log_is_shown(start: Start) -> None:
    emacs = start("x =", answers=["one"])
    log = '" *infill-ls stderr*"'
    assert emacs.eval(f"(get-buffer-window {log})") is None
    emacs.press("\x1bxinfill-show-log\r")
    emacs.wait("the log's window", lambda: emacs.eval(f"(and (get-buffer-window {log}) t)"))
    emacs.wait("it on the screen", lambda: "*infill-ls stderr*" in emacs.text())
    assert emacs.eval(f"(buffer-local-value 'buffer-read-only (get-buffer {log}))")
    emacs.eval(f"(with-current-buffer {log} (let ((inhibit-read-only t)) (erase-buffer)) t)")
    emacs.press("\x1bxinfill-show-log\r")
    emacs.wait("to be told", lambda: "infill-ls has logged nothing" in emacs.text())


def test_the_mode_line_tells_how_much_of_the_model_is_loaded(start: Start) -> None:
    emacs = start("x", answers=[""])
    # At once: the server has a status of its own to tell.
    shown = emacs.eval(
        "(progn (infill--notified infill--opened 'didChangeStatus"
        ' \'(:message "Loading the model" :busy t :percent 40))'
        " (format-mode-line '(:eval (infill--lighter))))"
    )
    assert shown == " Infill 40%"


def test_explanation(start: Start) -> None:
    emacs = start("x =", answers=["one"])
    emacs.type(" ")
    emacs.expect_ghost("one")
    emacs.press("\x1bxinfill-explain\r")
    emacs.wait(
        "the explanation",
        lambda: emacs.eval(
            '(and (get-buffer "*infill explanation*")'
            ' (with-current-buffer "*infill explanation*"'
            ' (string-search "one" (buffer-string)) t))'
        ),
    )


SELECTED = "(buffer-name (window-buffer (selected-window)))"


def test_reports_are_shown_as_help_is(start: Start) -> None:
    emacs = start("x =", answers=["one"])
    emacs.type(" ")
    emacs.expect_ghost("one")
    emacs.press("\x1bxinfill-explain\r")
    emacs.wait("how to be rid of it", lambda: "to delete the help window" in emacs.text())
    assert emacs.eval(SELECTED) == "demo.py"
    emacs.press("\x181")
    emacs.eval("(setq help-window-select t)")
    for command, report in (
        ("explain", "*infill explanation*"),
        ("statistics", "*infill statistics*"),
        ("show-log", " *infill-ls stderr*"),
    ):
        emacs.press(f"\x1bxinfill-{command}\r")
        emacs.wait(f"{report} to be selected", lambda: emacs.eval(SELECTED) == report)  # noqa: B023
        emacs.press("q")
        emacs.wait("the file again", lambda: emacs.eval(SELECTED) == "demo.py")
    emacs.expect_saved("x = \n")


def test_a_restart_is_told(start: Start) -> None:
    emacs = start("x =", answers=["one"])
    emacs.press("\x1bxinfill-restart\r")
    emacs.wait("to be told", lambda: "infill-ls restarts" in emacs.text())


def test_ghost_text_goes_when_the_beginning_of_its_line_is_deleted(start: Start) -> None:
    emacs = start("def f():\nx =", answers={"x = ": "one", "": ""})
    emacs.type(" ")
    emacs.expect_ghost("one")
    emacs.press("\x1b\x7f")
    emacs.expect_ghost("x = one")
    emacs.press("\x1b\x7f")  # it joins the lines
    emacs.wait("the lines to be joined", lambda: emacs.eval("(buffer-string)") == "def ")
    emacs.expect_no_ghost()


def test_acceptance_is_counted_on_this_machine(start: Start) -> None:
    emacs = start("x =", answers=["one + two"])
    emacs.type(" ")
    emacs.expect_ghost("one + two")
    emacs.press(META_F)
    emacs.expect_ghost(" + two")
    emacs.press(TAB)
    statistics = emacs.workspace / ".git/data/infill-ls/statistics.jsonl"

    def counted() -> bool:
        text = statistics.read_text() if statistics.exists() else ""
        return all(f'"{event}"' in text for event in ("shown", "partly", "accepted"))

    emacs.wait("the events", counted)
    assert "two" not in statistics.read_text(), "no source text is kept"


def test_switching_off_and_pausing(start: Start) -> None:
    emacs = start("x =", answers=["one"])
    for off, on in [
        ("(infill-toggle)", "(infill-toggle)"),
        ("(infill-pause 30)", "(infill-resume)"),
        ("(infill-pause t)", "(infill-resume)"),
        ("(infill-toggle-workspace)", "(infill-toggle-workspace)"),
        ("(infill-toggle-language)", "(infill-toggle-language)"),
    ]:
        emacs.eval(f"(progn {off} t)")
        assert "Infill-" in emacs.eval("(infill--lighter)"), off
        emacs.type(" ")
        emacs.expect_no_ghost()
        emacs.eval(f"(progn {on} t)")
        emacs.type(" ")
        emacs.expect_ghost("one")
        emacs.dismiss()
    emacs.press("\x1bxinfill-pause\r")
    emacs.wait("the question", lambda: "Minutes without suggestions" in emacs.text())
    emacs.press("\r")
    emacs.wait("the pause", lambda: "paused until" in (emacs.eval("(infill-switched-off)") or ""))
    said = "(progn (infill-toggle-language) (current-message))"
    assert emacs.eval(said) == "infill-ls: off in python-mode"
    assert emacs.eval(said).startswith("infill-ls: on in python-mode, but paused until")
    emacs.eval("(progn (infill-resume) t)")
    emacs.press("\x03|")
    emacs.wait("the key to switch it off", lambda: emacs.eval("(infill-switched-off)") == "off")
    emacs.press("\x1bxinfill-complete\r")
    emacs.expect_ghost("one")


def test_a_model_is_fetched_after_a_yes_only(start: Start) -> None:
    emacs = start("x =", answers=["one"])
    emacs.eval(
        "(progn (advice-add 'infill--run-program :override (lambda (&rest _) (setq ran t)))"
        " (setq eval-expression-debug-on-error nil) t)"
    )
    emacs.press("\x1bxinfill-choose-model\r")
    emacs.wait("the prompt", lambda: "Model:" in emacs.text())
    emacs.press("\r")
    emacs.wait("the refusal", lambda: "No model was chosen" in emacs.text())
    emacs.press("\x1bxinfill-choose-model\r")
    emacs.wait("the prompt", lambda: "Model:" in emacs.text())
    emacs.press("deepseek-coder-1.3b\r")

    def question() -> str:
        return "".join(row.rstrip().removesuffix("\\") for row in emacs.screen.display)

    def asked_and_refused(expected: str) -> None:
        # Emacs draws the end of a long question before it makes room for its beginning.
        emacs.wait("the question", lambda: expected in question() and "(y or n)" in question())
        emacs.press("n")
        emacs.wait("the refusal", lambda: "was not downloaded" in emacs.text())
        emacs.eval('(progn (message "") t)')

    known = "Download deepseek-coder-1.3b, 0.87 GB, licence DeepSeek, from huggingface.co/"
    asked_and_refused(known)
    # Named in Lisp, by a name that the list does not have, or by where it is.
    for name, expected in [
        ("deepseek-coder-1.3b", known),
        ("DeepSeek-Coder-1.3b:q4_k_m", known),
        (
            "a/b/Some.gguf",
            "Download some, size unknown, licence unknown, from huggingface.co/a/b/S",
        ),
    ]:
        emacs.press(f'\x1b:(infill-choose-model "{name}")\r')
        asked_and_refused(expected)
    emacs.press('\x1b:(infill-choose-model "nosuch")\r')
    emacs.wait("the refusal", lambda: "there is no model 'nosuch'" in emacs.text())
    assert emacs.eval("(boundp 'ran)") is None


def test_an_explanation_is_shown_as_markdown_where_there_is_a_mode_for_it(start: Start) -> None:
    emacs = start("x =", answers=["one"])
    emacs.eval("(progn (require 'markdown-mode) t)")
    emacs.type(" ")
    emacs.expect_ghost("one")
    emacs.press("\x1bxinfill-explain\r")
    mode = '(with-current-buffer "*infill explanation*" (list major-mode buffer-read-only))'
    emacs.wait("the explanation", lambda: emacs.eval('(and (get-buffer "*infill explanation*") t)'))
    assert emacs.eval(mode) == ["gfm-view-mode", True]
    emacs.wait("it without its marks", lambda: "The last completion" in emacs.text())
    assert "# The last completion" not in emacs.text()


def test_models_statistics_and_restart(start: Start) -> None:
    emacs = start("x =", answers=["one"])
    emacs.eval("(progn (infill-statistics) t)")
    shown = '(and (get-buffer "*infill statistics*") t)'
    emacs.wait("the statistics", lambda: emacs.eval(shown))
    emacs.press("\x1bxinfill-choose-model\r")
    emacs.wait("the prompt", lambda: "Model:" in emacs.text())
    emacs.press("infill-ls-mi" + TAB + "\r")
    used = '(equal (plist-get infill-settings :model) "infill-ls-mini")'
    emacs.wait("the model to be used", lambda: emacs.eval(used))
    before = emacs.eval("(process-id (jsonrpc--process infill--opened))")
    emacs.eval("(progn (infill-restart) t)")
    emacs.wait("the server", lambda: emacs.eval(READY))
    assert emacs.eval("(process-id (jsonrpc--process infill--opened))") != before


def test_the_server_is_started_again(start: Start) -> None:
    emacs = start("x =", answers=["one"])
    emacs.eval("(progn (infill-shutdown) t)")
    emacs.type(" ")
    emacs.type(" ")
    emacs.wait("the server", lambda: emacs.eval("(and infill--opened t)"))
    emacs.type(" ")
    emacs.expect_ghost("one")


# With the bundled model what is suggested is not known beforehand, but these texts repeat
# themselves, so that any model goes on. What is shown must be what the server answered, and what
# Tab puts into the file.
SUM = "first_total = price_total + tax_total\nsecond_total = price_total + tax_total\n"
PATIENT = {"timeBudgetMs": 60_000}


def bundled_ghost(emacs: Emacs) -> str:
    ghost = emacs.wait("ghost text", emacs.ghost)
    report = (
        "(jsonrpc-request infill--opened :infill/explain (list :textDocument (infill--document)))"
    )
    assert ghost is not None
    assert ghost == emacs.eval(f"(plist-get {report} :suggestion)")
    return ghost


def test_bundled_model_a_word_then_all_of_it(start: Start) -> None:
    before = f"{SUM}third_total ="
    emacs = start(before, settings=PATIENT)
    emacs.type(" ")
    ghost = bundled_ghost(emacs)
    emacs.press(META_F)
    text = "(buffer-substring-no-properties (point-min) (point-max))"
    word = emacs.wait("a word", lambda: emacs.eval(text)[len(before) + 1 :])
    assert ghost.startswith(word)
    assert len(word) < len(ghost)
    emacs.expect_ghost(ghost[len(word) :])
    emacs.press(TAB)
    emacs.expect_saved(f"{before} {ghost}\n")


def test_bundled_model_crlf_line_ends_stay(start: Start) -> None:
    before = f"{SUM}third_total =".replace("\n", "\r\n")
    emacs = start(before, settings=PATIENT)
    emacs.type(" ")
    ghost = bundled_ghost(emacs)
    emacs.press(TAB)
    emacs.expect_saved(before + f" {ghost}\n".replace("\n", "\r\n"))


def test_bundled_model_emoji_and_cjk_before_the_cursor(start: Start) -> None:
    before = 'show("🦊 狐 é", price_total)\nshow("🐻 熊 é", price_total)\nshow("🦝 狸 é",'
    emacs = start(before, settings=PATIENT)
    emacs.type(" ")
    ghost = bundled_ghost(emacs)
    emacs.press(TAB)
    emacs.expect_saved(f"{before} {ghost}\n")


def test_bundled_model_settings_and_a_killed_engine(start: Start) -> None:
    emacs = start(f"{SUM}third_total =", settings=PATIENT)
    emacs.type(" ")
    bundled_ghost(emacs)
    emacs.dismiss()
    configure(emacs, "(:enabled :json-false)", inactive=True)
    emacs.type("\x7f ")
    emacs.expect_no_ghost()
    configure(emacs, "(:timeBudgetMs 60000 :thinkAhead :json-false)", inactive=False)
    emacs.type("\x7f ")
    bundled_ghost(emacs)
    engines = [
        process
        for process in psutil.Process(emacs.pid).children(recursive=True)
        if any("infill_ls.engine" in part for part in process.cmdline())
    ]
    assert len(engines) == 1
    engines[0].kill()
    emacs.type("\nfourth_total = ")

    def ghost_after_typing() -> str | None:
        # The server waits a moment before it starts a process that died again.
        emacs.type("x\x7f")
        for _ in range(10):
            emacs.look(0.5)
            if ghost := emacs.ghost():
                return ghost
        return None

    emacs.wait("ghost text from a new engine process", ghost_after_typing)


def test_eglot_alone_completes_at_point(start: Start) -> None:
    emacs = start(
        ADD + "    ret",
        answers=["urn a + b"],
        delay_ms=1500,
        start="(progn (infill-setup-eglot) (setq eglot-sync-connect 120) (eglot-ensure))",
    )
    # Python has other servers in Eglot, and the slow first answer is waited for.
    emacs.wait("Eglot", lambda: emacs.eval("(and (eglot-managed-p) t)"))
    emacs.press("\x1bxcompletion-at-point\r")
    # Eglot gives up when another key comes.
    emacs.wait("the completion", lambda: emacs.eval("(buffer-string)") == ADD + "    return a + b")
    emacs.expect_saved(ADD + "    return a + b\n")


def test_ghost_text_beside_eglot(start: Start) -> None:
    """Eglot runs the language's server, here ours again, and infill-mode one of its own."""
    emacs = start(
        "x =",
        answers=["one"],
        start="(progn (infill-setup-eglot '(python-mode)) (require 'eglot)"
        " (setq eglot-sync-connect 120) (call-interactively #'eglot) (infill-mode 1))",
    )
    emacs.wait("the server", lambda: emacs.eval(READY))
    assert emacs.eval("(and (eglot-managed-p) t)") is True
    emacs.type(" ")
    emacs.expect_ghost("one")
    emacs.press(TAB)
    emacs.expect_saved("x = one\n")


def test_lsp_mode_completes_at_point(start: Start) -> None:
    emacs = start(
        ADD + "    ret",
        answers=["urn a + b"],
        settings={"completionDeadlineMs": 10_000},
        start='(progn (load "lsp-mode-autoloads") (infill-setup-lsp-mode)'
        " (setq lsp-auto-guess-root t lsp-enable-file-watchers nil"
        '  lsp-session-file (expand-file-name ".git/lsp-session"))'
        " (lsp))",
    )
    initialized = "(eq (lsp--workspace-status (car (lsp-workspaces))) 'initialized)"
    emacs.wait("the server", lambda: emacs.eval(f"(and (lsp-workspaces) {initialized})"))
    emacs.press("\x1bxcompletion-at-point\r")
    emacs.wait("the completion", lambda: emacs.eval("(buffer-string)") == ADD + "    return a + b")
    emacs.expect_saved(ADD + "    return a + b\n")
    assert emacs.eval('(get-buffer "*Warnings*")') is None, emacs.describe()
