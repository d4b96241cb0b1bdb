"""Tests of reports as Markdown."""

from __future__ import annotations

from dataclasses import replace

from infill_ls.reporting.markdown import markdown
from infill_ls.types import FilterStep, Report, Suggestion
from infill_retrieval import Channel, Considered, Retrieval, Snippet, Verdict
from unit.documents import snapshot

SNIPPET = Snippet("shop/price.py", "def price(): ...\n", 6, Channel.DECLARATION, 2.5, 12)
REPORT = Report(
    snapshot("x = ‸"),
    Suggestion("price()"),
    "shown",
    alternatives=(Suggestion("cost()"),),
    retrieval=Retrieval((SNIPPET,), 12, (Considered(SNIPPET, Verdict.TAKEN),), budget_tokens=512),
    filters=(FilterStep("trim", "price()"), FilterStep("repeats", "price()", "said it twice")),
    step_ms={"retrieve": 1.25},
)


def test_all_that_there_is() -> None:
    assert markdown(REPORT) == (
        "# The last completion\n\n"
        "shown (automatic)\n\n"
        "## Suggestion\n\n```\nprice()\n```\n\n"
        "## Other suggestions\n\n```\ncost()\n```\n\n"
        "## Filters that changed it\n\n- repeats: said it twice\n\n"
        "## Times\n\n- retrieve: 1.2 ms\n\n"
        "## Snippets from other files\n\n"
        "12 of 512 tokens used.\n\n"
        "- shop/price.py:7 (declaration, 12 tokens, score 2.50): taken\n"
    )


def test_fences_in_the_text_do_not_end_it() -> None:
    shown = markdown(replace(REPORT, suggestion=Suggestion("```\ncode\n````")))
    assert "\n`````\n```\ncode\n````\n`````\n" in shown


def test_nothing_was_suggested() -> None:
    shown = markdown(Report(snapshot("x = ‸"), None, "switched off"))
    assert "switched off (automatic)" in shown
    assert "Suggestion" not in shown
