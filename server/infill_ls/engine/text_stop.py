"""Decide, while bytes arrive, where a completion ends."""

from __future__ import annotations

from infill_ls.lines import indent_columns
from infill_ls.types import StopReason, StopRule


class TextStop:
    """Collects the bytes of a completion and applies the line rules of a :class:`StopRule`.

    Invariant: ``text()`` never holds anything from beyond the point where a rule ended it.
    """

    def __init__(self, rule: StopRule) -> None:
        self._rule = rule
        self._data = bytearray()

    def text(self) -> str:
        """Return the text so far, without a multi-byte character that is not complete yet."""
        return self._data.decode("utf-8", "ignore")

    def feed(self, piece: bytes) -> StopReason | None:
        """Take the bytes of one more token; return why to stop now, or ``None`` to go on."""
        for byte in piece:
            self._data.append(byte)
            reason = self._check(byte)
            if reason is not None:
                return reason
        return None

    def _check(self, byte: int) -> StopReason | None:
        if byte == 0x0A:
            if self._data.count(b"\n") >= self._rule.max_lines:
                self._cut(len(self._data) - 1)
                return StopReason.LINES
            return None
        start = self._data.rfind(b"\n") + 1
        if start and byte not in b" \t\r" and self._is_first_mark(start):
            indent = indent_columns(self._data[start:-1].decode("ascii"))
            if indent < self._rule.min_indent:
                self._cut(start - 1)
                return StopReason.DEDENT
        return None

    def _is_first_mark(self, line_start: int) -> bool:
        return not self._data[line_start:-1].strip(b" \t\r")

    def _cut(self, length: int) -> None:
        del self._data[length:]
