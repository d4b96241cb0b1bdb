"""The servers of the end-to-end tests, for attacks on a real one."""

from __future__ import annotations

from e2e.conftest import script, start, start_scripted

__all__ = ["script", "start", "start_scripted"]
