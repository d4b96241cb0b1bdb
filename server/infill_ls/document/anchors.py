"""Hold the cut where it was, so that the prompt stays in the KV cache for more than a line.

A new line under the cursor would move the cut, and with it prefix, suffix and snippets. As long
as the document before the old cut and after the cursor's line is unchanged, the old cut is as
good: what has been typed since, now several lines, goes behind the last marker.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from infill_ls.document.lines import line_end, with_lf
from infill_ls.types import Hole, Snapshot

MAX_TYPED_LINES = 6
MAX_TYPED_CHARS = 600
REANCHOR_FROM_LINES = 2
"""From so many lines on, a new anchor is prepared between two keys."""
DOCUMENTS = 16


@dataclass(frozen=True, slots=True)
class _Anchor:
    before: str
    """The document up to the cut."""
    after: str
    """The document from the end of the cursor's line on."""
    hole: Hole


class AnchorKeeper:
    """The cut of each document that was last used."""

    def __init__(self) -> None:
        self._anchors: OrderedDict[str, _Anchor] = OrderedDict()

    def hold(self, snapshot: Snapshot, fresh: Hole) -> Hole:
        """Return the hole with the cut held where it was if that is still right, else ``fresh``."""
        text, offset = snapshot.whole_text, snapshot.whole_offset
        after = text[line_end(text, offset) :]
        kept = self._anchors.get(snapshot.uri)
        if kept is not None and kept.after == after and text.startswith(kept.before):
            typed = with_lf(text[len(kept.before) : offset])
            is_ahead = offset >= len(kept.before)
            if is_ahead and typed.count("\n") <= MAX_TYPED_LINES and len(typed) <= MAX_TYPED_CHARS:
                return replace(
                    kept.hole,
                    typed=typed,
                    line_tail=fresh.line_tail,
                    mode=fresh.mode,
                    language=fresh.language,
                    region_before=fresh.region_before,
                    region_after=fresh.region_after,
                )
        self.set(snapshot, fresh)
        return fresh

    def set(self, snapshot: Snapshot, hole: Hole) -> None:
        """Use the cut of ``hole``, which was made from ``snapshot``, from now on."""
        text = snapshot.whole_text
        after = text[line_end(text, snapshot.whole_offset) :]
        self._anchors[snapshot.uri] = _Anchor(text[: hole.anchor], after, hole)
        self._anchors.move_to_end(snapshot.uri)
        while len(self._anchors) > DOCUMENTS:
            self._anchors.popitem(last=False)
