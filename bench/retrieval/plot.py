"""Draw how the times grow with the workspace, from the figures of speed.py, as a plain SVG.

python bench/retrieval/plot.py bench/results/retrieval/queries.json docs/images/retrieval.svg
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

LINES = {
    "rank_bm25_60_words_ms": ("rank-bm25, 60 words", "#d62728"),
    "new_place_p95_ms": ("whole step at a new place, p95", "#1f77b4"),
    "key_p95_ms": ("whole step at the next key, p95", "#8c564b"),
    "edit_p95_ms": ("edit to searchable, p95", "#9467bd"),
    "query_p95_ms": ("query, p95", "#2ca02c"),
    "ours_60_words_ms": ("ours, 60 words", "#ff7f0e"),
}
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 420, 60, 20, 230, 50
CHUNKS, MILLISECONDS = (1e3, 2e5), (0.1, 2e3)


def main() -> None:
    """Draw the file that the command line names."""
    source, target = map(Path, sys.argv[1:3])
    rows = json.loads(source.read_text("utf-8"))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for power in range(-1, 4):
        parts += _grid(f"{10.0**power:g} ms", LEFT, _y(10.0**power), WIDTH - RIGHT, _y(10.0**power))
    for chunks in (1_000, 10_000, 100_000):
        parts += _grid(f"{chunks:,}", _x(chunks), HEIGHT - BOTTOM, _x(chunks), TOP)
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 10}">chunks that are searched</text>')
    for name, (title, colour) in LINES.items():
        points = [(_x(row["chunks"]), _y(row[name])) for row in rows]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x, y = points[-1]
        parts.append(f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{title}</text>')
    target.write_text("\n".join([*parts, "</svg>"]) + "\n")


def _grid(label: str, x1: float, y1: float, x2: float, y2: float) -> list[str]:
    is_level = y1 == y2
    place = f'x="{LEFT - 6}" y="{y1 + 4:.1f}" text-anchor="end"' if is_level else (
        f'x="{x1:.1f}" y="{y1 + 16:.1f}" text-anchor="middle"'
    )  # fmt: skip
    return [
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>',
        f"<text {place}>{label}</text>",
    ]


def _x(chunks: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * _place(chunks, *CHUNKS)


def _y(milliseconds: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * _place(milliseconds, *MILLISECONDS)


def _place(value: float, low: float, high: float) -> float:
    """Return where ``value`` is between ``low`` and ``high``, on a logarithmic scale."""
    return math.log(value / low) / math.log(high / low)


if __name__ == "__main__":
    main()
