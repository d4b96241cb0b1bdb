"""Tests of the page that computes how many GPUs a team needs, by running its script."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
from bench.remote.team_size import PAGE, curve, with_curves

POINTS = [
    {"editors": 1, "pauses": 1.0, "p95_ms": 100},
    {"editors": 50, "pauses": 0.875, "p95_ms": 200},
    {"editors": 100, "pauses": 0.625, "p95_ms": 600},
]
NODE = shutil.which("node")


def computed(call: str) -> Any:
    """Return what the page's script computes."""
    assert NODE is not None
    rules = re.search(r'<script id="rules">(.*?)</script>', PAGE.read_text("utf-8"), re.DOTALL)
    assert rules is not None
    program = (
        f"const points = {json.dumps(POINTS)};{rules[1]}\nconsole.log(JSON.stringify({call}));"
    )
    found = subprocess.run([NODE, "-"], input=program, capture_output=True, text=True, check=True)
    return json.loads(found.stdout)


@pytest.mark.skipif(NODE is None, reason="node runs the page's script")
@pytest.mark.parametrize(
    ("aims", "editors"),
    [
        ("0.875, 200", 50),
        ("0.75, 1000", 75),  # half of the way from 50 to 100
        ("0.5, 300", 62),  # a quarter of it, by the time
        ("0.5, 1000", 100),  # nothing is known of more
        ("0.875, 90", 0),
    ],
)
def test_how_many_editors_a_gpu_carries(aims: str, editors: int) -> None:
    assert computed(f"carried(points, {aims})") == editors


@pytest.mark.skipif(NODE is None, reason="node runs the page's script")
def test_gpus_for_a_team() -> None:
    assert computed("gpus(points, 300, 0.5, 0.875, 200, true)") == {
        "editors": 150,
        "one": 50,
        "gpus": 4,
    }
    assert computed("gpus(points, 300, 0.5, 0.875, 50, true)") is None


def row(editors: int, *, keys: int, share: float, p95_ms: float) -> dict[str, Any]:
    return {
        "editors": editors,
        "keys": keys,
        "answered_pauses_share": share,
        "latency_ms": {"p95": p95_ms},
    }


def test_curves_go_into_the_page() -> None:
    result = {
        "run": {"server": "</script>", "hardware": "1x H200", "date": "2026-11-29"},
        "figures": {
            "rows": [
                row(50, keys=9000, share=0.91234, p95_ms=151.6),
                row(20, keys=3000, share=0.95, p95_ms=100),
                row(1, keys=50, share=0.6, p95_ms=100),
            ]
        },
    }
    found = curve(result)
    assert [one["editors"] for one in found["points"]] == [20, 50]  # too little was seen of the one
    assert found["points"][1] == {"editors": 50, "pauses": 0.912, "p95_ms": 152}
    page = with_curves(PAGE.read_text("utf-8"), [found])
    block = re.search(r'<script id="curves"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert block is not None
    assert json.loads(block[1]) == [found]
