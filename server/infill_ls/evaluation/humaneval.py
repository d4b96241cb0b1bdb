"""HumanEval infilling (Bavarian et al., 2022): lines, blocks and spans of 164 small functions.

The editor's buffer is the prompt, an empty place and the suffix, with the cursor at the beginning
of the hole. The middle is what the server would show on request, or without the filters what the
model wrote. It is compared with the solution, and the program that it completes is run with the tests.

An editor is shown a statement, a block or a line. In a file whose holes may have several lines, which
begin and end anywhere, the model is asked with the same prompt and writes until it says itself that
the hole is filled, and what it wrote counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infill_ls.engine import CompletionRequest
from infill_ls.evaluation.ablation import Part
from infill_ls.evaluation.datasets import Dataset, read_jsonl, text_field
from infill_ls.evaluation.sandbox import DEFAULT_LIMITS, Limits, ProgramEnd, run_program
from infill_ls.measuring.driver import Measure
from infill_ls.measuring.engines import ForwardingEngine
from infill_ls.measuring.figures import (
    Row,
    Table,
    average,
    percent,
    quantile,
    table,
    without_gaps,
)
from infill_ls.pipeline import Pipeline
from infill_ls.settings import Settings, settings_with
from infill_ls.types import Completion, OnWritten, Report, Snapshot, StopRule, Trigger

FILE_NAME = "solution.py"
SETTINGS: dict[str, Any] = {
    "snippet_tokens": 0,
    "candidates": 1,
    "think_ahead": False,
    # A busy machine must not decide what is right.
    "time_budget_ms": 60_000,
    "cold_target_ms": 0,
}
MOST_TOKENS, MOST_LINES = 512, 100
"""Of a hole that has several lines."""


@dataclass(frozen=True, slots=True)
class InfillingProblem:
    """A function with a hole in it, and its tests."""

    id: str
    prompt: str
    suffix: str
    solution: str
    test: str
    entry_point: str

    @property
    def is_lines(self) -> bool:
        """Whether the hole consists of whole lines."""
        return self.solution.endswith("\n") and (not self.prompt or self.prompt.endswith("\n"))

    @property
    def rest(self) -> str:
        """The text behind the hole in an editor; the last line of the hole keeps its end."""
        return ("\n" if self.is_lines else "") + self.suffix

    @property
    def group(self) -> str:
        """The function, of which each has many holes."""
        return "/".join(self.id.split("/")[1:3])


def read_problems(path: Path) -> Dataset[InfillingProblem]:
    """Read a public file. Raises :class:`~infill_ls.errors.UsageError`."""
    return read_jsonl(path, _problem)


def _problem(record: dict[str, Any]) -> InfillingProblem:
    return InfillingProblem(
        text_field(record, "task_id"),
        text_field(record, "prompt"),
        text_field(record, "suffix"),
        text_field(record, "canonical_solution"),
        text_field(record, "test"),
        text_field(record, "entry_point"),
    )


def settings_for(problems: Sequence[InfillingProblem], model: str) -> Settings:
    """Return the server's settings for a file: where every hole is one line, no more is written."""
    several = have_several_lines(problems)
    size = {"max_tokens": MOST_TOKENS, "max_lines": MOST_LINES} if several else {"max_lines": 1}
    return settings_with(model=model, **SETTINGS, **size)


def have_several_lines(problems: Sequence[InfillingProblem]) -> bool:
    """Return whether some hole of a file has several lines."""
    return any(problem.solution.strip("\n").count("\n") for problem in problems)


class UntilItsEnd(ForwardingEngine):
    """An engine that writes until the model says that the hole is filled, wherever a line ends."""

    async def complete(
        self, request: CompletionRequest, on_written: OnWritten | None = None
    ) -> tuple[Completion, ...]:
        """Fill the hole."""
        stop = StopRule(MOST_TOKENS, MOST_LINES, time_budget_ms=request.stop.time_budget_ms)
        return await super().complete(replace(request, stop=stop), on_written)


def measure_with(
    pipeline: Pipeline,
    parts: frozenset[Part] = frozenset(),
    limits: Limits = DEFAULT_LIMITS,
    *,
    until_its_end: bool = False,
) -> Measure[InfillingProblem]:
    """Return what measures one problem, with ``parts`` of the server switched off.

    With ``until_its_end`` the pipeline's engine is an :class:`UntilItsEnd`, and all that it wrote counts.
    """

    async def measure(problem: InfillingProblem) -> Row:
        text = problem.prompt + ("" if Part.SUFFIX in parts else problem.rest)
        snapshot = Snapshot(
            uri=f"untitled:{problem.id}.py", path="", name=FILE_NAME, language_id="python", text=text, offset=len(problem.prompt),
            trigger=Trigger.INVOKED,
        )  # fmt: skip
        report = await pipeline.run(snapshot)
        middle = _whole(report) if until_its_end else _middle(report, raw=Part.FILTERS in parts)
        wanted = problem.solution.rstrip()
        program = _program(problem, middle)
        verdict = await asyncio.to_thread(run_program, program, limits)
        return {
            "id": problem.id,
            "group": problem.group,
            "exact": middle.rstrip() == wanted,
            "passed": verdict is ProgramEnd.PASSED,
            "timeout": verdict is ProgramEnd.TIMEOUT,
            "shown": bool(middle.strip()),
            "middle": middle,
            "probability": _probability(report),
            "model_ms": report.step_ms.get("engine"),
        }

    return measure


def tables_of(rows: Sequence[Row]) -> tuple[Table, ...]:
    """Return the figures of a run."""
    figures = without_gaps(
        **{
            "exact match, %": percent(rows, "exact"),
            "pass@1, %": percent(rows, "passed"),
            "shown, %": percent(rows, "shown"),
            "model, ms, mean": average(rows, "model_ms"),
            "median": quantile(rows, "model_ms", 0.5),
        }
    )
    return (table("All cases", {"all": figures}),)


def _middle(report: Report, *, raw: bool) -> str:
    if raw:
        return report.completion.text if report.completion is not None else ""
    return report.suggestion.text if report.suggestion is not None else ""


def _whole(report: Report) -> str:
    """Return all that the model wrote, without the closing brackets that it was not shown."""
    if report.completion is None or report.hole is None:
        return ""
    hole, text = report.hole, report.completion.text
    return text if hole.suffix.startswith(hole.line_tail) else text.removesuffix(hole.line_tail)


def _program(problem: InfillingProblem, middle: str) -> str:
    body = problem.prompt + middle + problem.rest
    return f"{body}\n{problem.test}\ncheck({problem.entry_point})\n"


def _probability(report: Report) -> float | None:
    """Return the mean natural log probability of the model's text."""
    return report.completion.mean_logprob if report.completion is not None else None
