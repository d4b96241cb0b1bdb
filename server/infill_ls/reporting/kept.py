"""Track accepted text: where it is now, and how much of it is left.

Pure: the server says what was accepted, what a document's text is now, and when it is time to look.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from infill_retrieval.common_length import common_length

LOOKS_AFTER_S = (30, 300)
"""How long after it was accepted the text is looked at."""
MOST_WATCHED = 64
"""Accepted texts that are looked after at a time; the oldest is let go."""
MOST_TEXT_CHARS = 2_000
"""So much of an accepted text is looked after."""
LARGE_REGION_CHARS = 6_000
"""A region that is larger, as after a formatter went over the file, is compared by lines."""
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(slots=True)
class Watched:
    """An accepted text, and the region of its document that it is in."""

    identity: str
    uri: str
    accepted: str
    start: int
    end: int
    has_arrived: bool = False
    """Editors may tell of the acceptance before they tell of the text."""
    looked_s: int = 0
    """The latest look so far."""


@dataclass(frozen=True, slots=True)
class KeptLook:
    """What was found of an accepted text: characters that are no blanks."""

    identity: str
    after_s: int
    chars: int
    kept_chars: int


class AcceptedTexts:
    """Follows accepted texts through the edits of their documents. Nothing of it outlives the server."""

    def __init__(self) -> None:
        self._watched: OrderedDict[str, Watched] = OrderedDict()
        self._texts: dict[str, str] = {}
        """The documents with accepted texts, as they were told last."""

    def watch(self, identity: str, uri: str, text: str, start: int, accepted: str) -> Watched:
        """Look after what was accepted at ``start``; of an earlier part of it, go on from there."""
        accepted = accepted[:MOST_TEXT_CHARS]
        if "\r\n" in text:
            accepted = accepted.replace("\n", "\r\n")
        former = self._watched.pop(identity, None)
        if former is not None and former.has_arrived:
            start = former.start
        watched = Watched(identity, uri, accepted, start, start + len(accepted))
        self._watched[identity] = watched
        if len(self._watched) > MOST_WATCHED:
            self._watched.popitem(last=False)
        self._texts[uri] = text
        self._forget_texts()
        _arrive(watched, text)
        return watched

    def text_changed(self, uri: str, text: str) -> None:
        """Take note of a document's new text."""
        old = self._texts.get(uri)
        if old is None:
            return
        self._texts[uri] = text
        same = common_length(old, text)
        most = min(len(old), len(text)) - same
        same_at_end = common_length(old[::-1][:most], text[::-1][:most])
        old_end = len(old) - same_at_end
        for watched in self._watched.values():
            if watched.uri == uri:
                if watched.has_arrived:
                    _move(watched, same, old_end, len(text) - len(old))
                else:
                    _arrive(watched, text)

    def look(self, watched: Watched, after_s: int) -> KeptLook | None:
        """Return what is there now; ``None`` if that is no longer known, or never was."""
        if self._watched.get(watched.identity) is not watched:
            return None
        text = self._texts[watched.uri]
        watched.looked_s = after_s
        if after_s >= LOOKS_AFTER_S[-1]:
            del self._watched[watched.identity]
            self._forget_texts()
        if not watched.has_arrived:
            return None
        kept = kept_chars(watched.accepted, text[watched.start : watched.end])
        return KeptLook(watched.identity, after_s, _visible_chars(watched.accepted), kept)

    def all_closed(self) -> Iterator[KeptLook]:
        """Return the looks that are still due, as the editor ends."""
        for uri in list(self._texts):
            yield from self.document_closed(uri)

    def document_closed(self, uri: str) -> Iterator[KeptLook]:
        """Return the looks that are still due, at the text as it is closed."""
        for watched in [one for one in self._watched.values() if one.uri == uri]:
            for after_s in LOOKS_AFTER_S:
                if after_s > watched.looked_s and (look := self.look(watched, after_s)):
                    yield look
        self._forget_texts()

    def _forget_texts(self) -> None:
        used = {watched.uri for watched in self._watched.values()}
        for uri in self._texts.keys() - used:
            del self._texts[uri]


def kept_chars(accepted: str, region: str) -> int:
    """Return how many characters of ``accepted`` are there, in words that stand in the same order.

    Blanks do not count: text that was only indented is kept.
    """
    if accepted in region:
        return _visible_chars(accepted)
    if len(region) > LARGE_REGION_CHARS:
        lines = {line.strip() for line in region.splitlines()}
        there = (line for line in accepted.splitlines() if line.strip() in lines)
        return sum(map(_visible_chars, there))
    words, found = _WORD.findall(accepted), _WORD.findall(region)
    # Words that a large text has often are not where a match begins: the time stays bounded.
    blocks = SequenceMatcher(None, words, found).get_matching_blocks()
    return sum(len(word) for one in blocks for word in words[one.a : one.a + one.size])


def _arrive(watched: Watched, text: str) -> None:
    watched.has_arrived = text.startswith(watched.accepted, watched.start)


def _move(watched: Watched, edit_start: int, edit_end: int, grown_by: int) -> None:
    """Follow an edit that replaced ``edit_start`` to ``edit_end``; one that overlaps widens the region."""
    if edit_start >= watched.end:
        return
    if edit_end <= watched.start:
        watched.start += grown_by
        watched.end += grown_by
        return
    watched.start = min(watched.start, edit_start)
    watched.end = max(watched.end, edit_end) + grown_by


def _visible_chars(text: str) -> int:
    return sum(map(len, text.split()))
