"""The history of edits, as small diffs that a person would name: one rename, not nine keys.

Kept in memory alone and bounded. No two edits touch: a change that touches one, or that goes on in
its word, becomes part of it. So each can be undone by itself, which is how the text before it is
found again. An edit that ends where it began is no edit, and teaches that its change is not wanted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from infill_ls.next_edit.changes import changes_of
from infill_retrieval.common_length import common_length

MAX_EDITS = 24
"""In all documents together."""
MAX_EDIT_CHARS = 4_000
"""Old and new text of an edit; a larger one was pasted or made by a tool, and teaches nothing."""
MAX_REFUSED = 256
MAX_DOCUMENTS = 100
"""Documents whose text is held to compare the next version with."""


@dataclass(frozen=True, slots=True)
class RecentEdit:
    """``old`` became ``new``, which stands at ``start`` in the document as it is now."""

    uri: str
    start: int
    old: str
    new: str

    @property
    def end(self) -> int:
        """Where ``new`` ends."""
        return self.start + len(self.new)

    def undone_in(self, text: str) -> str:
        """Return the document's ``text`` without this edit."""
        return text[: self.start] + self.old + text[self.end :]


Key = tuple[str, str]
"""What is told apart when something is refused: the old text and the new."""


class History:
    """The latest edits of all open documents."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._edits: list[RecentEdit] = []
        self._refused: OrderedDict[Key, None] = OrderedDict()
        self.serial = 0
        """Counts the changes: what was computed for another number is stale."""

    @property
    def edits(self) -> tuple[RecentEdit, ...]:
        """All edits, the latest last."""
        return tuple(self._edits)

    @property
    def texts(self) -> dict[str, str]:
        """The documents as they are."""
        return dict(self._texts)

    @property
    def refused(self) -> frozenset[Key]:
        """The changes that are not to be offered."""
        return frozenset(self._refused)

    def opened(self, uri: str, text: str) -> None:
        """Begin with a document."""
        self.forget(uri)
        self._texts[uri] = text
        while len(self._texts) > MAX_DOCUMENTS:
            self.forget(next(iter(self._texts)))

    def changed(self, uri: str, text: str) -> None:
        """Take the next version of a document into account."""
        before = self._texts.get(uri)
        if before is None:
            self.opened(uri, text)
            return
        self._texts[uri] = text
        self._texts.move_to_end(uri)
        if before != text:
            self.serial += 1
            start, old, new = difference(before, text)
            self._add(uri, before, start, old, new)

    def forget(self, uri: str) -> None:
        """Forget a document: it was closed, or holds secrets."""
        self.serial += 1
        self._texts.pop(uri, None)
        self._edits = [edit for edit in self._edits if edit.uri != uri]

    def refuse(self, keys: Iterable[Key]) -> None:
        """Do not offer these changes any more."""
        self.serial += 1
        for key in keys:
            self._refused[key] = None
            self._refused.move_to_end(key)
        while len(self._refused) > MAX_REFUSED:
            self._refused.popitem(last=False)

    def _add(self, uri: str, before: str, start: int, old: str, new: str) -> None:
        """Add the change of ``before`` where ``old`` stands at ``start``."""
        end, moved = start + len(old), len(new) - len(old)
        kept: list[RecentEdit] = []
        touched: list[RecentEdit] = []
        for edit in self._edits:
            if edit.uri != uri:
                kept.append(edit)
            elif _is_one(before, edit, start, end):
                touched.append(edit)
            else:
                kept.append(replace(edit, start=edit.start + moved) if edit.start >= end else edit)
        merged = _merged(uri, before, (start, old, new), touched)
        if merged is None:
            for edit in touched:
                undone = changes_of(before, edit.start, edit.old, edit.new)
                self.refuse(key for change in undone if (key := change.key) != ("", ""))
        elif len(merged.old) + len(merged.new) <= MAX_EDIT_CHARS:
            kept.append(merged)
        self._edits = kept[-MAX_EDITS:]


def difference(before: str, after: str) -> tuple[int, str, str]:
    """Return where two texts begin to differ, and the differing part of each."""
    start = common_length(before, after)
    rest, other = before[start:], after[start:]
    most = min(len(rest), len(other))
    # The ends are compared in pieces: reversing a large document at each key would cost more.
    tail, step = 0, 64
    while tail < most:
        size = min(step, most - tail)
        one = rest[len(rest) - tail - size : len(rest) - tail]
        two = other[len(other) - tail - size : len(other) - tail]
        if one == two:
            tail, step = tail + size, step * 4
            continue
        tail += common_length(one[::-1], two[::-1])
        break
    return start, rest[: len(rest) - tail], other[: len(other) - tail]


def _is_one(text: str, edit: RecentEdit, start: int, end: int) -> bool:
    """Tell whether a change of ``start..end`` goes on with ``edit``: it touches it or its word."""
    if end < edit.start:
        gap = text[end : edit.start] if edit.start - end < 64 else " "
    elif start > edit.end:
        gap = text[edit.end : start] if start - edit.end < 64 else " "
    else:
        return True
    return all(char.isalnum() or char == "_" for char in gap)


def _merged(
    uri: str, before: str, change: tuple[int, str, str], touched: list[RecentEdit]
) -> RecentEdit | None:
    """Return the one edit that a change and the edits it touches are; ``None`` if they undo it."""
    start, old, new = change
    end = start + len(old)
    first = min([start, *(edit.start for edit in touched)])
    last = max([end, *(edit.end for edit in touched)])
    oldest = before[first:last]
    for edit in sorted(touched, key=lambda edit: edit.start, reverse=True):
        oldest = oldest[: edit.start - first] + edit.old + oldest[edit.end - first :]
    newest = before[first:start] + new + before[end:last]
    shift, shorter_old, shorter_new = difference(oldest, newest)
    if not shorter_old and not shorter_new:
        return None
    return RecentEdit(uri, first + shift, shorter_old, shorter_new)
