"""Locks on files, held by one process at a time; the system gives up those of a process that ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

Lock = BaseFileLock
"""A lock that is held until it is released, or until nobody refers to it any more."""


def try_lock(path: Path) -> Lock | None:
    """Lock ``path``, making it for the user alone; ``None`` if another process has the lock.

    Raises ``OSError`` if the file cannot be made.
    """
    lock = FileLock(path, mode=0o600, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


@contextlib.contextmanager
def locked(path: Path, on_waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock on ``path`` in the body; ``on_waiting`` is called if another process has it."""
    lock = try_lock(path)
    if lock is None:
        on_waiting()
        lock = FileLock(path, mode=0o600, thread_local=False)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
