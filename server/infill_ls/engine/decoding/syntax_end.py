"""Decide by the syntax, at each line end, whether a completion is complete.

A block is whole where its bracket closes, or where the indentation ends it; a statement, where all
that it opened is closed and the text around it parses without new errors. The tree of prefix,
completion and suffix is parsed anew from the last one, which costs about a millisecond a line.
"""

from __future__ import annotations

import re

from infill_ls.document.balance import Balance
from infill_ls.document.lines import indent_columns
from infill_ls.types import Ending, EndKind
from infill_retrieval.syntax import PLAIN_TEXT, TreeCache, language_named

PARSE_LIMIT_MS = 30.0
MENDING_LINES = 4
"""So many lines may be written in the hope that the next one takes an error away."""
_CLOSING_LINE = re.compile(r"[)\]}]|(?:end|fi|done|esac)\b")
_CLOSING = re.compile(r"\s*(?:end|fi|done|esac|[)\]}])[)\]};,]*")


class SyntaxEnd:
    """Where one completion ends by ``ending``."""

    def __init__(self, ending: Ending, trees: TreeCache) -> None:
        self._ending = ending
        self._trees = trees
        self._language = language_named(ending.language) or PLAIN_TEXT
        before, newline, line = ending.before.rpartition("\n")
        self._line = line
        self._balance = Balance(self._language, before + newline, line, ending.after)
        self._errors_at_first: int | None = None
        self.min_indent = 0
        """A line that is indented by fewer columns ends the completion; grows with a header."""

    def whole_at(self, text: str) -> str | None:
        """Return the complete part of ``text``, which ends with a newline; ``None`` to continue."""
        lines = text.rstrip("\n")
        if not lines.strip():
            # A line end at once says that the line is whole as it is: if it can be.
            is_whole = bool(self._line.strip()) and self._balance.is_whole(text)
            return "" if is_whole and self._ending.kind is EndKind.STATEMENT else None
        if self._ending.kind is EndKind.BLOCK:
            return self._closed_block(lines)
        return self._whole_statement(lines)

    def may_close(self, first_mark: str) -> bool:
        """Whether a line that begins with ``first_mark`` may be the end of the block before it."""
        return first_mark in ")]}" or (first_mark in "efd" and self._language.words_close)

    def closed_by(self, text: str, line: str) -> str:
        """Return ``text``, with ``line`` if that closes it and the text below does not.

        ``line`` is indented less than the block.
        """
        if not _CLOSING_LINE.match(line.lstrip()):
            return text
        closing = _CLOSING.match(line)
        with_closer = f"{text}\n{closing[0]}" if closing is not None else text
        if self._balance.excess_closer(with_closer) is not None:
            return text
        errors, errors_without = self._errors(with_closer), self._errors(text)
        if errors is None or errors_without is None:
            return with_closer if line.lstrip()[0] in ")]}" else text
        return with_closer if errors < errors_without else text

    def _closed_block(self, lines: str) -> str | None:
        """Return the block up to the bracket that closes it; without, if that comes below."""
        closers = self._balance.of(lines).unmatched
        if not closers:
            return None
        text = lines[: closers[0].offset]
        if self._balance.excess_closer(lines) is closers[0]:
            return text.rstrip(" \t\n")
        last_line = lines[closers[0].offset :].partition("\n")[0]
        closing = _CLOSING.match(last_line)
        return text + (closing[0] if closing is not None else "")

    def _whole_statement(self, lines: str) -> str | None:
        """Return ``lines`` if they are a complete statement or declaration."""
        if self.min_indent:
            return None  # the body of a declaration: its indentation ends it
        if not self._balance.is_whole(f"{lines}\n"):
            return None
        if lines.count("\n") < MENDING_LINES and self._adds_errors(lines):
            return None
        if self._opens_indented_body(lines):
            first = lines.lstrip("\n").partition("\n")[0]
            self.min_indent = 1 + indent_columns(self._line + first)
            return None
        return lines

    def _opens_indented_body(self, lines: str) -> bool:
        if self._ending.kind is not EndKind.DECLARATION or not self._language.indented:
            return False
        return lines.rpartition("\n")[2].rstrip().endswith(":")

    def _adds_errors(self, text: str) -> bool:
        if self._errors_at_first is None:
            self._errors_at_first = self._errors(None) or 0
        errors = self._errors(text)
        return errors is not None and errors > self._errors_at_first

    def _errors(self, text: str | None) -> int | None:
        """Return the errors around and in ``text``, or of the surroundings without the line."""
        before, after = self._ending.before, self._ending.after
        if text is None:
            before, text = before[: len(before) - len(self._line)], ""
        tree = self._trees.parse(self._language, before + text + after, PARSE_LIMIT_MS)
        return tree.error_count() if tree is not None else None
