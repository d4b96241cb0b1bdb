"""A report as Markdown: what all editors show for "explain the last completion"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from infill_ls.types import Report
from infill_retrieval import Retrieval

MOST_DECLINED = 8


def markdown(report: Report) -> str:
    """Return ``report`` as a document. It holds source text, like the report."""
    mode = f", {report.hole.mode.value}" if report.hole else ""
    parts = [f"# The last completion\n\n{report.reason} ({report.snapshot.trigger.value}{mode})"]
    if report.suggestion is not None:
        parts += ["## Suggestion", _fenced(report.suggestion.text)]
        if replaced := report.suggestion.replaced:
            start = report.snapshot.offset
            text = report.snapshot.text[start : start + replaced]
            parts.append(f"It replaces the text right of the cursor: `` {text} ``")
    if report.alternatives:
        parts += ["## Other suggestions", *(_fenced(other.text) for other in report.alternatives)]
    if completion := report.completion:
        parts += [
            "## What the model wrote",
            _fenced(completion.text),
            f"Probability {completion.probability:.2f}, stopped by {completion.stop.value}.",
        ]
    if changes := [f"{step.name}: {step.reason}" for step in report.filters if step.reason]:
        parts += ["## Filters that changed it", _listed(changes)]
    if report.step_ms:
        times = _listed(f"{step}: {ms:.1f} ms" for step, ms in report.step_ms.items())
        parts += ["## Times", times]
    if report.retrieval.budget_tokens:
        parts += ["## Snippets from other files", _snippets(report.retrieval)]
    if prompt := report.prompt:
        tokens = ", ".join(f"{part.name} {part.tokens}" for part in prompt.parts)
        parts += [f"## Prompt, {len(prompt.token_ids)} tokens", tokens]
        parts += [_listed(report.budget_cuts)] if report.budget_cuts else []
        parts += [_fenced(prompt.text)]
    return "\n\n".join(parts) + "\n"


def next_edit_markdown(told: Mapping[str, Any]) -> str:
    """Return a document on what was offered as the next edit and what was not, from ``nextEdit`` of a report."""
    parts = ["# The next edit", told["reason"] or "Offered, the nearest first:"]
    if offered := [one["why"] for one in told["offers"]]:
        parts.append(_listed(offered))
    if declined := [one["why"] for one in told["declined"]]:
        parts += ["Considered, but not likely enough:", _listed(declined[:MOST_DECLINED])]
    return "\n\n".join(parts) + "\n"


def _snippets(retrieval: Retrieval) -> str:
    used = f"{retrieval.tokens} of {retrieval.budget_tokens} tokens used."
    lines = []
    for one in retrieval.considered:
        snippet = one.snippet
        place = f"{snippet.path}:{snippet.first_line + 1}"
        detail = f"{snippet.channel.value}, {snippet.tokens} tokens, score {snippet.score:.2f}"
        lines.append(f"{place} ({detail}): {one.verdict.value}")
    return "\n\n".join([used, _listed(lines)]) if lines else used


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _fenced(text: str) -> str:
    """Return ``text`` between fences longer than any in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"
