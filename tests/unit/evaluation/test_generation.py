"""Tests of generating functions from descriptions: file formats, both ways, and passing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infill_ls.asking import Asking
from infill_ls.cli import main
from infill_ls.engine.scripted import SCRIPTED_INSTRUCT, ScriptedEngine
from infill_ls.errors import UsageError
from infill_ls.evaluation.generation import (
    GenerationCase,
    ProblemForm,
    Way,
    cases_of,
    measure_with,
    read_problems,
    tables_of,
)
from infill_ls.evaluation.sandbox import Limits
from infill_ls.gathering import Gathering
from infill_ls.settings import settings_with
from infill_retrieval.types import NO_SNIPPETS

HUMANEVAL: dict[str, Any] = {
    "task_id": "HumanEval/0",
    "prompt": 'from typing import List\n\n\ndef helper():\n    return 1\n\n\ndef double(x: int) -> int:\n    """Return twice x."""\n',
    "entry_point": "double",
    "canonical_solution": "    return x * 2\n",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n",
}
MBPP: dict[str, Any] = {
    "task_id": 11,
    "text": "Write a function to double a number.",
    "code": "def double(x):\r\n    return x * 2",
    "test_list": ["assert double(2) == 4", "assert double(3) == 6"],
    "test_setup_code": "",
}
LEETCODE: dict[str, Any] = {
    "task_id": "weekly-contest-1-double",
    "prompt": '"""\nReturn twice x.\n"""\nclass Solution:\n    def double(self, x: int) -> int:\n        ',
    "prompt_sft": "...",
    "meta": {"difficulty": "Easy"},
    "test": "\nmy_solution = Solution()\n\nassert my_solution.double(**{'x': 2}) == 4\n",
}
RIGHT = "def double(x: int) -> int:\n    return x * 2\n"
WRONG = "def double(x: int) -> int:\n    return x * 3\n"
IN_CLASS = "class Solution:\n    def double(self, x: int) -> int:\n        return prod([x, 2])\n"


def file_of(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(one) for one in records))
    return path


def marked(code: str) -> str:
    return f"1. Think.\n```python\n{code}```\nThere."


def asking(*answers: Any) -> tuple[Asking, ScriptedEngine]:
    engine = ScriptedEngine(answers, loaded=SCRIPTED_INSTRUCT)
    settings = settings_with(instruct_model="a.gguf").for_instructions()
    return Asking(Gathering(engine, lambda *_: NO_SNIPPETS, settings), 60), engine


async def measured(tmp_path: Path, record: dict[str, Any], way: Way, answer: str) -> dict[str, Any]:
    (problem,) = read_problems(file_of(tmp_path / "a.jsonl", record)).cases
    one, _ = asking(answer)
    return await measure_with(one, Limits(seconds=10))(GenerationCase(problem, way))


def test_the_form_of_a_file_is_told_by_its_fields(tmp_path: Path) -> None:
    sanitized = {**MBPP, "prompt": MBPP["text"], "test_imports": ["import math"]}
    del sanitized["text"], sanitized["test_setup_code"]
    no_function = {**HUMANEVAL, "entry_point": "other"}
    path = file_of(tmp_path / "a.jsonl", HUMANEVAL, MBPP, LEETCODE, sanitized, no_function)
    data = read_problems(path)
    assert [one.form for one in data.cases] == [
        ProblemForm.HUMANEVAL,
        ProblemForm.MBPP,
        ProblemForm.LEETCODE,
    ]
    assert [one.id for one in data.cases][1] == "MBPP/11"
    assert data.cases[2].kind == "Easy"
    assert data.cases[2].text.endswith("-> int:\n        pass\n")
    assert len(data.problems) == 1


def test_an_infilling_file_has_each_function_once() -> None:
    data = read_problems(Path(__file__).parents[2] / "data" / "humaneval-single-line.jsonl.gz")
    assert len(data.cases) == 164
    for problem in data.cases:
        assert problem.text[problem.at :].startswith("def ")
        after = problem.text[problem.at :].rstrip()
        assert after.endswith(('"""', "'''")), problem.id  # nothing of the body is told


@pytest.mark.parametrize("way", [Way.DIRECT, Way.OUTLINE])
@pytest.mark.parametrize(
    ("record", "code"), [(HUMANEVAL, RIGHT), (MBPP, RIGHT), (LEETCODE, IN_CLASS)]
)
async def test_what_is_right_has_passed(
    tmp_path: Path, record: dict[str, Any], code: str, way: Way
) -> None:
    row = await measured(tmp_path, record, way, marked(code))
    assert row["passed"], row
    assert (row["answered"], row["timeout"], row["way"]) == (True, False, way)
    assert row["tokens"] > 0


