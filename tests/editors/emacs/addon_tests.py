"""Further tests of infill.el beside popular packages. Run by ``tests/editors/emacs.sh``."""

from __future__ import annotations

import subprocess
from pathlib import Path

from editors.emacs.editor import READY, Start

TAB = "\t"


def test_the_preview_of_company_and_ghost_text_are_never_shown_together(start: Start) -> None:
    """With one candidate Company shows no menu, but the rest of the word behind point, as we do."""
    emacs = start("pri", answers=["nt_all()"])
    emacs.eval(
        "(progn (require 'company) (setq company-idle-delay 0.2 company-minimum-prefix-length 3"
        " company-backends '((lambda (command &rest _) (pcase command ('prefix \"pric\")"
        " ('candidates '(\"price_total\")))))) (company-mode 1) t)"
    )
    emacs.type("c")
    emacs.wait("Company's preview", lambda: emacs.eval("(and company-preview-overlay t)"))
    emacs.wait("it on the screen", lambda: "price_total" in emacs.screen.display[0])
    emacs.expect_no_ghost()
    assert emacs.screen.display[0].rstrip() == "price_total"
    assert emacs.eval('(key-binding (kbd "TAB"))').startswith("company-complete-common")
    emacs.eval("(progn (company-abort) t)")
    emacs.expect_ghost("nt_all()")
    emacs.wait("the screen", lambda: emacs.screen.display[0].rstrip() == "pricnt_all()")
    assert emacs.eval('(key-binding (kbd "TAB"))') == "infill-accept"


def test_a_commit_with_magit(start: Start, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    emacs = start(
        "total = 0\n",
        answers=["Count refunds"],
        script={"prompts_file": str(prompts)},
        name="orders.py",
    )

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=emacs.workspace, check=True, capture_output=True, text=True
        )
        return done.stdout

    git("init", "-q")
    git("config", "user.name", "Test")
    git("config", "user.email", "test@example.invalid")
    git("add", "orders.py")
    git("commit", "-q", "-m", "Begin")
    emacs.file.write_text("total = 0\nrefunds_of_today = 0\n")
    git("add", "orders.py")
    emacs.file.write_text("total = 0\nrefunds_of_today = 0\nnot_staged = 1\n")

    # Debian's package is not compiled: Magit takes its time to load.
    emacs.eval("(progn (require 'magit) (add-hook 'git-commit-setup-hook #'infill-mode) t)")
    emacs.eval("(progn (revert-buffer t t t) (magit-status) t)")
    emacs.wait("Magit", lambda: emacs.eval("(derived-mode-p 'magit-status-mode)"))
    emacs.press("cc")
    emacs.wait("the message's buffer", lambda: emacs.eval("(bound-and-true-p git-commit-mode)"))
    emacs.wait("the server", lambda: emacs.eval(READY))
    emacs.press("\x1bxinfill-complete\r")
    emacs.expect_ghost("Count refunds")
    prompt = prompts.read_text("utf-8")
    assert "# +refunds_of_today = 0" in prompt
    assert "not_staged" not in prompt
    emacs.press(TAB)
    emacs.press("\x03\x03")
    emacs.wait("the commit", lambda: "Count refunds" in git("log", "--format=%s"))
