"""Draw the time to the first token beside llama-server's, from the figures of keystrokes.py, as SVG.

python bench/engine/keystrokes_plot.py docs/images/keystrokes.svg bench/results/engine/keystrokes-*.json
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

WIDTH, LEFT, RIGHT, TOP, ROW, GROUP = 760, 250, 70, 40, 15, 42
MILLISECONDS = (1.0, 2e4)
SIDES = (("ours", "#2ca02c"), ("theirs", "#d62728"))
NAMES = {"ours": "infill-ls", "theirs": "llama-server /infill"}


def main() -> None:
    """Draw the files that the command line names."""
    target, *sources = map(Path, sys.argv[1:])
    rows = [
        (f"{result['model'][:20]}: {kind}", row)
        for result in (json.loads(source.read_text("utf-8")) for source in sources)
        for kind, row in result["kinds"].items()
    ]
    height = TOP + len(rows) * GROUP + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for power in range(5):
        x = _x(10.0**power)
        parts.append(
            f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{height - 30}" stroke="#ddd"/>'
        )
        parts.append(
            f'<text x="{x:.1f}" y="{height - 12}" text-anchor="middle">{10**power:,} ms</text>'
        )
    for number, (side, colour) in enumerate(SIDES):
        x = LEFT + number * 140
        parts.append(f'<rect x="{x}" y="12" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="22">{NAMES[side]}</text>')
    for number, (title, row) in enumerate(rows):
        y = TOP + number * GROUP
        parts.append(f'<text x="{LEFT - 8}" y="{y + 22}" text-anchor="end">{title}</text>')
        for place, (side, colour) in enumerate(SIDES):
            middle, high = row[f"{side}_median_ms"], row[f"{side}_p95_ms"]
            top = y + 4 + place * ROW
            width = _x(middle) - LEFT
            parts.append(
                f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="12" fill="{colour}"/>'
            )
            parts.append(
                f'<line x1="{_x(middle):.1f}" y1="{top + 6}" x2="{_x(high):.1f}" y2="{top + 6}" '
                f'stroke="{colour}"/>'
            )
            parts.append(f'<text x="{_x(high) + 5:.1f}" y="{top + 10}">{middle:g}</text>')
    target.write_text("\n".join([*parts, "</svg>"]) + "\n")


def _x(milliseconds: float) -> float:
    """Return where a time is, on a logarithmic scale."""
    low, high = MILLISECONDS
    share = math.log(max(milliseconds, low) / low) / math.log(high / low)
    return LEFT + (WIDTH - LEFT - RIGHT) * share


if __name__ == "__main__":
    main()