@pytest.mark.parametrize(
    ("answer", "answered"),
    [(marked(WRONG), True), (marked("def double(x:\n"), False), ("I would rather not.", False)],
)
async def test_what_is_wrong_or_refused_has_not(
    tmp_path: Path, answer: str, answered: bool
) -> None:
    row = await measured(tmp_path, HUMANEVAL, Way.DIRECT, answer)
    assert (row["passed"], row["answered"]) == (False, answered)


async def test_only_the_second_way_asks_for_an_outline(tmp_path: Path) -> None:
    (problem,) = read_problems(file_of(tmp_path / "a.jsonl", HUMANEVAL)).cases
    one, engine = asking(marked(RIGHT))
    for case in cases_of([problem], [Way.DIRECT, Way.OUTLINE]):
        await measure_with(one)(case)
    direct, outlined = (prompt.text for prompt in engine.prompts)
    assert "outline" not in direct
    assert "step-by-step outline" in outlined
    assert "return x * 2" not in direct + outlined  # nor is the solution shown


async def test_the_tests_of_mbpp_are_shown_as_its_authors_have_them_shown(tmp_path: Path) -> None:
    (problem,) = read_problems(file_of(tmp_path / "a.jsonl", MBPP)).cases
    one, engine = asking(marked(RIGHT))
    await measure_with(one)(GenerationCase(problem, Way.DIRECT))
    assert "assert double(3) == 6" in engine.prompts[0].text


def test_the_outline_is_compared_on_the_same_problems(tmp_path: Path) -> None:
    rows = [
        {
            "id": f"{name}, {way}", "group": name, "way": way, "kind": kind, "passed": passed,
            "answered": True, "timeout": False, "tokens": 9,
        }
        for name, kind, way, passed in [
            ("a", "Easy", "direct", True), ("b", "Hard", "direct", False),
            ("a", "Easy", "outline", True), ("b", "Hard", "outline", True),
        ]
    ]  # fmt: skip
    solved, added, kinds = tables_of(rows)
    assert solved.rows["direct"]["pass@1, %"].value == 50
    assert solved.rows["outline"]["pass@1, %"].value == 100
    assert added.rows["outline, less direct"]["pass@1, points"].value == 50
    assert kinds.rows["Hard, direct"]["pass@1, %"].value == 0
    assert kinds.rows["Hard, direct"]["pass@1, %"].cases == 1


def test_a_problem_without_a_signature_cannot_be_filled_in(tmp_path: Path) -> None:
    (problem,) = read_problems(file_of(tmp_path / "a.jsonl", MBPP)).cases
    with pytest.raises(UsageError, match="--instruct-model"):
        cases_of([problem], [Way.FILL])


@pytest.mark.parametrize(
    ("more", "ways"),
    [
        (["--instruct-model", "x.gguf"], {"direct", "outline"}),
        (["--instruct-url", "http://host:1", "--way", "outline"], {"outline"}),
        ([], {"fill"}),
    ],
)
def test_the_command_writes_text_and_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], ways: set[str]
) -> None:
    file = file_of(tmp_path / "a.jsonl", HUMANEVAL)
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"answers": ["return x * 2"], "instruct": [marked(RIGHT)]}))
    out = tmp_path / "out"
    command = ["--scripted-engine", str(script), "eval", "generate", str(file), "--out", str(out)]
    assert main([*command, *more]) == 0
    assert "pass@1, %" in capsys.readouterr().out
    result = json.loads((out / "generate.json").read_text())
    assert set(result["tables"][0]["rows"]) == ways
    for row in result["tables"][0]["rows"].values():
        assert row["pass@1, %"]["value"] == 100
    assert result["run"]["problems"] == 1


def test_prompts_of_the_infilling_way_hold_no_solution(tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.jsonl", HUMANEVAL)
    script = tmp_path / "script.json"
    prompts = tmp_path / "prompts.txt"
    script.write_text(json.dumps({"answers": ["return x * 2"], "prompts_file": str(prompts)}))
    command = ["--scripted-engine", str(script), "eval", "generate", str(file)]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    assert "Return twice x." in prompts.read_text()
    assert "x * 2" not in prompts.read_text()
