"""A report as data and as text, for ``infill/explain`` and the command line."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from infill_ls.reporting.markdown import markdown
from infill_ls.settings import Settings
from infill_ls.types import Report
from infill_retrieval import Snippet

SETTINGS_THAT_MATTER = (
    "enabled",
    "disabled_languages",
    "prefix_tokens",
    "suffix_tokens",
    "snippet_tokens",
    "cold_target_ms",
    "context_tokens",
    "excluded",
    "sensitive_names",
    "max_indexed_file_bytes",
    "max_tokens",
    "max_lines",
    "time_budget_ms",
    "min_probability",
    "candidates",
    "temperature",
    "threads",
    "gpu_layers",
)
"""Those that a completion depends on; the others say when and how it is shown."""


def explain(report: Report, settings: Settings, engine: str = "") -> dict[str, Any]:
    """Return the full report on a request, as JSON data.

    ``engine`` says where completions come from, if that is not simply this machine.

    It holds source text, so it goes only to whoever asked for it, never into a log.
    """
    snapshot, hole = report.snapshot, report.hole
    prompt, completion = report.prompt, report.completion
    return {
        "uri": snapshot.uri,
        "name": snapshot.name,
        "languageId": snapshot.language_id,
        "trigger": snapshot.trigger.value,
        "offset": snapshot.offset,
        "suggestion": report.suggestion.text if report.suggestion else None,
        "replaces": snapshot.text[snapshot.offset : snapshot.offset + report.suggestion.replaced]
        if report.suggestion
        else "",
        "alternatives": [suggestion.text for suggestion in report.alternatives],
        "reason": report.reason,
        "mode": hole.mode.value if hole else None,
        "typed": hole.typed if hole else None,
        "lineTail": hole.line_tail if hole else None,
        "snippets": [_snippet(snippet) for snippet in report.retrieval.snippets],
        "snippetTokens": report.retrieval.tokens,
        "snippetBudgetTokens": report.retrieval.budget_tokens,
        "considered": [
            {**_snippet(one.snippet), "verdict": one.verdict.value}
            for one in report.retrieval.considered
        ],
        "budgetCuts": list(report.budget_cuts),
        "prompt": {
            "text": prompt.text,
            "tokens": len(prompt.token_ids),
            "anchorTokens": prompt.anchor_tokens,
            "fragment": prompt.fragment,
            "parts": {part.name: part.tokens for part in prompt.parts},
        }
        if prompt
        else None,
        "completion": {
            "text": completion.text,
            "stop": completion.stop.value,
            "meanLogprob": completion.mean_logprob,
            "probability": completion.probability,
            "timings": asdict(completion.timings),
        }
        if completion
        else None,
        "filters": [asdict(step) for step in report.filters],
        "stepMs": report.step_ms,
        "retrievalStepMs": report.retrieval.step_ms,
        "settings": {
            "model": engine or settings.engine.model_path.name,
            **settings.written.model_dump(
                mode="json", by_alias=True, include=set(SETTINGS_THAT_MATTER)
            ),
        },
        "markdown": markdown(report),
    }


def _snippet(snippet: Snippet) -> dict[str, Any]:
    return {
        "path": snippet.path,
        "firstLine": snippet.first_line,
        "channel": snippet.channel.value,
        "score": snippet.score,
        "tokens": snippet.tokens,
        "text": snippet.text,
    }
