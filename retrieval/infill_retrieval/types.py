"""The records that go into and come out of retrieval. Lines are 0-based, offsets code points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

CountTokens = Callable[[Sequence[str]], list[int]]
"""Counts the tokens of each text with the tokenizer of the model in use. Injected by the server."""


class Channel(StrEnum):
    """Where a snippet came from."""

    IMPORTED = "imported"
    """Declarations of what the file imports, bodies left out."""
    DECLARATION = "declaration"
    """Declarations ranked by BM25, bodies left out."""
    USAGE = "usage"
    """Windows of code ranked by BM25."""


@dataclass(frozen=True, slots=True)
class Query:
    """A place in a file for which the rest of the workspace is searched."""

    path: str
    """Absolute path of the file being edited; nothing of it is ever returned."""
    language_id: str
    prefix: str
    """Text before the cursor, at least the last lines of it."""
    suffix: str
    """Text after the cursor, at least the first lines of it."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Lines of another file, ready for the prompt."""

    path: str
    """Relative to the workspace folder, with ``/``, as the prompt shows it."""
    text: str
    """Whole lines; ends with a newline."""
    first_line: int
    channel: Channel
    score: float
    tokens: int
    """Cost in the prompt: of :func:`infill_retrieval.render.render_snippet`, not of ``text``."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found for a query: the snippets in prompt order, the most relevant last."""

    snippets: tuple[Snippet, ...] = ()
    tokens: int = 0
    """Sum over ``snippets``; never more than the budget asked for."""
    considered: tuple[Snippet, ...] = ()
    """Candidates that were ranked but not taken, best first (for ``explain``)."""
    step_ms: dict[str, float] = field(default_factory=dict)
    """Time of each step in milliseconds."""


NO_SNIPPETS = Retrieval()
