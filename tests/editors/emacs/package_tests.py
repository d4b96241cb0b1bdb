"""Tests of the released package, installed into a plain Emacs. Run by ``tests/editors/emacs.sh``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tools import release

from editors.emacs.editor import EMACS, HERE, READY, ROOT, Start

TAB = "\t"
HOW = ["archive", "repository of the package", "repository of infill-ls"]


def lisp(home: Path, expression: str) -> str:
    """Evaluate Lisp in an Emacs of its own with this home folder; return what it says."""
    # Our package needs no other: no archive is to be looked at.
    whole = f"(progn (setq package-archives nil) (package-initialize) {expression})"
    done = subprocess.run(
        [str(EMACS / "emacs"), "-Q", "--batch", "--eval", whole],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(home)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def repository(folder: Path) -> str:
    """Make a git repository of what is in the folder; return its address."""
    for arguments in (
        ["init", "--quiet"],
        ["add", "."],
        [
            "-c",
            "user.name=Test",
            "-c",
            "user.email=test@example.invalid",
            "commit",
            "--quiet",
            "-m",
            "All",
        ],
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder.as_uri()


def install(how: str, home: Path, tmp_path: Path) -> str:
    """Install the package in one of the ways that docs/editors.md names; return what Emacs says."""
    if how == "archive":
        release.pack(tmp_path)
        archive = tmp_path / f"infill-{release.version()}.tar"
        return lisp(home, f'(package-install-file "{archive}")')
    sources = tmp_path / "infill"
    if how == "repository of infill-ls":
        # All Lisp, and what decides about it; all of the repository would take long to copy.
        for folder in ("editors/emacs", "tests/editors/emacs"):
            shutil.copytree(ROOT / folder, sources / folder)
        for name in (".elpaignore", "README.md"):
            shutil.copy(ROOT / name, sources)
        wanted = f'(infill :url "{repository(sources)}" :lisp-dir "editors/emacs")'
    else:
        shutil.copytree(ROOT / "editors" / "emacs", sources)
        wanted = f'(infill :url "{repository(sources)}")'
    return lisp(home, f"(package-vc-install '{wanted})")


@pytest.mark.parametrize("how", HOW)
def test_an_installed_package_completes(how: str, start: Start, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    said = install(how, home, tmp_path)
    problems = [line for line in said.splitlines() if "Warning" in line or "Error" in line]
    # What package.el itself writes is not ours to mend.
    assert all(re.match("infill-(pkg|autoloads).el:1:1: ", line) for line in problems), said
    compiled = {path.stem for path in (home / ".emacs.d" / "elpa").rglob("infill*.elc")}
    assert compiled >= {path.stem for path in (ROOT / "editors" / "emacs").glob("*.el")}

    (home / ".emacs.d" / "init.el").write_text(
        f"(load \"{HERE / 'init.el'}\")\n(add-hook 'prog-mode-hook #'infill-mode)\n"
    )
    emacs = start("x =", answers=["one"], start="t", home=home)
    emacs.wait("the server", lambda: emacs.eval(READY))
    assert str(home) in emacs.eval('(locate-library "infill")')
    assert emacs.eval("(package-installed-p 'infill)")
    emacs.type(" ")
    emacs.expect_ghost("one")
    emacs.press(TAB)
    emacs.expect_saved("x = one\n")


def test_commands_are_known_before_the_package_is_loaded(tmp_path: Path) -> None:
    install("archive", tmp_path, tmp_path)
    said = lisp(
        tmp_path,
        "(message \"%S\" (list (featurep 'infill) (mapcar #'commandp '(infill-mode))"
        " (mapcar #'fboundp '(infill-setup-eglot infill-setup-lsp-mode))))",
    )
    assert "(nil (t) (t t))" in said
