"""What a terminal shows, as plain data, and its pictures as SVG: a still, or an animation. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from xml.sax.saxutils import escape

BACKGROUND, FOREGROUND, CAPTION = "#1c1e24", "#d8dade", "#61afef"
CELL_WIDTH, CELL_HEIGHT, SIZE, MARGIN = 9, 20, 15, 10
FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"


@dataclass(frozen=True)
class Cell:
    """One character of the screen; the colours are ``#rrggbb``."""

    text: str = " "
    front: str = FOREGROUND
    back: str = BACKGROUND
    is_italic: bool = False


@dataclass(frozen=True)
class Screen:
    """The rows of a terminal, all of the same length, and where its cursor is."""

    rows: tuple[tuple[Cell, ...], ...]
    cursor: tuple[int, int]
    """Column and row, from 0."""

    def lines(self) -> list[str]:
        """Return the text of the rows, without the blanks behind it."""
        return ["".join(cell.text for cell in row).rstrip() for row in self.rows]

    def right_of_cursor(self) -> str:
        """Return what the cursor's row shows from the cursor on: ghost text, at the end of a line."""
        column, row = self.cursor
        return self.lines()[row][column:]

    def paper(self) -> str:
        """Return the colour between and around the text."""
        return self.rows[-1][-1].back

    def with_cursor(self) -> tuple[tuple[Cell, ...], ...]:
        """Return the rows with the cursor's cell in reverse."""
        x, y = self.cursor
        cell = self.rows[y][x]
        marked = Cell(cell.text, cell.back, cell.front, cell.is_italic)
        row = (*self.rows[y][:x], marked, *self.rows[y][x + 1 :])
        return (*self.rows[:y], row, *self.rows[y + 1 :])


@dataclass(frozen=True)
class Frame:
    """A screen of an animation, what is done there, and how long it is to be seen."""

    screen: Screen
    caption: str
    shown_s: float


def animation(frames: Sequence[Frame], stamp: str, title: str) -> str:
    """Return an SVG that shows one frame after the other, over and over.

    The frames stand beside each other on a strip, which is moved in steps. A row that several frames
    share is drawn once. Whoever wants no motion sees the frame that is shown longest.
    """
    columns, rows = len(frames[0].screen.rows[0]), len(frames[0].screen.rows)
    width = columns * CELL_WIDTH + 2 * MARGIN
    height = (rows + 1) * CELL_HEIGHT + 3 * MARGIN
    paper = frames[0].screen.paper()
    drawn: dict[str, str] = {}
    strip: list[str] = []
    for number, frame in enumerate(frames):
        strip.append(f'<g transform="translate({number * width} 0)">')
        for index, row in enumerate(frame.screen.with_cursor()):
            if content := "".join(_runs(row, paper)):
                name = drawn.setdefault(content, f"r{len(drawn)}")
                y = MARGIN + index * CELL_HEIGHT
                strip.append(f'<use href="#{name}" x="{MARGIN}" y="{y}"/>')
        y = height - MARGIN - 5
        strip.append(
            f'<text x="{MARGIN}" y="{y}" fill="{CAPTION}">{escape(frame.caption)}</text></g>'
        )
    total_s = sum(frame.shown_s for frame in frames)
    longest = max(range(len(frames)), key=lambda number: frames[number].shown_s)
    steps = " ".join(
        f"{100 * start / total_s:.2f}%{{transform:translateX({-number * width}px)}}"
        for number, start in enumerate(_starts(frames))
    )
    still = f"transform:translateX({-longest * width}px)"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<!-- {stamp} -->",
            "<style>",
            f"text{{font:{SIZE}px {FONT};white-space:pre}}",
            ".i{font-style:italic}",
            f"@keyframes play{{{steps}}}",
            f"#strip{{animation:play {total_s:.2f}s step-end infinite}}",
            f"@media (prefers-reduced-motion:reduce){{#strip{{animation:none;{still}}}}}",
            "</style>",
            "<defs>",
            *(f'<g id="{name}">{content}</g>' for content, name in drawn.items()),
            "</defs>",
            f'<rect width="{width}" height="{height}" rx="6" fill="{paper}"/>',
            f'<g id="strip" style="{still}">',
            *strip,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _starts(frames: Sequence[Frame]) -> Iterator[float]:
    start = 0.0
    for frame in frames:
        yield start
        start += frame.shown_s


def _runs(row: Sequence[Cell], paper: str) -> Iterator[str]:
    """Draw the cells that look alike together."""
    column = 0
    for (front, back, is_italic), cells in groupby(
        row, key=lambda cell: (cell.front, cell.back, cell.is_italic)
    ):
        text = "".join(cell.text for cell in cells)
        x, width = column * CELL_WIDTH, len(text) * CELL_WIDTH
        if back != paper:
            yield f'<rect x="{x}" width="{width}" height="{CELL_HEIGHT}" fill="{back}"/>'
        if text.strip():
            begun = len(text) - len(text.lstrip())
            shown = text.strip()
            style = ' class="i"' if is_italic else ""
            # The length is told, as another machine's font has another width.
            yield (
                f'<text x="{x + begun * CELL_WIDTH}" y="{SIZE}" fill="{front}"{style}'
                f' textLength="{len(shown) * CELL_WIDTH}">{escape(shown)}</text>'
            )
        column += len(text)
