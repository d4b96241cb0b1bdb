"""The frame of an evaluation: an engine, a journal, the cases one by one, a result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from infill_ls.engine import Engine
from infill_ls.engine.fallback import EngineFactory, engine_for
from infill_ls.evaluation.ablation import EngineWithout, Part
from infill_ls.measuring.driver import HasId, Measure, measure_cases
from infill_ls.measuring.figures import Result, Row, Table, today
from infill_ls.measuring.journal import Journal, fingerprint, source_fingerprint
from infill_ls.settings import Settings

C = TypeVar("C", bound=HasId)


@dataclass(frozen=True, slots=True)
class RunPlan:
    """How to run, whatever is measured."""

    out: Path
    """Folder of the result and of the journal."""
    fresh: bool = False
    """Measure again what is known."""
    parts: frozenset[Part] = frozenset()
    """What is switched off."""


async def evaluate(
    name: str,
    plan: RunPlan,
    settings: Settings,
    run: dict[str, Any],
    cases: Sequence[C],
    measures_on: Callable[[Engine], Sequence[Measure[C]]],
    tables_of: Callable[[Sequence[Row]], tuple[Table, ...]],
    problems: Sequence[str] = (),
    engine_factory: EngineFactory = engine_for,
) -> Result:
    """Measure ``cases`` and return the result.

    ``run`` says what decides it beside the model, the code and what is switched off. Raises
    :class:`~infill_ls.errors.ModelError` for a model that cannot be used, and
    :class:`~infill_ls.errors.UsageError` if nothing can be written to the folder.
    """
    run = {
        "model": settings.engine.model_path.name,
        **run,
        "without": ", ".join(sorted(plan.parts)) or "nothing",
    }
    decides = {**run, "bytes": _size(settings.engine.model_path), "source": source_fingerprint()}
    journal = Journal(plan.out / f"{name}-{fingerprint(decides)}.jsonl", fresh=plan.fresh)
    engine: Engine = engine_factory(settings, lambda _: None)
    if plan.parts:
        engine = EngineWithout(engine, plan.parts)
    try:
        measured = await measure_cases(name, cases, measures_on(engine), journal)
    finally:
        journal.close()
        await engine.close()
    run = {"date": today(), **run}
    return Result(name, run, tables_of(measured.rows), (*problems, *measured.problems))


def _size(path: Path) -> int:
    """Return a file's size; 0 for one that cannot be read, which the engine will say."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
