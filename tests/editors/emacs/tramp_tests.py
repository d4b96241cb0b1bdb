"""Tests of remote files opened by TRAMP, through a local shell in place of ssh, so without a network."""

from __future__ import annotations

from pathlib import Path

from editors.emacs.editor import Emacs, Start

MOCK = """
(progn
  (require (quote tramp))
  (setq remote-file-name-inhibit-cache t tramp-verbose 0
        tramp-persistency-file-name nil)
  (add-to-list (quote tramp-methods)
               (quote ("mock" (tramp-login-program "/bin/sh") (tramp-login-args (("-i")))
                       (tramp-remote-shell "/bin/sh") (tramp-remote-shell-args ("-c"))
                       (tramp-connection-timeout 10))))
  (setq asked 0)
  (advice-add (quote tramp-send-command) :before
              (lambda (&rest _)
                (when (seq-some (lambda (frame)
                                  (string-match-p "^infill-[^t]" (format "%%s" (nth 1 frame))))
                                (backtrace-frames))
                  (setq asked (1+ asked)))))
  (defun infill-looks-there () (file-exists-p "/mock:localhost:/nowhere"))
  (find-file "/mock:localhost:%s")
  %s)
"""
"""Opens a file of the other machine; counts in ``asked`` what our functions send there, whose names
begin otherwise than those of the tests."""
IS_OPEN = "(and infill--opened (infill--status infill--opened) t)"


def open_there(start: Start, file: Path, text: str, **options: object) -> Emacs:
    file.parent.mkdir()
    file.write_text(text)
    opened = MOCK.replace("\n", " ") % (file, "(infill-mode 1)")
    emacs = start("local", start=opened, **options)
    emacs.wait("the server", lambda: emacs.eval(IS_OPEN))
    return emacs


def test_a_remote_file_is_completed_from_its_own_text_and_no_key_waits_for_the_other_machine(
    start: Start, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts"
    there = tmp_path / "there"
    emacs = open_there(
        start,
        there / "orders.py",
        "from refunds import refund_order\n\nrefund_order",
        answers={"refund_order( ": "wallet"},
        script={"prompts_file": str(prompts)},
    )
    (there / "refunds.py").write_text("def refund_order(wallet, amount_in_cents):\n    pass\n")
    emacs.press("\x1b>")
    assert emacs.eval("(infill--uri)") == f"tramp:/mock:localhost:{there}/orders.py"
    assert emacs.eval("(infill--workspace)") is None
    emacs.type("( ")
    emacs.expect_ghost("wallet")
    emacs.press("\t")
    emacs.wait("the text", lambda: emacs.eval("(buffer-string)").endswith("( wallet"))
    emacs.settle()
    assert emacs.eval("asked") == 0
    assert emacs.eval("(progn (infill-looks-there) (> asked 0))"), "what is sent there is counted"
    assert "from refunds import" in prompts.read_text("utf-8")
    assert "amount_in_cents" not in prompts.read_text("utf-8"), "no other file is read there"
    emacs.press("\x18\x13")
    saved = "from refunds import refund_order\n\nrefund_order( wallet\n"
    emacs.wait("the file", lambda: (there / "orders.py").read_text() == saved)
    assert emacs.eval('(get-buffer "*Warnings*")') is None


def test_a_remote_file_whose_name_indicates_secrets_is_left_alone(
    start: Start, tmp_path: Path
) -> None:
    emacs = open_there(start, tmp_path / "there" / ".env", "PORT=1\nX=", answers=["one"])
    emacs.press("\x1b>")
    emacs.press("\x1bxinfill-complete\r")
    emacs.wait("the refusal", lambda: "no suggestion here" in emacs.text())
    emacs.expect_no_ghost()


def test_statistics_are_shown_from_a_remote_file(start: Start, tmp_path: Path) -> None:
    emacs = open_there(start, tmp_path / "there" / "a.py", "x =", answers=["one"])
    emacs.eval("(progn (infill-statistics) t)")
    emacs.wait("the statistics", lambda: emacs.eval('(and (get-buffer "*infill statistics*") t)'))
