"""The engine interface between the features and the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from infill_ls.errors import ModelError
from infill_ls.models.chat import ChatTemplate
from infill_ls.models.fim import FimTokens
from infill_ls.types import GREEDY, Completion, OnWritten, Prompt, Sampling, StopRule


class Priority(StrEnum):
    """Which of two requests goes first. Warming comes between the two."""

    TYPING = "typing"
    """Somebody types and waits."""
    LONG = "long"
    """An answer of minutes: it makes way for all others, between two tokens, and goes on after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What is known of a loaded model."""

    model_name: str
    context_tokens: int
    """Size of the context: prompt and completion together must fit."""
    stop_ids: frozenset[int]
    """Ids that end what is written: markers, the family's stops and the model's own end tokens."""
    fim: FimTokens | None
    """The markers of a model that can fill in the middle; see :meth:`fim_tokens`."""
    tokens_stay_in_line: bool
    """Whether no token holds a newline and more, so that a text's tokens are those of its lines,
    one after the other (true for DeepSeek-Coder). Makes counting and caching by line exact."""
    chat: ChatTemplate | None = None
    """How it is talked to, if it was trained to follow instructions and says how."""
    takes_conversations: bool = False
    """Whether a prompt is a :class:`~infill_ls.types.Conversation`, and token ids are for counting only."""
    notes: tuple[str, ...] = ()
    """What the user should know of the model: that it is made for something else, say."""
    prefill_tokens_per_s: float = 0.0
    """How fast a prompt is read here; 0 if that is not known."""
    decode_ms: float = 0.0
    """How long it takes to write a token; 0 if that is not known."""
    is_far: bool = False
    """Whether asking anew costs more than waiting for what was asked: on a server that others use too."""
    is_steady: bool = True
    """Whether the machine was quiet when that was measured."""

    def fim_tokens(self) -> FimTokens:
        """Return the infilling markers. Raises :class:`ModelError` if the model has none."""
        if self.fim is None:
            raise ModelError(
                f"the model {self.model_name} cannot fill in the middle (no infilling markers in "
                "its vocabulary): choose a base model (not instruct) that was trained to infill"
            )
        return self.fim


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """What to write, and how long it may take."""

    prompt: Prompt
    stop: StopRule
    sampling: Sampling = GREEDY
    candidates: int = 1
    """At most so many different ways; 1 if it is long."""
    priority: Priority = Priority.TYPING
    answer_within_s: float = 0.0
    """How long it may take beside its own time budget and the time to read its prompt, as others may
    be before it; 0 for the engine's own limit."""


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

    async def tokenize(
        self, texts: Sequence[str], *, reads_markers: bool = False
    ) -> list[tuple[int, ...]]:
        """Return the token ids of each text.

        Markers inside a text are plain text, unless ``reads_markers``: for what a model's own file
        says, never for what people write.
        """

    async def complete(
        self, request: CompletionRequest, on_written: OnWritten | None = None
    ) -> tuple[Completion, ...]:
        """Return the model's completions of the prompt, the best first.

        ``on_written`` hears what there is of the first one: its beginning, and then of each token, or
        when :meth:`look` asks for it. Of a long answer it hears as often as the engine can tell.
        """

    def look(self, on_written: OnWritten) -> bool:
        """Have the listener of a completion hear what there is of it now, and once when there is more.

        ``False`` if it hears of each token anyway, or there is nothing to hear.
        """

    async def warm(self, prompt: Prompt) -> None:
        """Decode the prompt, so that the next completion starts at once."""

    async def close(self) -> None:
        """Leave for good; the memory is given back when nobody else uses the model."""
