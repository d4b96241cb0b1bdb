"""Medians, percentiles, and the files that results are written to."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def spread(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    """Return how many values there are, their median and 95th percentile."""
    return {
        "count": len(values),
        "median": round(median(values), digits),
        "p95": round(p95(values), digits),
    }


def write_result(path: Path | None, result: Mapping[str, Any]) -> None:
    """Print a result with what is to be known of the machine, and write it to ``path``."""
    machine = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load_after": round(os.getloadavg()[0], 2),
    }
    text = json.dumps({**machine, **result}, indent=1)
    print(text)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", "utf-8")
