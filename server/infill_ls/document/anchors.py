"""Keep the cut in place for more than a line, so that the prompt stays in the KV cache.

A new line under the cursor would move the cut, and with it prefix, suffix and snippets. As long
as the document before the old cut and after the cursor's line is unchanged, the old cut is as
good: what has been typed since, now several lines, goes behind the last marker.

After some lines a new cut is planned. Its prompt is read between keys, which takes many of them,
and so the plan stays the same while the user types on: one that moved along with every line would
never be read to its end.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from infill_ls.document.lines import line_end, with_lf
from infill_ls.types import Hole, Snapshot

MAX_TYPED_LINES = 12
MAX_TYPED_CHARS = 1200
"""Far more than it takes to read the prompt of the next cut between keys, on two cores of a laptop:
to read it in front of the user would cost the suggestions of the next seconds."""
REANCHOR_FROM_LINES = 2
"""From so many lines on, a new anchor is prepared between two keys."""
DOCUMENTS = 16


@dataclass(frozen=True, slots=True)
class PlannedAnchor:
    """A cut that is to be used as soon as its prompt has been read."""

    snapshot: Snapshot
    """Where it was made."""
    hole: Hole
    shown: Hole
    """The hole as a model may see it."""


@dataclass(frozen=True, slots=True)
class _Anchor:
    before: str
    """The document up to the cut."""
    after: str
    """The document from the end of the cursor's line on."""
    hole: Hole

    @classmethod
    def of(cls, snapshot: Snapshot, hole: Hole) -> _Anchor:
        text = snapshot.whole_text
        after = text[line_end(text, snapshot.whole_offset) :]
        return cls(text[: hole.anchor], after, hole)

    def typed_since(self, snapshot: Snapshot) -> str | None:
        """Return the text between the cut and the cursor; ``None`` if the cut cannot be used."""
        text, offset = snapshot.whole_text, snapshot.whole_offset
        after = text[line_end(text, offset) :]
        if after != self.after or not text.startswith(self.before) or offset < len(self.before):
            return None
        typed = with_lf(text[len(self.before) : offset])
        is_short = typed.count("\n") <= MAX_TYPED_LINES and len(typed) <= MAX_TYPED_CHARS
        return typed if is_short else None


class AnchorKeeper:
    """The cut of each document that was last used, and the one that is to be used next."""

    def __init__(self) -> None:
        self._anchors: OrderedDict[str, _Anchor] = OrderedDict()
        self._planned: dict[str, PlannedAnchor] = {}

    def hold(self, snapshot: Snapshot, fresh: Hole) -> Hole:
        """Return the hole with the cut held where it was if that is still right, else ``fresh``.

        A planned cut goes before a fresh one: a part of its prompt may have been read already.
        """
        kept = self._anchors.get(snapshot.uri)
        typed = kept.typed_since(snapshot) if kept is not None else None
        if typed is None and (planned := self.planned(snapshot)) is not None:
            self.use(planned)
            kept = self._anchors[snapshot.uri]
            typed = kept.typed_since(snapshot)
        if kept is None or typed is None:
            self._set(snapshot, fresh)
            return fresh
        return replace(
            kept.hole,
            typed=typed,
            line_tail=fresh.line_tail,
            mode=fresh.mode,
            language=fresh.language,
            region_before=fresh.region_before,
            region_after=fresh.region_after,
        )

    def plan(self, planned: PlannedAnchor) -> None:
        """Have this cut used next, when :meth:`use` says so or where the present one ends."""
        self._planned[planned.snapshot.uri] = planned

    def planned(self, snapshot: Snapshot) -> PlannedAnchor | None:
        """Return the planned cut of the document, if it is right for this cursor too."""
        planned = self._planned.get(snapshot.uri)
        if planned is None:
            return None
        anchor = _Anchor.of(planned.snapshot, planned.hole)
        if anchor.typed_since(snapshot) is None:
            del self._planned[snapshot.uri]
            return None
        return planned

    def use(self, planned: PlannedAnchor) -> None:
        """Use a planned cut from now on."""
        self._set(planned.snapshot, planned.hole)

    def _set(self, snapshot: Snapshot, hole: Hole) -> None:
        self._planned.pop(snapshot.uri, None)
        self._anchors[snapshot.uri] = _Anchor.of(snapshot, hole)
        self._anchors.move_to_end(snapshot.uri)
        while len(self._anchors) > DOCUMENTS:
            self._planned.pop(self._anchors.popitem(last=False)[0], None)
