"""Messages between language servers and the engine process: a record for each.

Each request has an ``id`` and gets exactly one reply with that id. A completion that wants to hear of
it gets a :class:`SoFar` before, at its beginning and when :class:`Look` asks for it: one for each token
would wake the server while the model needs all cores, which cost half as much as a decode step.
What the engine says of itself has no ``id``.
"""

from __future__ import annotations

import msgspec

from infill_ls.engine.base import CompletionRequest, EngineInfo, Priority
from infill_ls.types import Completion, Sampling, StopRule, Written


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag=str.lower):
    """One message; its kind is the ``op`` of its frame."""


class Tokenize(Message, frozen=True, kw_only=True):
    """Asks for the token ids of texts; markers in them are plain text, unless they are to be read."""

    id: int
    texts: tuple[str, ...]
    reads_markers: bool = False


class Complete(Message, frozen=True, kw_only=True):
    """Asks for completions of a prompt. What people read of the prompt stays with the server."""

    id: int
    token_ids: tuple[int, ...]
    anchor_tokens: int
    fragment: str
    document: str
    stop: StopRule
    sampling: Sampling
    candidates: int
    priority: Priority
    tells: bool
    """Whether to send a :class:`SoFar`: at the beginning, or after each token if it is long."""

    @classmethod
    def of(cls, request_id: int, request: CompletionRequest, *, tells: bool) -> Complete:
        """Return the message that asks for what ``request`` says."""
        prompt = request.prompt
        return cls(
            id=request_id,
            token_ids=prompt.token_ids,
            anchor_tokens=prompt.anchor_tokens,
            fragment=prompt.fragment,
            document=prompt.document,
            stop=request.stop,
            sampling=request.sampling,
            candidates=request.candidates,
            priority=request.priority,
            tells=tells,
        )


class Warm(Message, frozen=True, kw_only=True):
    """Asks for a prompt to be decoded when there is nothing else to do."""

    id: int
    token_ids: tuple[int, ...]
    anchor_tokens: int
    document: str


class Ping(Message, frozen=True, kw_only=True):
    """Asks whether the engine is at a request; answered while it is at one."""

    id: int
    target: int


class Cancel(Message, frozen=True, kw_only=True):
    """Cancels a request. It has no answer of its own."""

    target: int


class Look(Message, frozen=True, kw_only=True):
    """Asks for a :class:`SoFar` of a completion at once, and for one when there is more than that.

    It has no answer of its own, and none at all if the completion is not there any more.
    """

    target: int


class SavePower(Message, frozen=True, kw_only=True):
    """Tells whether to do nothing that was not asked for. It has no answer."""

    saves: bool


Request = Tokenize | Complete | Warm | Ping
ToEngine = Request | Cancel | Look | SavePower


class Tokens(Message, frozen=True, kw_only=True):
    """Answers :class:`Tokenize`."""

    id: int
    ids: tuple[tuple[int, ...], ...]


class SoFar(Message, frozen=True, kw_only=True):
    """Tells what there is of a completion; no answer yet."""

    id: int
    written: Written


class Completions(Message, frozen=True, kw_only=True):
    """Answers :class:`Complete`: the best first."""

    id: int
    completions: tuple[Completion, ...]


class Warmed(Message, frozen=True, kw_only=True):
    """Answers :class:`Warm`."""

    id: int


class Served(Message, frozen=True, kw_only=True):
    """Answers :class:`Ping`."""

    id: int
    is_served: bool


class GaveWay(Message, frozen=True, kw_only=True):
    """Answers a request that was cancelled or that made way for another."""

    id: int


class Refused(Message, frozen=True, kw_only=True):
    """Answers a request that failed."""

    id: int
    error: str


class Loading(Message, frozen=True, kw_only=True):
    """Tells how much of the model is loaded, 0 to 1."""

    fraction: float


class Ready(Message, frozen=True, kw_only=True):
    """Tells that the model is loaded, and what it is."""

    info: EngineInfo
    pid: int


class Failed(Message, frozen=True, kw_only=True):
    """Tells why the model cannot be loaded."""

    message: str


class Unloaded(Message, frozen=True, kw_only=True):
    """Tells that the engine ends as nobody has asked for anything."""


Answer = Tokens | Completions | Warmed | Served | GaveWay | Refused
State = Loading | Ready | Failed | Unloaded
FromEngine = Answer | SoFar | State
