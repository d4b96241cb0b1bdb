"""Split bytes into LSP messages. Pure: feed in bytes in pieces of any size.

A frame is a header of ``Name: value`` lines, an empty line, and a body of ``Content-Length`` bytes.
Headers are read like HTTP's: names in any case, any white space around values, other fields
ignored. Where the bytes make no frame, one :class:`BadFrame` is given and the next header is looked
for. It cannot be mistaken: JSON has no line end inside of a string, so that a ``Content-Length``
with a number and a line end behind it is never part of a body.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_HEADER_BYTES = 4096
MAX_BODY_BYTES = 128 << 20
"""Editors do not open files of which a message would be longer."""

_LINE_ENDS = re.compile(rb"[\r\n]*")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:([^\r\n]*)")
_NUMBER = re.compile(rb"[0-9]{1,20}")
_CHARSET = re.compile(rb"charset[ \t]*=[ \t]*\"?([\w-]+)", re.IGNORECASE)
_LENGTH_FIELD = re.compile(
    rb"content-length[ \t]{0,20}:[ \t]{0,20}[0-9]{1,20}[ \t]{0,20}\r?\n", re.IGNORECASE
)
_LENGTH_FIELD_BYTES = 97
"""The longest that it matches."""
_UTF8 = frozenset({b"utf-8", b"utf8"})


@dataclass(frozen=True, slots=True)
class BadFrame:
    """Bytes that are no message, and why."""

    reason: str


class FrameReader:
    """Takes bytes and gives the bodies of the frames that they complete."""

    def __init__(self, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._max_body_bytes = max_body_bytes
        self._bytes = bytearray()
        self._body_bytes: int | None = None
        """Length of the body that is being read; ``None`` while the header is."""
        self._is_lost = False
        """Whether the next header is looked for."""

    def feed(self, data: bytes) -> list[bytes | BadFrame]:
        """Return what ``data`` completes, in order."""
        self._bytes += data
        found: list[bytes | BadFrame] = []
        while (frame := self._next()) is not None:
            found.append(frame)
        return found

    def _next(self) -> bytes | BadFrame | None:
        if self._is_lost and not self._find_header():
            return None
        if self._body_bytes is None:
            bad_frame = self._read_header()
            if bad_frame is not None:
                self._is_lost = True
                return bad_frame
        if self._body_bytes is None or len(self._bytes) < self._body_bytes:
            return None
        body = bytes(self._bytes[: self._body_bytes])
        del self._bytes[: self._body_bytes]
        self._body_bytes = None
        return body

    def _read_header(self) -> BadFrame | None:
        """Find the length of the next body, if the header is complete."""
        start = _LINE_ENDS.match(self._bytes)
        del self._bytes[: start.end() if start is not None else 0]
        end = _BLANK_LINE.search(self._bytes, 0, MAX_HEADER_BYTES)
        if end is None and len(self._bytes) < MAX_HEADER_BYTES:
            return None
        header = bytes(self._bytes[: end.start() if end is not None else MAX_HEADER_BYTES])
        fields = [_FIELD.fullmatch(line) for line in header.splitlines()]
        lengths = {
            field[2].strip()
            for field in fields
            if field is not None and field[1].lower() == b"content-length"
        }
        if end is None or None in fields or not lengths:
            # A good header may have begun in the middle of this one, but not at its start.
            again = _LENGTH_FIELD.match(self._bytes)
            del self._bytes[: again.end() if again is not None else 0]
            return BadFrame("there is no header where one should be")
        del self._bytes[: end.end()]
        length = lengths.pop()
        if lengths or not _NUMBER.fullmatch(length) or int(length) > self._max_body_bytes:
            return BadFrame(f"the length must be one number, {self._max_body_bytes} at most")
        charset = _CHARSET.search(header)
        if charset is not None and charset[1].lower() not in _UTF8:
            return BadFrame("the charset must be UTF-8")
        self._body_bytes = int(length)
        return None

    def _find_header(self) -> bool:
        """Drop what is before the next header; return whether one has begun."""
        found = _LENGTH_FIELD.search(self._bytes)
        if found is None:
            del self._bytes[: max(len(self._bytes) - _LENGTH_FIELD_BYTES, 0)]
            return False
        del self._bytes[: found.start()]
        self._is_lost = False
        return True
