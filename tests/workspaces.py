"""What tests of workspaces share: files, crawls with a changed child, and what a search shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from infill_retrieval import Query, WorkspaceIndex
from infill_retrieval.crawling.crawl import Found
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


class WhenItHangs:
    """A limit of silence that is over when a child says, by a file, that it hangs now.

    However busy the machine: no child is taken for one that hangs because it is slow.
    """

    def __init__(self, said: Path) -> None:
        self._said = said

    def __lt__(self, silent_s: float) -> bool:
        if not self._said.exists():
            return False
        self._said.unlink()  # the next child goes on
        return True


def found_by(steps: Iterable[Found]) -> dict[str, tuple[bytes, bytes]]:
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
