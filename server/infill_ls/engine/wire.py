"""Frames between the language server and the engine process: JSON behind a 4-byte length.

Each request has an ``id`` and gets exactly one reply with that ``id``; a completion that wants to hear
of it gets ``written`` frames with it before, one for each token. Events (``loading``, ``ready``, ``failed``) come up with no ``id``.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from typing import Any, BinaryIO

from infill_ls.engine.base import EngineInfo
from infill_ls.models.fim import FimTokens, Order
from infill_ls.types import (
    Completion,
    Ending,
    EndKind,
    EngineTimings,
    Sampling,
    StopReason,
    StopRule,
    Written,
)

Message = dict[str, Any]

HEADER = struct.Struct(">I")
MAX_FRAME_BYTES = 64 * 1024 * 1024
MAX_HELLO_BYTES = 4096
"""Of a peer that has not shown the token yet."""


def encode(message: Message) -> bytes:
    """Return ``message`` as one frame."""
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    return HEADER.pack(len(body)) + body


def read_frame(stream: BinaryIO, most_bytes: int = MAX_FRAME_BYTES) -> Message | None:
    """Read one frame; ``None`` at the end of the stream. Raises ``ValueError`` on a broken one."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    size = frame_size(header, most_bytes)
    body = stream.read(size)
    return None if len(body) < size else decode_body(body)


def frame_size(header: bytes, most_bytes: int = MAX_FRAME_BYTES) -> int:
    """Return the size in bytes of the body behind ``header``; ``ValueError`` if absurd."""
    (size,) = HEADER.unpack(header)
    if size > most_bytes:
        raise ValueError(f"a frame of {size} bytes")
    return int(size)


def decode_body(body: bytes) -> Message:
    """Return the message in a frame's body."""
    try:
        message = json.loads(body)
    except RecursionError:
        raise ValueError("a frame that is nested too deeply") from None
    if not isinstance(message, dict):
        raise ValueError("a frame that is no object")  # noqa: TRY004 - a broken stream
    return message


def record_to_wire(record: StopRule | Sampling | EngineTimings | Written) -> Message:
    """Return a record as plain data."""
    return asdict(record)


def stop_rule_from_wire(data: Message) -> StopRule:
    """Return the stop rule in ``data``."""
    ending = data["ending"]
    if ending is not None:
        ending = Ending(**{**ending, "kind": EndKind(ending["kind"])})
    return StopRule(**{**data, "ending": ending})


def completion_to_wire(completion: Completion) -> Message:
    """Return ``completion`` as plain data."""
    return {
        "text": completion.text,
        "stop": completion.stop.value,
        "mean_logprob": completion.mean_logprob,
        "timings": record_to_wire(completion.timings),
    }


def completion_from_wire(data: Message) -> Completion:
    """Return the completion in ``data``."""
    return Completion(
        data["text"],
        StopReason(data["stop"]),
        data["mean_logprob"],
        EngineTimings(**data["timings"]),
    )


def written_from_wire(data: Message) -> Written:
    """Return what is written so far, by ``data``."""
    return Written(str(data["text"]), float(data["mean_logprob"]), int(data["tokens"]))


def info_to_wire(info: EngineInfo) -> Message:
    """Return ``info`` as plain data."""
    fim = info.fim
    return {
        "model_name": info.model_name,
        "context_tokens": info.context_tokens,
        "tokens_stay_in_line": info.tokens_stay_in_line,
        "notes": info.notes,
        "prefill_tokens_per_s": info.prefill_tokens_per_s,
        "decode_ms": info.decode_ms,
        "is_steady": info.is_steady,
        "fim": {
            "family": fim.family,
            "order": fim.order.value,
            "prefix": fim.prefix,
            "suffix": fim.suffix,
            "middle": fim.middle,
            "bos": fim.bos,
            "stops": sorted(fim.stops),
        },
    }


def info_from_wire(data: Message) -> EngineInfo:
    """Return the description of a model in ``data``."""
    fim = data["fim"]
    return EngineInfo(
        data["model_name"],
        data["context_tokens"],
        FimTokens(**{**fim, "order": Order(fim["order"]), "stops": frozenset(fim["stops"])}),
        data["tokens_stay_in_line"],
        tuple(data["notes"]),
        data["prefill_tokens_per_s"],
        data["decode_ms"],
        data["is_steady"],
    )
