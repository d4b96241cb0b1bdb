"""The store of segments on disk, in one folder for each workspace folder.

A file that has not changed since it was analysed is known by its size and time of change, and need
not even be read; a text that turns up again, at another place or after a switch of branches, by its
hash. Each segment is one file, written whole and then renamed; one that is damaged, or of another
version, is as good as none. Nothing here raises for what is on the disk.

Of the source, the files hold words and names, and nothing of the lines that hold secrets.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import mmap
import os
import time
from pathlib import Path
from typing import Self

from infill_retrieval.files.sources import Source
from infill_retrieval.indexing.segment import Segment
from infill_retrieval.processes.locks import Lock, try_lock
from infill_retrieval.syntax import language_of

log = logging.getLogger(__name__)

SETTLED_NS = 2_000_000_000
"""A file that changed less than this before it was read may change again and keep its time."""
SUFFIX = ".segment"


class SegmentStore:
    """The segments of one workspace folder. Used by one thread of one process."""

    def __init__(self, cache_folder: Path, folder: Path) -> None:
        name = hashlib.blake2b(str(folder).encode("utf-8", "surrogateescape"), digest_size=12)
        self._folder = cache_folder / name.hexdigest()
        self._lock: Lock | None = None
        self._by_path: dict[str, tuple[Segment, int]] = {}
        self._by_digest: dict[bytes, tuple[Segment, int]] = {}
        self.segments: list[Segment] = []
        """What was kept, the oldest first. Which files still live is for the caller to find out."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = try_lock(self._folder / "lock")
        except OSError as error:
            log.debug("no cache: %s", error)
        for path in self._files():
            if (segment := self._load(path)) is not None:
                self._add(segment)

    @property
    def is_ours(self) -> bool:
        """Whether segments can be kept; not if another process is about to."""
        return self._lock is not None

    def _files(self) -> list[Path]:
        try:
            found = [(path.stat().st_mtime_ns, path) for path in self._folder.glob(f"*{SUFFIX}")]
        except OSError:
            return []
        return [path for _, path in sorted(found)]

    def _load(self, path: Path) -> Segment | None:
        try:
            return load_segment(path, check=True)
        except OSError as error:
            log.debug("cannot read a part of the cache: %s", error)
        except ValueError as error:
            log.debug("ignoring a part of the cache: %s", error)
            self._delete(path)
        return None

    def _add(self, segment: Segment) -> None:
        self.segments.append(segment)
        for number, source in enumerate(segment.sources):
            self._by_path[source.path] = segment, number
            self._by_digest[segment.digest_of(number)] = segment, number

    def path_of(self, segment: Segment) -> Path:
        """Return the file in which a segment is or would be kept."""
        return self._folder / f"{segment.name}{SUFFIX}"

    def by_source(self, source: Source) -> tuple[Segment, int] | None:
        """Return where a file is that has not changed since it was analysed."""
        home = self._by_path.get(source.path)
        return home if home is not None and home[0].sources[home[1]] == source else None

    def by_text(self, path: str, digest: bytes) -> tuple[Segment, int] | None:
        """Return where the analysis is of a text that is now in the file ``path``."""
        home = self._by_digest.get(digest)
        if home is None or language_of(home[0].sources[home[1]].path) != language_of(path):
            return None
        return home

    def keep(self, segment: Segment) -> Path | None:
        """Write a segment; return where it is, or ``None`` if that cannot be."""
        if not self.is_ours:
            return None
        path = self.path_of(segment)
        draft = path.with_suffix(".part")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(segment.to_bytes())
            draft.replace(path)
        except OSError as error:
            log.debug("cannot write the cache: %s", error)
            with contextlib.suppress(OSError):
                draft.unlink()
            return None
        return path

    def forget(self, segment: Segment) -> None:
        """Delete a segment. Whoever has mapped it into memory keeps it."""
        if self.is_ours:
            self._delete(self.path_of(segment))

    def _delete(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            path.unlink()

    def close(self) -> None:
        """Let others write."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load_segment(path: Path, *, check: bool = False) -> Segment:
    """Return the segment in a file, mapped into memory.

    Raises ``OSError`` if the file cannot be read and ``ValueError`` if it is damaged; whether it
    is, is looked for in all of it with ``check`` alone.
    """
    with path.open("rb") as file:
        return Segment.from_buffer(
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), check=check
        )


def as_kept(source: Source) -> Source:
    """Return ``source`` as it is to be kept: with no time if it may change again within that."""
    settled = time.time_ns() - source.mtime_ns > SETTLED_NS
    return source if settled else Source(source.path, source.name, source.size_bytes, -1)
