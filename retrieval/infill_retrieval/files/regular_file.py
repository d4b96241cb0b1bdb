"""Read possibly hostile files: no pipe, no device, no more than requested."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class NotRegularError(OSError):
    """What lies at the path is not a regular file: a pipe, a device, a folder."""


class TooLargeError(OSError):
    """The file is larger than the reader allows."""


def read_regular(path: str | Path, max_bytes: int, *, follow_links: bool = True) -> bytes:
    """Return all bytes of a regular file, or raise an ``OSError``; never blocks.

    Opening a pipe waits for a writer unless told not to; only the open file says for certain
    what it is, since it may have been replaced since anybody looked.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags)
    with os.fdopen(descriptor, "rb", closefd=True) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegularError
        data: object = file.read(max_bytes + 1)
    if not isinstance(data, bytes):
        raise NotRegularError  # the kernel's log, for one, has nothing to read for the moment
    if len(data) > max_bytes:
        raise TooLargeError
    return data
