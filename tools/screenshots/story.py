"""A short animation of ghost text, recorded in Neovim. Waiting for the model is left out of it."""

from __future__ import annotations

from tools.screenshots import scene
from tools.screenshots.screen import Frame, Screen, animation
from tools.screenshots.terminals import neovim

KEY_S, LOOK_S, READ_S = 0.12, 1.6, 2.6
ALT_RIGHT, ALT_BRACKET, TAB, ENTER, BACKSPACE = "\x1b[1;3C", "\x1b[93;3u", "\t", "\r", "\x7f"
TITLE = "Typing, accepting a word, the next suggestion, and accepting all of it, in Neovim"


def record(stamp: str) -> str:
    """Return the animation as SVG."""
    frames: list[Frame] = []

    def show(screen: Screen, caption: str, shown_s: float) -> str:
        frames.append(Frame(screen, caption, shown_s))
        return screen.right_of_cursor()

    with neovim() as editor:
        editor.press("Go")
        for key in scene.TYPED:
            show(editor.press(key), "you type", KEY_S)
        ghost = show(editor.wait_for_ghost(), "the model suggests", READ_S)
        editor.press(ALT_RIGHT)
        show(editor.wait_for_ghost(other_than=ghost), "Alt+Right accepts a word", LOOK_S)
        editor.press(TAB)
        show(editor.wait_for_no_ghost(), "Tab accepts the rest", LOOK_S)
        editor.press(ENTER + BACKSPACE)
        for key in scene.TYPED_BELOW:
            show(editor.press(key), "you type", KEY_S)
        ghost = show(editor.wait_for_ghost(), "the model suggests", LOOK_S)
        editor.press(ALT_BRACKET)
        show(editor.wait_for_ghost(other_than=ghost), "Alt+] shows the next suggestion", READ_S)
        editor.press(TAB)
        show(editor.wait_for_no_ghost(), "Tab accepts all of it", READ_S)
    return animation(frames, stamp, TITLE)
