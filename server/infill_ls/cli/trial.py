"""Let a model fill a hole whose filling follows from the text around it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from infill_ls.engine import EngineOptions, EngineProcess
from infill_ls.pipeline import Pipeline
from infill_ls.settings import Settings
from infill_ls.types import Snapshot, Trigger
from infill_retrieval import NO_SNIPPETS

BEFORE = "def area_of_rectangle(width, height):\n    return width * "
AFTER = "\n\n\nprint(area_of_rectangle(width=3, height=4))\n"
EXPECTED = "height"


@dataclass(frozen=True, slots=True)
class Trial:
    """What a model made of the hole."""

    before: str
    """The line before the hole."""
    text: str
    expected: str
    context_tokens: int
    notes: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Whether the hole was filled from the text around it, as any model does that infills."""
        return self.expected in self.text


def try_model(path: Path) -> Trial:
    """Load ``path`` in an engine and let it fill the hole.

    Raises :class:`~infill_ls.errors.ModelError` and :class:`~infill_ls.errors.EngineError`.
    """
    settings = Settings(model=str(path.resolve()), max_lines=1, time_budget_ms=60_000)
    return asyncio.run(_try(settings))


async def _try(settings: Settings) -> Trial:
    # Without a choice of attention, the measurement at the first load takes a quarter of the time.
    options = EngineOptions(settings.model_path, flash_attention="off", kv_type="f16")
    engine = EngineProcess(options)
    try:
        info = await engine.start()
        pipeline = Pipeline(engine, lambda *_: NO_SNIPPETS, settings)
        snapshot = Snapshot(
            "trial", "", "shapes.py", "python", BEFORE + AFTER, len(BEFORE), Trigger.INVOKED
        )
        report = await pipeline.run(snapshot)
    finally:
        await engine.close()
    text = report.suggestion.text if report.suggestion is not None else ""
    last_line = BEFORE.rpartition("\n")[2].strip()
    return Trial(last_line + " ", text, EXPECTED, info.context_tokens, info.notes)
