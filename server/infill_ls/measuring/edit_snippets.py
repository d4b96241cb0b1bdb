"""What was just edited, as snippets: how training and measurements put edits in front of a hole.

The one place for that form. The server has no such snippets yet: it sends what its search finds, in which
lines that were edited lately weigh more. An edit is shown as any snippet is, under the comment that names
its file, with the lines around it; in front stand its lines as they were, as of a file in the folder ``BEFORE``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infill_ls.document.lines import split_lines
from infill_retrieval import Channel, CountTokens, Snippet
from infill_retrieval.common_length import common_ends
from infill_retrieval.render import render_snippet

BEFORE = "before"
AROUND_LINES = 1


@dataclass(frozen=True, slots=True)
class LinesEdited:
    """Lines ``start..end`` of a text became ``new``."""

    path: str
    lines: tuple[str, ...]
    """All of the text before the edit, with their ends."""
    start: int
    end: int
    new: tuple[str, ...]


def edit_snippets(
    edits: Sequence[LinesEdited],
    budget_tokens: int,
    count_tokens: CountTokens,
    *,
    with_old: bool = True,
) -> tuple[Snippet, ...]:
    """Return snippets of the latest of ``edits`` that fit, the latest last.

    Without ``with_old`` they show only what the lines have become.
    """
    found: list[Snippet] = []
    left = budget_tokens
    for edit in reversed(edits):
        pair = _of(edit, with_old=with_old)
        costs = count_tokens([render_snippet(path, text) for path, text, _ in pair])
        if sum(costs) > left:
            continue
        left -= sum(costs)
        found = [
            *(
                Snippet(path, text, line, Channel.USAGE, 1.0, cost)
                for (path, text, line), cost in zip(pair, costs, strict=True)
            ),
            *found,
        ]
    return tuple(found)


def _of(edit: LinesEdited, *, with_old: bool) -> list[tuple[str, str, int]]:
    """Return the paths, texts and first lines of the snippets of one edit."""
    first = max(0, edit.start - AROUND_LINES)
    above = edit.lines[first : edit.start]
    below = edit.lines[edit.end : edit.end + AROUND_LINES]
    old = "".join((*above, *edit.lines[edit.start : edit.end], *below))
    new = "".join((*above, *edit.new, *below))
    pair = [(f"{BEFORE}/{edit.path}", old, first)] if with_old else []
    pair.append((edit.path, new, first))
    return [(path, text if text.endswith("\n") else text + "\n", line) for path, text, line in pair]


def lines_edited(path: str, before: str, after: str) -> LinesEdited:
    """Return what one edit did to a text, in whole lines."""
    olds, news = split_lines(before), split_lines(after)
    head, tail = common_ends(olds, news)
    return LinesEdited(
        path, tuple(olds), head, len(olds) - tail, tuple(news[head : len(news) - tail])
    )
