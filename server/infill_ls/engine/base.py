"""The interface between the pipeline and whatever runs the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from infill_ls.models.fim import FimTokens
from infill_ls.types import GREEDY, Completion, OnWritten, Prompt, Sampling, StopRule


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What is known of a loaded model."""

    model_name: str
    context_tokens: int
    """Size of the context: prompt and completion together must fit."""
    fim: FimTokens
    tokens_stay_in_line: bool
    """Whether no token holds a newline and more, so that a text's tokens are those of its lines,
    one after the other (true for DeepSeek-Coder). Makes counting and caching by line exact."""
    notes: tuple[str, ...] = ()
    """What the user should know of the model: that it is made for something else, say."""
    prefill_tokens_per_s: float = 0.0
    """How fast a prompt is read here; 0 if that is not known."""
    decode_ms: float = 0.0
    """How long it takes to write a token; 0 if that is not known."""
    is_steady: bool = True
    """Whether the machine was quiet when that was measured."""


class Engine(Protocol):
    """Runs one model, one completion at a time.

    To cancel a call, cancel the task that awaits it: the engine stops within a decode step or
    one chunk of the prefill and keeps what it has decoded. Every method may raise
    :class:`~infill_ls.errors.EngineError`; ``start`` also
    :class:`~infill_ls.errors.ModelError`.
    """

    @property
    def info(self) -> EngineInfo | None:
        """The loaded model, or ``None`` while there is none."""

    async def start(self) -> EngineInfo:
        """Load the model if that has not happened; return when it is ready."""

    async def tokenize(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the token ids of each text; markers inside a text are plain text."""

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""

    async def complete(
        self,
        prompt: Prompt,
        stop: StopRule,
        *,
        sampling: Sampling = GREEDY,
        candidates: int = 1,
        on_written: OnWritten | None = None,
    ) -> tuple[Completion, ...]:
        """Fill the hole of ``prompt``: at most ``candidates`` different ways, the best first.

        ``on_written`` hears what there is of the first one, as often as the engine can tell.
        """

    async def warm(self, prompt: Prompt) -> None:
        """Decode the prompt up to its anchor, so that the next completion starts at once."""

    async def cancel(self) -> None:
        """Stop every completion under way; their callers get ``asyncio.CancelledError``."""

    async def close(self) -> None:
        """Leave for good; the memory is given back when nobody else uses the model."""
