"""Decide, while bytes arrive, where a completion ends."""

from __future__ import annotations

from infill_ls.document.lines import indent_columns
from infill_ls.engine.decoding.syntax_end import SyntaxEnd
from infill_ls.types import StopReason, StopRule
from infill_retrieval.syntax import TreeCache


class TextStop:
    """Collects the bytes of a completion and applies a :class:`StopRule`.

    ``trees`` remembers what was parsed for earlier completions of the same place. Invariant:
    ``text()`` never holds anything from beyond the point where a rule ended it.
    """

    def __init__(self, rule: StopRule, trees: TreeCache) -> None:
        self._rule = rule
        self._data = bytearray()
        self._syntax = SyntaxEnd(rule.ending, trees) if rule.ending is not None else None
        self._closing_from = 0
        """Where the newline stands before a line that may close the block, or 0."""

    def text(self) -> str:
        """Return the text so far, without a multi-byte character that is not complete yet."""
        return self._with_closing_line() if self._closing_from else self._decoded()

    def text_so_far(self) -> str:
        """Return the text so far without a line that may yet close a block."""
        end = self._closing_from or len(self._data)
        return self._data[:end].decode("utf-8", "ignore")

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
            return self._check_line()
        start = self._data.rfind(b"\n") + 1
        if start and byte not in b" \t\r" and self._is_first_mark(start):
            indent = indent_columns(self._data[start:-1].decode("ascii"))
            least = self._rule.min_indent
            if self._syntax is not None:
                least = max(least, self._syntax.min_indent)
            if indent < least:
                if self._syntax is not None and self._syntax.may_close(chr(byte)):
                    self._closing_from = start - 1
                    return None
                self._cut(start - 1)
                return StopReason.DEDENT
        return None

    def _check_line(self) -> StopReason | None:
        """Look at a line that has just ended."""
        if self._closing_from:
            self._data[:] = self._with_closing_line().encode()
            self._closing_from = 0
            return StopReason.SYNTAX
        if self._syntax is not None:
            whole = self._syntax.whole_at(self._decoded())
            if whole is not None:
                self._data[:] = whole.encode()
                return StopReason.SYNTAX
        if self._data.count(b"\n") >= self._rule.max_lines:
            self._cut(len(self._data) - 1)
            return StopReason.LINES
        return None

    def _with_closing_line(self) -> str:
        assert self._syntax is not None
        text = self._data[: self._closing_from].decode("utf-8", "ignore")
        line = self._data[self._closing_from + 1 :].decode("utf-8", "ignore")
        return self._syntax.closed_by(text, line.rstrip("\n"))

    def _decoded(self) -> str:
        return self._data.decode("utf-8", "ignore")

    def _is_first_mark(self, line_start: int) -> bool:
        return not self._data[line_start:-1].strip(b" \t\r")

    def _cut(self, length: int) -> None:
        del self._data[length:]
