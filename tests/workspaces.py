"""Helpers for tests of workspaces: files, crawls with a modified child, and what a search shows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import psutil

from infill_retrieval import Query
from infill_retrieval.crawling.crawl import CrawlStep
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.indexing.segment import Segment


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def count_tokens(texts: Sequence[str]) -> list[int]:
    return [len(text) // 3 + 1 for text in texts]


def shown(index: WorkspaceIndex, folder: Path, words: str) -> str:
    """Return the snippets for a query, with the names of their files."""
    found = index.retrieve(
        Query(path=str(folder / "query.py"), language_id="", prefix=words, suffix=""),
        512,
        count_tokens,
    )
    return "".join(f"[{snippet.path}] {snippet.text}" for snippet in found.snippets)


def changed_worker(change: str, tmp_path: Path) -> tuple[str]:
    """Return the command of a crawling process that a line of code has changed."""
    script = tmp_path / "child.py"
    script.write_text(
        f"from infill_retrieval.crawling import crawl, worker\n{change}\nworker.main()\n"
    )
    return (str(script),)


class Hanging:
    """A crawling process that hangs where it is told to, and the clock by which that is noticed.

    The child says when it hangs, and only then time flies: a busy machine makes it no shorter.
    """

    TIMES_FASTER = 1_000.0

    def __init__(self, tmp_path: Path) -> None:
        self._note = tmp_path / "hangs"
        self._tmp_path = tmp_path

    def worker(self, change: str) -> tuple[str]:
        """Return the command of a worker that a line of code has changed, which may call ``hang()``."""
        new = f"{self._note}.new"
        hang = (
            "import os, time\n"
            "def hang(*_):\n"
            f"    open({new!r}, 'w').write(str(os.getpid()))\n"
            f"    os.replace({new!r}, {str(self._note)!r})\n"
            "    time.sleep(999)\n"
        )
        return changed_worker(hang + change, self._tmp_path)

    def now(self) -> float:
        """Return the time, which goes faster while a child hangs."""
        try:
            began = self._note.stat().st_mtime
            child = psutil.Process(int(self._note.read_text()))
            if child.status() == psutil.STATUS_ZOMBIE:
                return time.monotonic()
        except (OSError, psutil.Error):
            return time.monotonic()
        return time.monotonic() + self.TIMES_FASTER * max(time.time() - began, 0)


def found_by(steps: Iterable[CrawlStep]) -> dict[str, tuple[bytes, bytes]]:
    """Return what a crawl ends with, by name of the file."""
    segments: dict[str, Segment] = {}
    for step in steps:
        for name in step.replaced:
            del segments[name]
        segments[step.segment.name] = step.segment
    found = {}
    for segment in segments.values():
        for number in np.flatnonzero(segment.living).tolist():
            name = segment.sources[number].name
            assert name not in found
            found[name] = segment.digest_of(number), segment.packed_details_of(number)
    return dict(sorted(found.items()))
