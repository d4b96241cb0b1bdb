"""Tests of the pictures of editors: how a screen is drawn, and that those in the docs are current."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.screenshots import scene
from tools.screenshots.screen import CELL_WIDTH, MARGIN, Cell, Frame, Screen, animation
from tools.screenshots.stamp import current_stamp

ROOT = Path(__file__).parents[3]
SVG = "{http://www.w3.org/2000/svg}"
TAKEN = [
    "docs/images/complete.svg",
    "docs/images/emacs.png",
    "docs/images/neovim.png",
    "docs/images/typing.svg",
    "docs/images/vscode.png",
    "editors/vscode/media/ghost-text.png",
    "editors/vscode/media/menu.png",
]
"""What ``python -m tools.screenshots`` makes."""
PRINTED = st.text("ab<&\"'é‸ (", min_size=6, max_size=6)


def screen(*lines: str, cursor: tuple[int, int] = (0, 0), italic: str = "") -> Screen:
    rows = tuple(tuple(Cell(char, is_italic=char in italic) for char in line) for line in lines)
    return Screen(rows, cursor)


def frames_of(svg: str) -> list[str]:
    """Return what a reader sees of each frame, row by row, with its caption."""
    root = ET.fromstring(svg)
    rows = {group.get("id"): group for group in root.iterfind(f"{SVG}defs/{SVG}g")}
    frames = []
    for group in root.iterfind(f"{SVG}g/{SVG}g"):
        lines = [_line(rows[use.get("href", "")[1:]]) for use in group.iterfind(f"{SVG}use")]
        caption = group.find(f"{SVG}text")
        assert caption is not None
        frames.append("\n".join([*lines, caption.text or ""]))
    return frames


def _line(row: ET.Element) -> str:
    line = ""
    for text in row.iterfind(f"{SVG}text"):
        column = int(text.get("x", "")) // CELL_WIDTH
        shown = text.text or ""
        assert int(text.get("textLength", "")) == len(shown) * CELL_WIDTH
        line = line.ljust(column) + shown
    return line


@given(st.lists(PRINTED, min_size=1, max_size=4))
def test_every_frame_shows_its_screen(lines: list[str]) -> None:
    frame = Frame(screen(*lines), "a & b", 1.0)
    (shown,) = frames_of(animation([frame], "stamp", "title"))
    assert [line for line in shown.split("\n")[:-1] if line] == [
        line.rstrip() for line in lines if line.strip()
    ]
    assert shown.endswith("a & b")


def test_one_frame_is_seen_at_a_time_and_rows_are_drawn_once() -> None:
    frames = [
        Frame(screen("same  ", "one   ", cursor=(5, 1)), "first", 1.0),
        Frame(screen("same  ", "two   ", cursor=(5, 1)), "second", 3.0),
    ]
    svg = animation(frames, "stamp", "title")
    assert svg.count(">same<") == 1
    width = 6 * CELL_WIDTH + 2 * MARGIN
    assert f"0.00%{{transform:translateX(0px)}} 25.00%{{transform:translateX({-width}px)}}" in svg
    assert "step-end" in svg
    assert f"animation:none;transform:translateX({-width}px)" in svg, "the one seen longest"


def test_ghost_text_is_italic_and_the_cursor_is_reversed() -> None:
    shown = screen("x=12  ", cursor=(2, 0), italic="12")
    assert shown.right_of_cursor() == "12"
    svg = animation([Frame(shown, "", 1.0)], "", "")
    assert 'class="i"' in svg
    cell = shown.rows[0][2]
    assert f'fill="{cell.back}" class="i" textLength="{CELL_WIDTH}">1<' in svg


@pytest.mark.parametrize("name", TAKEN)
def test_it_was_made_from_what_is_there_now(name: str) -> None:
    """From this model, this shop and these keys."""
    content = (ROOT / name).read_bytes()
    assert current_stamp().encode() in content, "run: python -m tools.screenshots"
    assert len(content) < 300_000


@pytest.mark.parametrize("name", [name for name in TAKEN if name.endswith(".svg")])
def test_nothing_of_the_machine_is_in_it(name: str) -> None:
    shown = (ROOT / name).read_text("utf-8")
    assert not re.search(
        r"/(home|root|tmp|var|work|Users)/|[\w-]+@[\w-]+", shown.split("</style>")[1]
    )


def test_vs_code_is_driven_in_the_same_scene() -> None:
    suite = (ROOT / "tests/editors/vscode/bundled.mjs").read_text("utf-8")
    assert f"`{scene.TEXT.rstrip()}`" in suite
    assert f'window.type("{scene.TYPED}")' in suite


def test_the_animation_tells_the_whole_story() -> None:
    frames = frames_of((ROOT / "docs/images/typing.svg").read_text("utf-8"))
    captions = list(dict.fromkeys(frame.rsplit("\n", 1)[-1] for frame in frames))
    assert captions == [
        "you type",
        "the model suggests",
        "Alt+Right accepts a word",
        "Tab accepts the rest",
        "Alt+] shows the next suggestion",
        "Tab accepts all of it",
    ]


@pytest.mark.parametrize("document", ["README.md", "docs/editors.md", "editors/vscode/README.md"])
def test_the_pictures_of_a_document_are_there(document: str) -> None:
    path = ROOT / document
    names = re.findall(r"!\[[^]]*\]\(([^)]+)\)", path.read_text("utf-8"))
    assert names
    for name in names:
        assert (path.parent / name).is_file(), name
