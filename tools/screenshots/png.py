"""PNG files of screens, and the stamp in a picture that tells what it was made from."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo
from tools.screenshots.screen import CELL_HEIGHT, CELL_WIDTH, MARGIN, SIZE, Screen
from tools.screenshots.stamp import KEY

FONTS = Path("/usr/share/fonts/truetype/dejavu")


def draw(screen: Screen, path: Path, stamp: str) -> None:
    """Draw what a terminal shows, the margin in the colour of its last cell."""
    plain, italic = (
        ImageFont.truetype(FONTS / f"DejaVuSansMono{kind}.ttf", SIZE) for kind in ("", "-Oblique")
    )
    paper = screen.paper()
    columns, rows = len(screen.rows[0]), len(screen.rows)
    size = (columns * CELL_WIDTH + 2 * MARGIN, rows * CELL_HEIGHT + 2 * MARGIN)
    image = Image.new("RGB", size, paper)
    canvas = ImageDraw.Draw(image)
    for y, row in enumerate(screen.with_cursor()):
        for x, cell in enumerate(row):
            left, top = MARGIN + x * CELL_WIDTH, MARGIN + y * CELL_HEIGHT
            if cell.back != paper:
                box = (left, top, left + CELL_WIDTH - 1, top + CELL_HEIGHT - 1)
                canvas.rectangle(box, fill=cell.back)
            if cell.text.strip():
                font = italic if cell.is_italic else plain
                canvas.text((left, top + 1), cell.text, font=font, fill=cell.front)
    save(image, path, stamp)


def stamped_copy(source: Path, path: Path, stamp: str) -> None:
    """Copy a PNG file, with the stamp."""
    with Image.open(source) as image:
        save(image.convert("RGB"), path, stamp)


def save(image: Image.Image, path: Path, stamp: str) -> None:
    """Write a picture of 256 colours, without anything of this machine."""
    information = PngInfo()
    information.add_text(KEY, stamp)
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True, pnginfo=information)
