"""Tests of the format of result files, which all benchmarks share."""

import json
from collections import Counter
from pathlib import Path

from infill_ls.measuring.figures import benchmark_result


def test_a_benchmark_writes_what_it_counted_with_date_and_machine(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "shown.json"
    figures = {"reasons": Counter({"time": 2}), "curve": [{"at": 0.5}]}
    benchmark_result(path, "shown", {"model": "m"}, figures)
    found = json.loads(path.read_text("utf-8"))
    assert found.keys() == {"name", "run", "figures"}
    assert found["figures"] == {"reasons": {"time": 2}, "curve": [{"at": 0.5}]}
    assert found["run"].keys() == {"date", "machine", "load_after", "model"}
