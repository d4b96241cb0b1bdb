"""Draw the held-out loss of middles against tokens and against parameters, as a plain SVG.

python bench/model/curve.py bench/results/model/trials.json docs/images/model-curve.svg
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 380, 320, 60, 34, 46
BITS = (0.4, 2.0)
TOKENS, PARAMETERS = (4e6, 8e9), (2e7, 1.3e8)
SIZES = ("25m", "base", "110m")


def main() -> None:
    """Draw the file that the command line names."""
    source, target = map(Path, sys.argv[1:3])
    record = json.loads(source.read_text("utf-8"))
    trials = {trial["name"]: trial for trial in record["trials"]}
    trial = [
        (point["tokens"], point["middle"], "")
        for point in trials["base"]["held_out_bits_a_byte"]
        if point["tokens"]
    ]
    runs = [(run["tokens"], run["middle"], run["name"]) for run in record["models"]]
    sizes = [
        (one["parameters"], one["held_out_bits_a_byte"][-1]["middle"], f"{one['parameters'] / 1e6:.0f} M")
        for one in (trials[name] for name in SIZES)
    ]  # fmt: skip
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" font-size="11">',
        f'<rect width="{2 * WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_panel(0, "59 M parameters, by tokens seen", TOKENS, (1e7, 1e8, 1e9), "#1f77b4", runs),
        *_curve(0, TOKENS, "#ff7f0e", trial),
        *_panel(
            WIDTH, "24 M tokens, by parameters", PARAMETERS, (25e6, 5e7, 1e8), "#2ca02c", sizes
        ),
        "</svg>",
    ]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(parts) + "\n")


def _panel(
    shift: float,
    title: str,
    scale: tuple[float, float],
    ticks: Sequence[float],
    colour: str,
    points: Sequence[tuple[float, float, str]],
) -> list[str]:
    parts = [f'<text x="{shift + LEFT}" y="18">{title}: bits a byte of the middle</text>']
    for bits in (0.4, 0.5, 0.7, 1.0, 1.4, 2.0):
        y = _y(bits)
        parts.append(
            f'<line x1="{shift + LEFT}" y1="{y:.1f}" x2="{shift + WIDTH - 16}" y2="{y:.1f}" '
            'stroke="#ddd"/>'
        )
        parts.append(
            f'<text x="{shift + LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{bits}</text>'
        )
    for tick in ticks:
        x = _x(shift, tick, scale)
        parts.append(
            f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>'
        )
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{_named(tick)}</text>'
        )
    return parts + _curve(shift, scale, colour, points)


def _curve(
    shift: float,
    scale: tuple[float, float],
    colour: str,
    points: Sequence[tuple[float, float, str]],
) -> list[str]:
    places: list[tuple[float, float, Any]] = [
        (_x(shift, at, scale), _y(bits), name) for at, bits, name in points
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for x, y, name in places:
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        parts.append(f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{name}</text>')
    return parts


def _named(number: float) -> str:
    return f"{number / 1e9:g} B" if number >= 1e9 else f"{number / 1e6:g} M"


def _x(shift: float, at: float, scale: tuple[float, float]) -> float:
    return shift + LEFT + (WIDTH - LEFT - 16) * _share(at, *scale)


def _y(bits: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * _share(bits, *BITS)


def _share(value: float, low: float, high: float) -> float:
    return math.log(value / low) / math.log(high / low)


if __name__ == "__main__":
    main()
