"""Choose, from ranked candidates, the snippets that fit into an exact token budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from infill_retrieval.render import render_snippet
from infill_retrieval.types import CountTokens, Retrieval, Snippet


def pack(candidates: Sequence[Snippet], budget_tokens: int, count_tokens: CountTokens) -> Retrieval:
    """Take candidates (best first) while they fit; what does not fit is passed over, not a stop.

    The result is in prompt order: the most relevant snippet last, nearest to the prefix.
    """
    costs = count_tokens([render_snippet(c.path, c.text) for c in candidates]) if candidates else []
    taken: list[Snippet] = []
    passed: list[Snippet] = []
    left = budget_tokens
    for candidate, cost in zip(candidates, costs, strict=True):
        snippet = replace(candidate, tokens=cost)
        if cost <= left:
            taken.append(snippet)
            left -= cost
        else:
            passed.append(snippet)
    return Retrieval(tuple(reversed(taken)), budget_tokens - left, tuple(passed))
