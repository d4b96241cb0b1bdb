"""The filters: an ordered list of pure functions from the model's text to what is shown.

Each takes the text and the site, and returns the text to go on with; an empty text means that
nothing is shown, and the filter's reason says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infill_ls.suggesting.filters import ends, repeats, style, validity
from infill_ls.suggesting.filters.site import Site
from infill_ls.suggesting.fit import smallest
from infill_ls.types import Completion, FilterStep, StopReason, Suggestion

__all__ = ["FILTERS", "Filter", "Site", "conclude", "filters_of"]


@dataclass(frozen=True, slots=True)
class Filter:
    """One rule, and what it has done when it changed the text."""

    apply: Callable[[str, Site], str]
    reason: str
    after: frozenset[StopReason] | None = None
    """The reasons to stop after which it applies; after all if absent."""

    @property
    def name(self) -> str:
        """Its name in ``explain`` and in the docs."""
        return self.apply.__name__


FILTERS: tuple[Filter, ...] = (
    Filter(style.line_ends, "converts line ends"),
    Filter(
        ends.cut_off_end,
        "a limit cut off the last line or word",
        frozenset({StopReason.TIME, StopReason.TOKENS}),
    ),
    Filter(ends.one_line, "only one line is wanted here"),
    Filter(style.doubled_space, "there is already white space before the cursor"),
    Filter(
        ends.rest_of_line,
        "the line continues right of the cursor, or the brackets are closed below",
    ),
    Filter(repeats.line_tail, "it repeats the rest of the line"),
    Filter(repeats.lines_below, "it repeats the lines below"),
    Filter(repeats.line_above, "it repeats the line above"),
    Filter(repeats.itself, "it repeats itself"),
    Filter(repeats.comments, "it repeats a comment, or a licence"),
    Filter(style.indentation, "is indented like the document"),
    Filter(ends.left_open, "it opens brackets that nothing closes"),
    Filter(validity.low_information, "it contains nothing useful"),
    Filter(validity.secrets, "it looks like a secret"),
    Filter(validity.syntax, "it adds errors to the syntax"),
    Filter(ends.blank_end, "the document continues with its own white space"),
)


def filters_of(completion: Completion, site: Site) -> tuple[FilterStep, ...]:
    """Return what each filter leaves of the model's text, up to one that leaves nothing.

    Empty if the model wrote nothing.
    """
    steps: list[FilterStep] = []
    text = completion.text
    for rule in FILTERS:
        if not text.strip():
            break
        if rule.after is not None and completion.stop not in rule.after:
            continue
        changed = rule.apply(text, site)
        steps.append(FilterStep(rule.name, changed, rule.reason if changed != text else ""))
        text = changed
    return tuple(steps)


def conclude(steps: tuple[FilterStep, ...], site: Site) -> tuple[Suggestion | None, str]:
    """Return the suggestion that ``steps`` leave, or ``None`` and the reason for that."""
    if not steps:
        return None, "the model wrote nothing"
    last = steps[-1]
    if last.text.strip():
        found = smallest(site.fit(last.text), site.near.rest_of_line)
        if found.text.strip():
            inserted = found.text[: found.first_closer].rstrip() if found.replaced else None
            return Suggestion(found.text, found.replaced, inserted), "shown"
    return None, f"dropped by the filter {last.name}: {last.reason}"
