"""Helper that makes snapshots from strings with a cursor mark."""

from __future__ import annotations

from infill_ls.types import Snapshot, Trigger

CURSOR = "‸"


def snapshot(marked: str, *, name: str = "a.py", trigger: Trigger = Trigger.AUTOMATIC) -> Snapshot:
    """Return the snapshot of a document whose cursor is marked with ``‸``."""
    return Snapshot(
        uri=f"file:///project/{name}",
        path=f"/project/{name}",
        name=name,
        language_id="python",
        text=marked.replace(CURSOR, "", 1),
        offset=marked.index(CURSOR),
        trigger=trigger,
    )
