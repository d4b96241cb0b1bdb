"""Walk a workspace folder in bounded time, whatever it contains.

A network folder or a file system of somebody's own can keep a system call for ever, and nothing
can end a thread in one. So the walk has a thread of its own, and is left where it stands still.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from infill_retrieval.files.sources import Source, find_sources
from infill_retrieval.settings import RetrievalSettings

log = logging.getLogger(__name__)

STILL_LIMIT_S = 20.0
"""A walk that has not come to another file or folder for so long is left."""
WALK_LIMIT_S = 120.0
"""A walk is left after so long, however steadily it goes on."""
BEAT_S = 1.0
"""How often it is said that the walk goes on."""

_now = time.monotonic


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk has found."""

    sources: list[Source]
    is_whole: bool
    """Whether it came to its end: only then are files that it has not found gone."""


def walk(
    folder: Path, settings: RetrievalSettings, on_beat: Callable[[], None] = lambda: None
) -> Walk:
    """Return the files below ``folder`` that are worth reading; ``on_beat`` is called meanwhile."""
    found: list[Source] = []
    moved_at = started = _now()
    ended = threading.Event()

    def move() -> None:
        nonlocal moved_at
        moved_at = _now()

    def go() -> None:
        try:
            found.extend(islice(find_sources(folder, settings, move), settings.max_files))
        except Exception:
            log.exception("a walk failed")
            return
        ended.set()

    # ``extend`` from a generator adds each file as it comes.
    thread = threading.Thread(target=go, name="walk", daemon=True)
    thread.start()
    next_beat = started + BEAT_S
    while thread.is_alive():
        thread.join(BEAT_S / 20)
        now = _now()
        if now - moved_at > STILL_LIMIT_S or now - started > WALK_LIMIT_S:
            break
        if now >= next_beat:
            on_beat()
            next_beat = now + BEAT_S
    return Walk(list(found), ended.is_set())
