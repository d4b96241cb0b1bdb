"""Tests of the benchmarks: each starts and is listed in ``bench/README.md``; result files have one format."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "bench"
RESULTS = BENCH / "results"
OF_OTHER_PROGRAMS = ("doctor-*.json", "llama-bench-*.json", "*.md")
"""What ``infill-ls doctor --json`` and llama-bench print, and a table for people."""


class Row(NamedTuple):
    command: str
    what: str
    results: str
    date: str


def commands() -> list[str]:
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in BENCH.rglob("*.py")
        if 'if __name__ == "__main__":' in path.read_text("utf-8")
    )


def rows() -> list[Row]:
    lines = (BENCH / "README.md").read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:1] == "|"]
    return [Row(*row) for row in cells if row[0].startswith("`")]


def test_every_benchmark_starts() -> None:
    # One process for all: most of the time goes into imports, which they share.
    program = """
import runpy, sys
for name in sys.argv[1:]:
    sys.argv = [name, "--help"]
    print("===", name, flush=True)
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code == 0:
            continue
    sys.exit(f"{name} --help has not ended with status 0")
"""
    names = commands()
    found = subprocess.run(
        [sys.executable, "-c", program, *names],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests"), *sys.path]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    helps = found.stdout.split("=== ")[1:]
    assert len(helps) == len(names)
    for text in helps:
        name, _, rest = text.partition("\n")
        assert rest.startswith("usage: "), name
        # The description says what is measured.
        assert len(rest.split("\n\n")[1].strip()) > 20, name


def test_the_readme_lists_every_benchmark() -> None:
    listed = {part for row in rows() for part in re.findall(r"\bbench(?:\.\w+)+", row.command)}
    assert listed == set(commands())


def test_the_readme_lists_every_result_with_its_date() -> None:
    for path in sorted(path for path in RESULTS.rglob("*") if path.is_file()):
        name = path.relative_to(RESULTS).as_posix()
        found = [
            row
            for row in rows()
            if any(fnmatch(name, pattern) for pattern in re.findall(r"`([^`]+)`", row.results))
        ]
        assert len(found) == 1, f"{name} is in {len(found)} rows of bench/README.md"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", found[0].date), name
        if not any(fnmatch(path.name, pattern) for pattern in OF_OTHER_PROGRAMS):
            result = json.loads(path.read_text("utf-8"))
            assert result["run"]["date"] == found[0].date, name


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.stem) for path in sorted(RESULTS.rglob("*.json"))]
)
def test_a_result_has_the_one_form(path: Path) -> None:
    if any(fnmatch(path.name, pattern) for pattern in OF_OTHER_PROGRAMS):
        return
    result = json.loads(path.read_text("utf-8"))
    assert {"name", "run"} < result.keys() <= {"name", "run", "tables", "figures", "problems"}
    assert ("tables" in result) != ("figures" in result)


def test_no_row_of_the_readme_names_what_is_not_there() -> None:
    names = [path.relative_to(RESULTS).as_posix() for path in RESULTS.rglob("*") if path.is_file()]
    for row in rows():
        for pattern in re.findall(r"`([^`]+)`", row.results):
            assert any(fnmatch(name, pattern) for name in names), pattern
