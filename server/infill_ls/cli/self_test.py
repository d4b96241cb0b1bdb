"""Let a model fill a hole whose filling follows from the text around it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from infill_ls.engine import EngineInfo, EngineOptions
from infill_ls.engine.process import EngineProcess
from infill_ls.gathering import Gathering
from infill_ls.pipeline import Pipeline
from infill_ls.settings import Settings, settings_with
from infill_ls.types import Snapshot, Trigger
from infill_retrieval import NO_SNIPPETS

BEFORE = "def area_of_rectangle(width, height):\n    return width * "
AFTER = "\n\n\nprint(area_of_rectangle(width=3, height=4))\n"
EXPECTED = "height"


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """What a model made of the hole."""

    before: str
    """The line before the hole."""
    text: str
    expected: str
    info: EngineInfo

    @property
    def is_right(self) -> bool:
        """Whether the hole was filled from the text around it, as any model does that infills."""
        return self.expected in self.text


def try_model(path: Path, *, as_users_do: bool = False, measures: bool = False) -> SelfTestResult:
    """Load ``path`` in an engine and let it fill the hole.

    ``as_users_do`` uses the same engine, and so the same measurement, as editors with the default
    settings. Otherwise it is not measured which attention is best, which is quicker. ``measures``
    measures all of it anew before the hole is filled.
    Raises :class:`~infill_ls.errors.ModelError` and :class:`~infill_ls.errors.EngineError`.
    """
    settings = settings_with(model=str(path.resolve()), max_lines=1, time_budget_ms=60_000)
    options = EngineOptions(settings.engine.model_path)
    if not as_users_do:
        options = replace(options, flash_attention="off", kv_type="f16")
    return asyncio.run(_try(settings, replace(options, measures=measures)))


async def _try(settings: Settings, options: EngineOptions) -> SelfTestResult:
    engine = EngineProcess(options)
    try:
        info = await engine.start()
        pipeline = Pipeline(Gathering(engine, lambda *_: NO_SNIPPETS, settings))
        snapshot = Snapshot(
            uri="trial",
            path="",
            name="shapes.py",
            language_id="python",
            text=BEFORE + AFTER,
            offset=len(BEFORE),
            trigger=Trigger.INVOKED,
        )
        report = await pipeline.run(snapshot)
    finally:
        await engine.close()
    text = report.suggestion.text if report.suggestion is not None else ""
    last_line = BEFORE.rpartition("\n")[2].strip()
    return SelfTestResult(last_line + " ", text, EXPECTED, info)
