"""Tests of HumanEval's holes of several lines: the model ends them, not the editor's rules."""

import pytest

from infill_ls.engine.scripted import ScriptedEngine
from infill_ls.evaluation.humaneval import (
    InfillingProblem,
    UntilItsEnd,
    have_several_lines,
    measure_with,
    settings_for,
)
from infill_ls.gathering import Gathering
from infill_ls.measuring.figures import Row
from infill_ls.pipeline import Pipeline
from infill_ls.settings import settings_with
from infill_retrieval import NO_SNIPPETS

LINES = InfillingProblem(
    "MultiLineInfilling/HumanEval/0/L0_L2",
    "def largest(numbers):\n",
    "    return best\n",
    "    best = 0\n    for one in numbers:\n        best = max(best, one)\n",
    "def check(f):\n    assert f([1, 3, 2]) == 3\n",
    "largest",
)
SPAN = InfillingProblem(
    "RandomSpanInfilling/HumanEval/0/1",
    "def largest(numbers):\n    best = max(num",
    ")\n    return best\n",
    "bers",
    "def check(f):\n    assert f([1, 3, 2]) == 3\n",
    "largest",
)


async def measured(problem: InfillingProblem, answer: str, *, until_its_end: bool = True) -> Row:
    engine = ScriptedEngine([answer])
    settings = settings_for([LINES], "")
    asked = UntilItsEnd(engine) if until_its_end else engine
    pipeline = Pipeline(Gathering(asked, lambda *_: NO_SNIPPETS, settings))
    return await measure_with(pipeline, until_its_end=until_its_end)(problem)


async def test_a_hole_of_several_lines_is_filled_to_its_end() -> None:
    row = await measured(LINES, LINES.solution.rstrip("\n"))
    assert row["exact"]
    assert row["passed"]


async def test_an_editor_would_be_shown_the_first_statement() -> None:
    row = await measured(LINES, LINES.solution.rstrip("\n"), until_its_end=False)
    assert row["middle"] == "    best = 0"


@pytest.mark.parametrize("answer", ["bers)", "bers"])
async def test_a_bracket_that_the_model_was_not_shown_is_no_part_of_the_hole(answer: str) -> None:
    row = await measured(SPAN, answer)
    assert row["middle"] == "bers"
    assert row["passed"]


def test_a_file_has_several_lines_if_one_of_its_holes_has() -> None:
    assert have_several_lines([SPAN, LINES])
    assert not have_several_lines([SPAN])
    assert settings_with().completion.max_lines < settings_for([LINES], "").completion.max_lines
