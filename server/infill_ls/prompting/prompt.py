"""Lay out the prompt: which lines fit, and in which order the token ids go.

The prompt is built from ids, never from text with markers in it, so that source code which
happens to contain a marker stays code. Pure: equal input gives equal ids, as the KV cache and the
golden tests both need.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infill_ls.document.lines import split_lines
from infill_ls.models.fim import FimTokens, Order
from infill_ls.types import Hole, Prompt, PromptPart, Snapshot
from infill_retrieval import Retrieval
from infill_retrieval.render import path_comment, render_snippet
from infill_retrieval.syntax import language_of

START_STEP_LINES = 16
"""Where no syntax border is near, the window starts at a multiple of this many lines."""
BORDER_SHARE = 0.4
"""Share of the prefix budget that may be given up to start at a syntax border."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptText:
    """The parts of a prompt as text, cut to the budgets."""

    context: str
    """The snippets, each under a comment that names its file."""
    header: str
    """The comment that names the current file."""
    prefix: str
    suffix: str
    typed: str
    """Typed text without the fragment."""
    fragment: str


def lay_out(
    snapshot: Snapshot,
    hole: Hole,
    retrieval: Retrieval,
    *,
    prefix_line_tokens: Sequence[int],
    suffix_line_tokens: Sequence[int],
    prefix_budget_tokens: int,
    suffix_budget_tokens: int,
    fragment_start: int,
) -> PromptText:
    """Choose the text of each part. The ``*_line_tokens`` are counts of the hole's lines.

    ``fragment_start`` is where in the typed text the fragment begins that is held back.
    """
    first = first_prefix_line(prefix_line_tokens, hole.prefix_borders, prefix_budget_tokens)
    last = last_suffix_line(suffix_line_tokens, suffix_budget_tokens)
    language = language_of(snapshot.path or snapshot.name, snapshot.language_id)
    return PromptText(
        context="".join(render_snippet(s.path, s.text) for s in retrieval.snippets),
        header=path_comment(snapshot.name, language) if snapshot.name else "",
        prefix="".join(split_lines(hole.prefix)[first:]),
        suffix="".join(split_lines(hole.suffix)[:last]),
        typed=hole.typed[:fragment_start],
        fragment=hole.typed[fragment_start:],
    )


def first_prefix_line(
    line_tokens: Sequence[int], borders: Sequence[int], budget_tokens: int
) -> int:
    """Return the line the prefix starts with, so that it fits and its start moves seldom.

    If not everything fits, the start is the first syntax border within ``BORDER_SHARE`` of the
    budget, else the next multiple of ``START_STEP_LINES``: it jumps from one such line to the next
    as the cursor goes down, and the KV cache survives in between.
    """
    total = sum(line_tokens)
    if total <= budget_tokens:
        return 0
    left = total
    fits_from = 0
    while left > budget_tokens:
        left -= line_tokens[fits_from]
        fits_from += 1
    can_give_up = budget_tokens * BORDER_SHARE
    for border in borders:
        if not fits_from <= border < len(line_tokens):
            continue
        if sum(line_tokens[fits_from:border]) <= can_give_up:
            return border
        break
    stepped = -(-fits_from // START_STEP_LINES) * START_STEP_LINES
    if stepped < len(line_tokens) and sum(line_tokens[fits_from:stepped]) <= can_give_up:
        return stepped
    return fits_from


def last_suffix_line(line_tokens: Sequence[int], budget_tokens: int) -> int:
    """Return how many lines of the suffix fit."""
    used = 0
    for number, tokens in enumerate(line_tokens):
        used += tokens
        if used > budget_tokens:
            return number
    return len(line_tokens)


def assemble(
    text: PromptText,
    fim: FimTokens,
    *,
    head_ids: Sequence[int],
    prefix_ids: Sequence[int],
    suffix_ids: Sequence[int],
    typed_ids: Sequence[int],
    snippet_tokens: int,
) -> Prompt:
    """Put the ids in the model's order; ``head_ids`` are those of context and header."""
    bos = () if fim.bos is None else (fim.bos,)
    end = () if fim.middle is None else (fim.middle,)
    if fim.order is Order.PSM:
        before = (*bos, fim.prefix, *head_ids, *prefix_ids, fim.suffix, *suffix_ids, *end)
        ids = (*before, *typed_ids)
        anchor_tokens = len(before)
        shown = f"<prefix>{text.context}{text.header}{text.prefix}<suffix>{text.suffix}<middle>{text.typed}"
    else:
        before = (*bos, fim.suffix, *suffix_ids, fim.prefix, *head_ids, *prefix_ids)
        ids = (*before, *typed_ids, *end)
        anchor_tokens = len(before)
        shown = f"<suffix>{text.suffix}<prefix>{text.context}{text.header}{text.prefix}{text.typed}<middle>"
    return Prompt(
        token_ids=ids,
        anchor_tokens=anchor_tokens,
        fragment=text.fragment,
        text=shown,
        parts=(
            PromptPart("snippets", snippet_tokens, text.context),
            PromptPart("header", len(head_ids) - snippet_tokens, text.header),
            PromptPart("prefix", len(prefix_ids), text.prefix),
            PromptPart("suffix", len(suffix_ids), text.suffix),
            PromptPart("typed", len(typed_ids), text.typed),
        ),
    )
