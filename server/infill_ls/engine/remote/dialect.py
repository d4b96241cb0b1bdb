"""Dialects: pure mappings between our records and the requests of each kind of server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from infill_ls.types import Sampling, StopReason

Message = dict[str, Any]


class UnexpectedReplyError(ValueError):
    """A reply in an unexpected form. ``str(error)`` says what was expected."""


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One HTTP request."""

    path: str
    body: Message | None = None
    """Sent as JSON with POST; ``None`` makes it a GET."""
    holds_source: bool = False
    """Whether source text is in the body: then the server's words about it are not repeated."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Facts that a server reports about itself."""

    models: tuple[str, ...]
    """The names that a request may ask for; empty if the server does not say."""
    context_tokens: int = 0
    """Prompt and completion together; 0 if the server does not say."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One completion to ask for."""

    model: str
    token_ids: tuple[int, ...]
    text: str
    """The same prompt, spelled out; empty for a dialect that takes token ids."""
    max_tokens: int
    context_tokens: int
    sampling: Sampling
    fragment: str = ""
    """What the output should start with, for a server that can see to it."""
    stop_ids: tuple[int, ...] = ()
    stop_texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a completion that arrives."""

    text: str = ""
    token_ids: tuple[int, ...] = ()
    """Empty if the server does not tell them."""
    logprobs: tuple[float, ...] = ()
    """Natural log probabilities of the piece's tokens; empty if the server does not tell them."""
    end: StopReason | None = None
    """Why the server stopped; ``None`` while it goes on."""
    prompt_tokens: int = 0
    """Prompt tokens computed, if this is the end and the server tells it."""
    reused_tokens: int = 0
    """Prompt tokens found in the server's cache, likewise."""


class Dialect(Protocol):
    """One kind of server. ``reply`` and ``event`` are what its JSON was; they may be anything.

    Every method that reads one raises :class:`UnexpectedReplyError`.
    """

    name: str
    takes_token_ids: bool
    """Whether a prompt may be given as token ids; otherwise it is spelled out."""
    masks_fragment: bool
    """Whether the server makes the output start with :attr:`Ask.fragment`."""
    masks_when_asked_again: bool
    """Whether it can be told to, but at a price: only an output that has begun differently is asked for so."""
    reads_markers: bool
    """Whether its tokenizer takes markers inside a text for markers."""

    adds_bos_unasked: bool
    """Whether its tokenizer puts BOS before every text."""

    def about(self, model: str) -> HttpCall:
        """Return the request for facts about the server and its models."""

    def facts(self, reply: Any) -> ServerFacts:
        """Read the reply to :meth:`about`."""

    def tokenize(self, model: str, text: str, *, markers: bool, bos: bool) -> HttpCall | None:
        """Return a request for a text's tokens; ``None`` if the server cannot tell.

        ``markers`` wants markers read as such, ``bos`` wants what the server puts before a text.
        """

    def tokens(self, reply: Any) -> tuple[int, ...]:
        """Read the reply to :meth:`tokenize`."""

    def complete(self, ask: Ask) -> HttpCall:
        """Return the request for a completion, streamed."""

    def chunk(self, event: Any) -> Chunk:
        """Read one event of the stream."""


def get(reply: Any, *path: str | int) -> Any:
    """Return the value at ``path`` in JSON data. Raises :class:`UnexpectedReplyError`."""
    value = reply
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            where = ".".join(map(str, path))
            raise UnexpectedReplyError(f"{where} is missing") from None
    return value


def text_at(reply: Any, *path: str | int) -> str:
    """Return the text at ``path``. Raises :class:`UnexpectedReplyError`."""
    value = get(reply, *path)
    if not isinstance(value, str):
        raise UnexpectedReplyError(f"{'.'.join(map(str, path))} is not a string")
    return value


def ids_at(reply: Any, *path: str | int) -> tuple[int, ...]:
    """Return the token ids at ``path``. Raises :class:`UnexpectedReplyError`."""
    value = get(reply, *path)
    if not isinstance(value, list) or not all(isinstance(item, int) for item in value):
        raise UnexpectedReplyError(f"{'.'.join(map(str, path))} is not a list of token ids")
    return tuple(value)


def count_at(reply: Any, *path: str | int) -> int:
    """Return the number at ``path``; 0 if there is none, as servers leave it out at will."""
    try:
        value = get(reply, *path)
    except UnexpectedReplyError:
        return 0
    return int(value) if isinstance(value, int | float) else 0


def logprobs_of(values: Any) -> tuple[float, ...]:
    """Return the numbers in ``values``; none if it is no list, as servers leave them out at will."""
    if not isinstance(values, Sequence):
        return ()
    return tuple(float(value) for value in values if isinstance(value, int | float))
