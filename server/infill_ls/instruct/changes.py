"""The changes of an edit: one or a few places in a document."""

from __future__ import annotations

from dataclasses import dataclass, replace

from infill_retrieval.common_length import common_length


@dataclass(frozen=True, slots=True)
class TextChange:
    """Other text in one place. Offsets are code points; ``new`` has LF line ends."""

    start: int
    end: int
    old: str
    """What stood there when the model was asked: where it does no longer, nothing is changed."""
    new: str


@dataclass(frozen=True, slots=True)
class DocumentEdit:
    """Changes of a document that are made together or not at all, in the order of their places."""

    changes: tuple[TextChange, ...]

    def of(self, text: str) -> str:
        """Return the text with the changes made."""
        for one in reversed(self.changes):
            text = text[: one.start] + one.new + text[one.end :]
        return text

    def fits(self, text: str) -> bool:
        """Tell whether the text to be replaced is still there."""
        return all(text[one.start : one.end] == one.old for one in self.changes)

    def moved(self, before: str, after: str) -> DocumentEdit | None:
        """Return the edit, moved to the present version of its text.

        ``None`` if that has changed at one of its places, or on both sides of one.
        """
        start = common_length(before, after)
        rest = common_length(before[start:][::-1], after[start:][::-1])
        end, shift = len(before) - rest, len(after) - len(before)
        if start == end and not shift:
            return self
        moved = []
        for one in self.changes:
            if one.end < start or one.end == start < end:
                moved.append(one)
            elif one.start >= end:
                moved.append(replace(one, start=one.start + shift, end=one.end + shift))
            else:
                return None
        edit = DocumentEdit(tuple(moved))
        return edit if edit.fits(after) else None


def replacing(text: str, start: int, end: int, new: str) -> TextChange:
    """Return the change that replaces ``text[start:end]`` by ``new``."""
    return TextChange(start, end, text[start:end], new)
