"""Whole functions from their descriptions: HumanEval, MBPP and LeetCode's form, direct and with an outline.

Each problem is a file in an editor, and what is asked for is what the user asks for there: *implement* at
the function, or *rewrite* where the file has a description only. The program that comes of it is run
with its tests; what is refused has not passed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from infill_ls.asking import Asking, Instruction, Progress
from infill_ls.errors import UsageError
from infill_ls.evaluation.datasets import Dataset, read_jsonl, text_field
from infill_ls.evaluation.sandbox import DEFAULT_LIMITS, Limits, ProgramEnd, run_program
from infill_ls.instruct import OutlineUse, Task
from infill_ls.instruct.task import AnswerRefusedError, NothingToDoError
from infill_ls.measuring.driver import Measure
from infill_ls.measuring.figures import (
    Row,
    Table,
    average,
    gain,
    percent,
    table,
    without_gaps,
)
from infill_ls.types import Snapshot, Trigger

FILE_NAME = "solution.py"
SITE_IMPORTS = "\n".join(
    [
        "import bisect, collections, functools, heapq, itertools, math, operator, random, re, string",
        "from bisect import *\nfrom collections import *\nfrom functools import *\nfrom heapq import *",
        "from itertools import *\nfrom math import *\nfrom typing import *\n",
    ]
)
"""What LeetCode has imported before a solution runs; its files take that for granted."""


class ProblemForm(StrEnum):
    """The form of a file's problems."""

    HUMANEVAL = "humaneval"
    MBPP = "mbpp"
    LEETCODE = "leetcode"


class Way(StrEnum):
    """How a solution is asked for."""

    DIRECT = "direct"
    OUTLINE = "outline"
    FILL = "fill"
    """In place, from the model that fills in."""


@dataclass(frozen=True, slots=True)
class GenerationProblem:
    """A file with something to write in it, and the tests of that."""

    id: str
    form: ProblemForm
    text: str
    at: int
    """Where the cursor is."""
    instruction: str
    """Empty where the function is to be implemented from its description."""
    test: str
    kind: str = ""
    """How hard it is, if the file says so."""


@dataclass(frozen=True, slots=True)
class GenerationCase:
    """A problem and a way to ask for it."""

    problem: GenerationProblem
    way: Way

    @property
    def id(self) -> str:
        """The id, which is unique in a run."""
        return f"{self.problem.id}, {self.way}"


def read_problems(path: Path) -> Dataset[GenerationProblem]:
    """Read a public file of one of the forms. Raises :class:`~infill_ls.errors.UsageError`."""
    data = read_jsonl(path, _problem)
    # Of HumanEval's infilling files, the hole that comes first leaves nothing but the description.
    first: dict[str, GenerationProblem] = {}
    for one in data.cases:
        if one.id not in first or len(one.text) < len(first[one.id].text):
            first[one.id] = one
    return replace(data, cases=tuple(first.values()))


def cases_of(problems: Iterable[GenerationProblem], ways: Sequence[Way]) -> list[GenerationCase]:
    """Return each problem in each way. Raises :class:`UsageError` for a way that it cannot be asked in."""
    cases = [GenerationCase(problem, way) for problem in problems for way in ways]
    if any(case.way is Way.FILL and case.problem.instruction for case in cases):
        raise UsageError(
            "problems without a signature (MBPP) need a model that follows instructions: --instruct-model"
        )
    return cases


def measure_with(asking: Asking, limits: Limits = DEFAULT_LIMITS) -> Measure[GenerationCase]:
    """Return what measures one case."""

    async def measure(case: GenerationCase) -> Row:
        told: list[Progress] = []
        row: Row = {"group": case.problem.id, "way": case.way, "kind": case.problem.kind}
        try:
            program = await _program(asking, case, told.append)
        except (AnswerRefusedError, NothingToDoError) as error:
            return {**row, "passed": False, "answered": False, "why": str(error)}
        verdict = await asyncio.to_thread(run_program, program, limits)
        return {
            **row,
            "passed": verdict is ProgramEnd.PASSED,
            "answered": True,
            "timeout": verdict is ProgramEnd.TIMEOUT,
            "tokens": told[-1].tokens if told else None,
            "outline": bool(told[-1].outline) if told else None,
            "program": program,
        }

    return measure


