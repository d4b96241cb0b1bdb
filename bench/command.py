"""The frame of a benchmark's command: its parser, and its result printed and kept."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infill_ls.measuring.figures import benchmark_result


def parser_of(documentation: str | None) -> argparse.ArgumentParser:
    """Return a parser that is described by the first line of a module's documentation."""
    parser = argparse.ArgumentParser(description=(documentation or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON file for the result")
    return parser


def finish(
    out: Path | None, name: str, *, run: Mapping[str, Any], figures: Mapping[str, Any]
) -> None:
    """Print a result, and write it to ``out``; ``run`` is what decided it."""
    print(benchmark_result(out, name, run, figures).json(), end="")
