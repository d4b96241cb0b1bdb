"""Stop rules for the engine, by the place that it fills and the settings."""

from __future__ import annotations

from infill_ls.document.cursor_window import cursor_window
from infill_ls.document.lines import indent_columns
from infill_ls.settings import Settings
from infill_ls.types import Ending, Hole, Mode, StopRule, Trigger

INVOKED_PATIENCE = 10
"""An explicit request may take so many times the time budget."""


def stop_rule(
    hole: Hole, trigger: Trigger, settings: Settings, *, min_probability: float = 0.0
) -> StopRule:
    """Return the rule for a completion of ``hole``, which is shown unasked from a probability on."""
    # Who asks by hand waits for an answer; who types would be past it.
    patience = INVOKED_PATIENCE if trigger is Trigger.INVOKED else 1
    return StopRule(
        max_tokens=settings.completion.max_tokens,
        max_lines=settings.completion.max_lines if hole.mode.end_kind is not None else 1,
        min_indent=_least_indent(hole),
        time_budget_ms=settings.completion.time_budget_ms * patience,
        # Anybody who asks gets an answer, however doubtful.
        min_probability=min_probability if trigger is Trigger.AUTOMATIC else 0.0,
        ending=_ending(hole),
    )


def _least_indent(hole: Hole) -> int:
    """Return the indentation in columns below which a line ends the completion."""
    indent = indent_columns(hole.line_typed)
    is_header = hole.mode is Mode.BLOCK and bool(hole.line_typed.strip())
    return indent + 1 if is_header else indent


def _ending(hole: Hole) -> Ending | None:
    if hole.mode.end_kind is None:
        return None
    near = cursor_window(hole)
    return Ending(hole.mode.end_kind, hole.language.name, near.before + near.line, near.after)
