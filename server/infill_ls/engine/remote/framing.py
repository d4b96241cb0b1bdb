"""Split a stream of JSON into events: server-sent events or JSON lines, detected automatically."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

MAX_LINE_BYTES = 1 << 20
"""A longer line is no event of any server's: something is wrong with it."""


class FramingError(ValueError):
    """The bytes are no stream of JSON events."""


class EventReader:
    """Takes the bytes of a response as they come and gives the JSON objects in them."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Yield the events that ``data`` completes. Raises :class:`FramingError`."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise FramingError("a line without an end")
        for line in lines:
            if (event := self._read(line.strip())) is not None:
                yield event

    def end(self) -> Iterator[dict[str, Any]]:
        """Yield the event of a last line without an end. Raises :class:`FramingError`."""
        line, self._rest = self._rest.strip(), b""
        if (event := self._read(line)) is not None:
            yield event

    def _read(self, line: bytes) -> dict[str, Any] | None:
        if line.startswith(b"data:"):
            line = line[len(b"data:") :].strip()
        elif not line.startswith(b"{"):
            if line.startswith(b"<"):
                raise FramingError("a web page")
            return None  # a comment that keeps the connection alive, or another field of an event
        if line == b"[DONE]":
            return None
        try:
            event = json.loads(line)
        except ValueError:
            raise FramingError("half an event") from None
        if not isinstance(event, dict):
            raise FramingError("an event that is not an object")
        return event
