"""Frames between the language server and the engine process: JSON behind a 4-byte length.

What is in them is one record for each message (:mod:`infill_ls.engine.messages`), written and read by
one codec. Before them come three frames in which both sides show that they know the token
(:mod:`infill_ls.engine.handshake`).
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO, TypeVar

import msgspec

from infill_ls.engine.messages import FromEngine, Message, ToEngine

Kind = TypeVar("Kind")

Hello = dict[str, Any]
"""A frame of the handshake."""

HEADER = struct.Struct(">I")
MAX_FRAME_BYTES = 64 * 1024 * 1024
MAX_HELLO_BYTES = 4096
"""Of a peer that has not shown the token yet."""

_encoder = msgspec.json.Encoder()
_to_engine: msgspec.json.Decoder[ToEngine] = msgspec.json.Decoder(ToEngine)
_from_engine: msgspec.json.Decoder[FromEngine] = msgspec.json.Decoder(FromEngine)


def encode(message: Message | Hello) -> bytes:
    """Return ``message`` as one frame. Half a surrogate pair becomes a question mark."""
    try:
        body = _encoder.encode(message)
    except UnicodeEncodeError:
        body = _encoder.encode(_whole(msgspec.to_builtins(message)))
    return HEADER.pack(len(body)) + body


def read_frame(stream: BinaryIO, most_bytes: int = MAX_FRAME_BYTES) -> bytes | None:
    """Read one frame's body; ``None`` at the end of the stream. ``ValueError`` if it is broken."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    size = frame_size(header, most_bytes)
    body = stream.read(size)
    return None if len(body) < size else body


def frame_size(header: bytes, most_bytes: int = MAX_FRAME_BYTES) -> int:
    """Return the size in bytes of the body behind ``header``; ``ValueError`` if absurd."""
    (size,) = HEADER.unpack(header)
    if size > most_bytes:
        raise ValueError(f"a frame of {size} bytes")
    return int(size)


def decode_hello(body: bytes) -> Hello:
    """Return the message in a frame of the handshake. Raises ``ValueError``."""
    try:
        message = json.loads(body)
    except RecursionError:
        raise ValueError("a frame that is nested too deeply") from None
    if not isinstance(message, dict):
        raise ValueError("a frame that is not an object")  # noqa: TRY004 - a broken stream
    return message


def decode_to_engine(body: bytes) -> ToEngine:
    """Return a server's message. Raises ``ValueError`` if a server must not send it."""
    return _decode(_to_engine, body)


def decode_from_engine(body: bytes) -> FromEngine:
    """Return the engine's message. Raises ``ValueError`` if an engine must not send it."""
    return _decode(_from_engine, body)


def _decode(decoder: msgspec.json.Decoder[Kind], body: bytes) -> Kind:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"a frame that cannot be understood: {error}") from None


def _whole(value: Any) -> Any:
    """Return plain data without halves of surrogate pairs."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {key: _whole(each) for key, each in value.items()}
        case list() | tuple():
            return [_whole(each) for each in value]
    return value
