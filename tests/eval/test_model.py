"""Regression test of the shipped model on a fixed subset, against ``thresholds.json``.

    pytest tests/eval/test_model.py --update-thresholds

measures again and rewrites that file; it belongs to the commit that changes the model, the prompt
or the filters for the better. llama.cpp decides near ties differently from one processor to
another, so ``margin`` cases may be lost. The whole evaluation is ``infill-ls eval``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from bench.model.lines import HOLE, SNIPPETS, Asker, random_columns

from eval.conftest import CopyPackage
from infill_ls.engine import EngineOptions
from infill_ls.engine.process import EngineProcess
from infill_ls.evaluation import humaneval
from infill_ls.evaluation.datasets import sample
from infill_ls.gathering import Gathering
from infill_ls.measuring.figures import Row
from infill_ls.pipeline import Pipeline
from infill_ls.settings import bundled_model_path
from infill_retrieval import NO_SNIPPETS, RetrievalSettings
from infill_retrieval.index import WorkspaceIndex

THRESHOLDS = Path(__file__).with_name("thresholds.json")
HUMANEVAL = Path(__file__).parents[1] / "data" / "humaneval-single-line.jsonl.gz"
HUMANEVAL_CASES = 60
HELD_OUT = ("click", "pygls")
"""Packages of the development environment that the model never saw; pyproject.toml pins them."""
LINES_OF_EACH = 6


@pytest.fixture
async def engine() -> AsyncIterator[EngineProcess]:
    # One thread: several of them on a busy machine wait for each other, and burn its cores meanwhile.
    process = EngineProcess(EngineOptions(bundled_model_path(), draft="never", threads=1))
    yield process
    await process.close()


def judge(request: pytest.FixtureRequest, name: str, rows: Sequence[Row], *keys: str) -> None:
    """Compare how many cases have each of ``keys`` with the file, or write them there."""
    counts = {key: sum(bool(row[key]) for row in rows) for key in keys}
    known = json.loads(THRESHOLDS.read_text())
    if request.config.getoption("--update-thresholds"):
        known[name] = {"cases": len(rows), **counts}
        THRESHOLDS.write_text(json.dumps(known, indent=1) + "\n")
        return
    expected = known[name]
    assert len(rows) == expected["cases"]
    fallen = [key for key in keys if counts[key] < expected[key] - known["margin"]]
    assert not fallen, f"{name}: of {len(rows)} cases {counts}, where there were {expected}"


@pytest.mark.timeout(1800)  # a busy machine is no regression
async def test_humaneval_single_line(request: pytest.FixtureRequest, engine: EngineProcess) -> None:
    problems = sample(humaneval.read_problems(HUMANEVAL).cases, HUMANEVAL_CASES, 0)
    settings = humaneval.settings_for(problems, "")
    measure = humaneval.measure_with(Pipeline(Gathering(engine, lambda *_: NO_SNIPPETS, settings)))
    rows = [await measure(problem) for problem in problems]
    judge(request, "humaneval", rows, "exact", "passed", "shown")


@pytest.mark.timeout(1800)
async def test_lines_in_packages_that_the_model_never_saw(
    request: pytest.FixtureRequest, engine: EngineProcess, copy_package: CopyPackage
) -> None:
    rows: list[Row] = []
    for name in HELD_OUT:
        folder = copy_package(name)
        with WorkspaceIndex([folder], RetrievalSettings(crawl_in_process=False)) as index:
            index.crawl()
            asker = Asker(engine, index, folder, "")
            for hole in random_columns(folder, LINES_OF_EACH):
                answer = await asker.ask(hole, (HOLE, SNIPPETS))
                rows.append({way: answer.is_right(way) for way in answer.written})
    judge(request, "lines", rows, HOLE, SNIPPETS)
