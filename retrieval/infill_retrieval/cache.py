"""Analyses kept from one start to the next, in one SQLite file for each workspace folder.

An analysis is found by the hash of the text it was made of, so that switching branches back and
forth costs nothing; and the hash is found by path, size and time of change, so that a file that
did not change need not even be read. A cache that is damaged, locked or of another version is as
good as none: nothing here raises for what is on the disk.

Lines that hold secrets are removed before anything gets here.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import sqlite3
import time
from collections.abc import Collection
from pathlib import Path
from typing import Self

from infill_retrieval.analysis import FORMAT
from infill_retrieval.sources import Source

log = logging.getLogger(__name__)

SETTLED_NS = 2_000_000_000
"""A file that changed less than this before it was read may change again and keep its time."""
_COMMIT_FILES = 500
_TABLES = """
CREATE TABLE IF NOT EXISTS analyses (hash BLOB PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, size_bytes INTEGER, mtime_ns INTEGER, hash BLOB
) WITHOUT ROWID;
"""


def text_hash(language: str, text: str) -> bytes:
    """Return what an analysis is found by. The same text means other things in other languages."""
    digest = hashlib.blake2b(f"{language}\0".encode(), digest_size=16)
    digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.digest()


class AnalysisCache:
    """The cached analyses of one workspace folder. Used by one thread of one process."""

    def __init__(self, cache_folder: Path, folder: Path) -> None:
        name = hashlib.blake2b(str(folder).encode("utf-8", "surrogateescape"), digest_size=12)
        self._path = cache_folder / f"{name.hexdigest()}.sqlite3"
        self._known: dict[str, tuple[int, int, bytes]] = {}
        self._unsaved = 0
        self._database = self._open()

    def _open(self) -> sqlite3.Connection | None:
        for _ in range(2):
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                database = sqlite3.connect(self._path, timeout=1.0)
            except (OSError, sqlite3.Error) as error:
                log.debug("no cache: %s", error)
                return None
            try:
                if self._prepare(database):
                    return database
            except sqlite3.OperationalError as error:  # locked by another server, or a full disk
                log.debug("no cache: %s", error)
                database.close()
                return None
            except sqlite3.Error as error:
                log.debug("the cache is damaged: %s", error)
            database.close()
            with contextlib.suppress(OSError):
                self._path.unlink()
        return None

    def _prepare(self, database: sqlite3.Connection) -> bool:
        """Read what is there; return whether it is of our version."""
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version not in {0, FORMAT}:
            return False
        # What a crash loses of a cache is made again.
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(_TABLES)
        database.execute(f"PRAGMA user_version = {FORMAT}")
        rows = database.execute("SELECT path, size_bytes, mtime_ns, hash FROM files")
        self._known = {path: (size, mtime, key) for path, size, mtime, key in rows}
        return True

    def by_source(self, source: Source) -> bytes | None:
        """Return the analysis of a file that has not changed since it was stored."""
        size, mtime, key = self._known.get(source.path, (-1, -1, b""))
        if size != source.size_bytes or mtime != source.mtime_ns:
            return None
        return self.by_hash(key)

    def by_hash(self, key: bytes) -> bytes | None:
        """Return the analysis of a text."""
        if self._database is None:
            return None
        try:
            query = "SELECT data FROM analyses WHERE hash = ?"
            row = self._database.execute(query, (key,)).fetchone()
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        return bytes(row[0]) if row is not None else None

    def store(self, source: Source, key: bytes, data: bytes) -> None:
        """Keep the analysis of a file as it is now."""
        if self._database is None:
            return
        settled = time.time_ns() - source.mtime_ns > SETTLED_NS
        mtime = source.mtime_ns if settled else -1
        row = (source.path, source.size_bytes, mtime, key)
        try:
            self._database.execute("INSERT OR IGNORE INTO analyses VALUES (?, ?)", (key, data))
            self._database.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", row)
            self._unsaved += 1
            if self._unsaved >= _COMMIT_FILES:
                self._database.commit()
                self._unsaved = 0
        except sqlite3.Error as error:
            self._give_up(error)

    def keep_only(self, paths: Collection[str]) -> None:
        """Forget all files but these, and every analysis that none of them has."""
        if self._database is None:
            return
        gone = [(path,) for path in self._known if path not in paths]
        try:
            self._database.executemany("DELETE FROM files WHERE path = ?", gone)
            if gone or self._unsaved:
                self._database.execute(
                    "DELETE FROM analyses WHERE hash NOT IN (SELECT hash FROM files)"
                )
            self._database.commit()
        except sqlite3.Error as error:
            self._give_up(error)

    def _give_up(self, error: sqlite3.Error) -> None:
        log.debug("the cache failed: %s", error)
        self.close()

    def close(self) -> None:
        """Save what is unsaved. Nothing is found or kept afterwards."""
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.commit()
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
        self._database = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
