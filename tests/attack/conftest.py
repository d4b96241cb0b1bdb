"""Fixtures for attacks on the real server: those of the end-to-end tests."""

from __future__ import annotations

from e2e.conftest import fork_server, script, shop, start, start_scripted, start_warm, wallet

__all__ = ["fork_server", "script", "shop", "start", "start_scripted", "start_warm", "wallet"]