def tables_of(rows: Sequence[Row]) -> tuple[Table, ...]:
    """Return the figures of a run: by way, what the outline adds, and by how hard a problem is."""
    by_way = {way: [row for row in rows if row["way"] == way] for way in Way}
    found = {way.value: _figures(some) for way, some in by_way.items() if some}
    # The same problem in both ways is a pair.
    outlined, direct = (
        [{**row, "id": row["group"]} for row in by_way[way]] for way in (Way.OUTLINE, Way.DIRECT)
    )
    tables = [table("Solved at the first attempt", found)]
    if outlined and direct:
        more = without_gaps(**{"pass@1, points": gain(outlined, direct, "passed")})
        tables.append(table("What the outline adds", {"outline, less direct": more}))
    kinds = sorted({row["kind"] for row in rows if row["kind"]})
    if kinds:
        by_kind = {
            f"{kind}, {way}": _figures([row for row in some if row["kind"] == kind])
            for way, some in by_way.items()
            for kind in kinds
            if any(row["kind"] == kind for row in some)
        }
        tables.append(table("By how hard they are", by_kind))
    return tuple(tables)


async def _program(
    asking: Asking, case: GenerationCase, on_progress: Callable[[Progress], None]
) -> str:
    problem = case.problem
    snapshot = Snapshot(
        uri=f"untitled:{problem.id}.py",
        path="",
        name=FILE_NAME,
        language_id="python",
        text=problem.text,
        offset=problem.at,
        trigger=Trigger.INVOKED,
    )
    if problem.instruction:
        asked = Instruction(snapshot, len(problem.text), Task.REWRITE, problem.instruction)
    else:
        asked = Instruction(snapshot, problem.at, Task.IMPLEMENT)
    if case.way is Way.FILL:
        answered = await asking.fill(asked, on_progress)
    else:
        outline = OutlineUse.DISCARD if case.way is Way.OUTLINE else OutlineUse.OFF
        answered = await asking.ask(asked, outline, on_progress)
    assert answered.edit is not None
    imports = SITE_IMPORTS if problem.form is ProblemForm.LEETCODE else ""
    return f"{imports}{answered.edit.of(problem.text)}\n{problem.test}\n"


def _problem(record: dict[str, Any]) -> GenerationProblem:
    tests = record.get("test_list", record.get("test"))
    if isinstance(tests, list):
        return _mbpp(record, [str(one) for one in tests])
    if "entry_point" in record:
        return _humaneval(record)
    return _leetcode(record)


def _humaneval(record: dict[str, Any]) -> GenerationProblem:
    name = text_field(record, "entry_point")
    text = text_field(record, "prompt").rstrip() + "\n"
    at = text.rfind(f"def {name}(")
    if at < 0:
        raise ValueError(f"the prompt has no function {name}")
    infilling = re.search(r"HumanEval/\d+", text_field(record, "task_id"))
    return GenerationProblem(
        id=infilling[0] if infilling is not None else text_field(record, "task_id"),
        form=ProblemForm.HUMANEVAL,
        text=text,
        at=at,
        instruction="",
        test=f"{text_field(record, 'test')}\ncheck({name})",
    )


def _leetcode(record: dict[str, Any]) -> GenerationProblem:
    stub = text_field(record, "prompt").rstrip()
    at = stub.rfind("def ")
    if at < 0:
        raise ValueError("the prompt has no function")
    margin = stub[stub.rfind("\n", 0, at) + 1 : at]
    meta = record.get("meta")
    kind = meta.get("difficulty", "") if isinstance(meta, dict) else ""
    return GenerationProblem(
        id=text_field(record, "task_id"),
        form=ProblemForm.LEETCODE,
        text=f"{stub}\n{margin}    pass\n",
        at=at,
        instruction="",
        test=text_field(record, "test"),
        kind=str(kind),
    )


def _mbpp(record: dict[str, Any], tests: list[str]) -> GenerationProblem:
    what = text_field(record, "text" if "text" in record else "prompt").strip()
    setup = record.get("test_setup_code") or "\n".join(record.get("test_imports") or ())
    shown = "\n".join(f"# {line}" for line in (*what.split("\n"), *tests))
    return GenerationProblem(
        id=f"MBPP/{record['task_id']}",
        form=ProblemForm.MBPP,
        text=f"{shown}\n",
        at=0,
        instruction=f"{what} These lines must pass:\n" + "\n".join(tests),
        test="\n".join([str(setup), *tests]),
    )


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    return without_gaps(
        **{
            "pass@1, %": percent(rows, "passed"),
            "with code, %": percent(rows, "answered"),
            "out of time, %": percent(rows, "timeout"),
            "tokens, mean": average(rows, "tokens"),
        }
    )
