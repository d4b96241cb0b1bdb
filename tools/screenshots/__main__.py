"""Remake the pictures of the README, the docs and the VS Code extension: ``python -m tools.screenshots``.

Installs the editors into build/editors (Debian and, the first time, root), drives them in a copy of
examples/shop and draws what they show; all suggestions are the bundled model's. Names of pictures as
arguments make these only: complete, neovim, emacs, animation, vscode.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools.screenshots import scene
from tools.screenshots.stamp import current_stamp

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
MEDIA = ROOT / "editors" / "vscode" / "media"
VSCODE_RUN = ROOT / "build" / "editors" / "vscode-run"


def complete() -> None:
    """Draw what ``infill-ls complete`` prints, in colour and as wide as the README has room for."""
    command = [str(ROOT / ".venv/bin/infill-ls"), "complete", scene.COMPLETED]
    target = IMAGES / "complete.svg"
    environment = {**os.environ, "COLUMNS": "100", "FORCE_COLOR": "1"}
    for _ in range(2):  # once to load the model: the times are those of one that is at work
        _run(*command, "--svg", str(target), environment=environment)
    head, end, _ = target.read_text("utf-8").rpartition("</svg>")
    target.write_text(f"{head}<!-- {current_stamp()} -->\n{end}\n", "utf-8")


def neovim() -> None:
    """Draw ghost text in Neovim."""
    _install("neovim")
    from tools.screenshots import png, terminals

    with terminals.neovim() as editor:
        editor.press("Go" + scene.TYPED)
        png.draw(editor.wait_for_ghost(), IMAGES / "neovim.png", current_stamp())


def emacs() -> None:
    """Draw ghost text in Emacs."""
    _install("emacs")
    from tools.screenshots import png, terminals

    with terminals.emacs() as editor:
        editor.press("\x1b>" + scene.INDENTATION + scene.TYPED)
        png.draw(editor.wait_for_ghost(), IMAGES / "emacs.png", current_stamp())


def animation() -> None:
    """Record Neovim while one types, accepts a word, looks at another candidate and accepts."""
    _install("neovim")
    from tools.screenshots.story import record

    (IMAGES / "typing.svg").write_text(record(current_stamp()), "utf-8")


def vscode() -> None:
    """Draw ghost text and the menu in VS Code."""
    _run("tests/editors/vscode.sh", "the picture for the README")
    from tools.screenshots.png import stamped_copy

    for target in (IMAGES / "vscode.png", MEDIA / "ghost-text.png"):
        stamped_copy(VSCODE_RUN / "ghost-text.png", target, current_stamp())
    stamped_copy(VSCODE_RUN / "menu.png", MEDIA / "menu.png", current_stamp())


PICTURES = {one.__name__: one for one in (complete, neovim, emacs, animation, vscode)}


def _install(editor: str) -> None:
    _run("tests/editors/terminal.sh")
    _run("tests/editors/install.sh", editor)


def _run(*command: str, environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr, check=True)  # noqa: S603


def main() -> int:
    """Make the pictures that are asked for, or all."""
    wanted = sys.argv[1:] or list(PICTURES)
    if unknown := [name for name in wanted if name not in PICTURES]:
        print(f"there is no picture {unknown[0]}: {', '.join(PICTURES)}", file=sys.stderr)
        return 2
    sys.path.insert(0, str(ROOT / "tests"))  # as pytest has it
    for name in wanted:
        print(name, flush=True)
        PICTURES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
