"""Fixtures with remote engines on fake servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from infill_ls.engine.remote import RemoteEngine, RemoteOptions
from unit.engine.remote import fakes

Connect = Callable[..., Awaitable[RemoteEngine]]


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFILL_LS_REMOTE_KEY", raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setattr("infill_ls.engine.remote.link.RETRY_PAUSES_S", (0.0, 0.0))


@pytest.fixture
async def connect(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connect]:
    """Return a function that starts a fake server and creates an engine for it."""
    monkeypatch.setattr("infill_ls.engine.remote.engine.EngineProcess", fakes.FakeVocabulary)
    async with AsyncExitStack() as stack:

        async def connect(server: fakes.FakeServer, **options: object) -> RemoteEngine:
            await stack.enter_async_context(fakes.serving(server))
            engine = RemoteEngine(RemoteOptions(**({"url": server.url} | options)))  # type: ignore[arg-type]
            stack.push_async_callback(engine.close)
            return engine

        yield connect
