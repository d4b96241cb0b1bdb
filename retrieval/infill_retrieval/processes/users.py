"""Check that files belong to the user alone, on systems with user ids."""

from __future__ import annotations

import os
import stat


def user_number() -> int | None:
    """Return the user's number; ``None`` on Windows, where folders inherit who may open them."""
    getuid = getattr(os, "getuid", None)
    return getuid() if getuid is not None else None


def is_ours_alone(folder: os.stat_result) -> bool:
    """Return whether a folder, as ``lstat`` describes it, is the user's own and closed to others."""
    if not stat.S_ISDIR(folder.st_mode):
        return False
    user = user_number()
    return user is None or (folder.st_uid == user and not folder.st_mode & 0o077)
