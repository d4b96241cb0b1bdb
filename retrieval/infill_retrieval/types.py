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
    MEMBER = "member"
    """Declarations that the code at the cursor is about to use: members of what stands before the
    dot, what is called, what a class is to override. Bodies left out."""
    FAR = "far"
    """Signatures of the file being edited that lie outside of what the prompt shows of it."""
    USAGE = "usage"
    """Windows of code ranked by BM25."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A place in a file for which the rest of the workspace is searched."""

    path: str
    """Absolute path of the file being edited; only signatures far from the cursor are returned of it."""
    language_id: str
    prefix: str
    """Text before the cursor, at least the last lines of it."""
    suffix: str
    """Text after the cursor, at least the first lines of it."""
    shown_before_tokens: int = 768
    """About how much of ``prefix`` the prompt shows anyway, from its end."""
    shown_after_tokens: int = 256
    """About how much of ``suffix`` it shows, from its beginning."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Lines of another file, or far ones of the same, ready for the prompt."""

    path: str
    """Relative to the workspace folder, with ``/``, as the prompt shows it."""
    text: str
    """Whole lines; ends with a newline."""
    first_line: int
    channel: Channel
    score: float
    tokens: int
    """Cost in the prompt: of :func:`infill_retrieval.render.render_snippet`, not of ``text``."""


class Verdict(StrEnum):
    """What became of a candidate."""

    TAKEN = "taken"
    SHOWN = "shown already"
    """Its lines stand around the cursor or in a snippet that was taken before."""
    NO_ROOM = "no room"
    """It costs more tokens than its channel, and then all of them, had left."""


@dataclass(frozen=True, slots=True)
class Considered:
    """A candidate that was ranked, and what became of it.

    The tokens of a snippet that has no room may be an estimate, and rather low.
    """

    snippet: Snippet
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found for a query: the snippets in prompt order, the most relevant last."""

    snippets: tuple[Snippet, ...] = ()
    tokens: int = 0
    """Sum over ``snippets``; never more than the budget asked for."""
    considered: tuple[Considered, ...] = ()
    """All candidates with their verdicts, channel by channel, best first (for ``explain``).
    Taken ones of the same file and channel may have become one snippet."""
    step_ms: dict[str, float] = field(default_factory=dict)
    """Time of each step in milliseconds."""
    budget_tokens: int = 0
    """What ``tokens`` could have been at most."""


NO_SNIPPETS = Retrieval()
