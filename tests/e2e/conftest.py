"""Fixtures that start servers and check that each one shuts down cleanly."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from e2e.client import Editor, Json, Wire, spawn
from e2e.command_line import Run, run, runs_in
from e2e.lsp import initialize
from infill_ls.reporting.statistics import default_path
from warm.process import ForkServer

ROOT = Path(__file__).parents[2]
Start = Callable[..., Awaitable[Editor]]


class StartScripted(Protocol):
    """Starts an initialized server that answers from a script."""

    async def __call__(
        self,
        *answers: str,
        delay_ms: int = 0,
        options: Any = None,
        handshake: Json | None = None,
        server_arguments: Sequence[str] = (),
        **script: Any,
    ) -> Editor: ...


@pytest.fixture
def shop() -> Path:
    """Return the example workspace."""
    return ROOT / "examples" / "shop"


@pytest.fixture
def script(tmp_path: Path) -> str:
    """Return the path of a script with one answer."""
    path = tmp_path / "script.json"
    path.write_text('{"answers": ["answer"]}')
    return str(path)


@pytest.fixture
def wallet(tmp_path: Path) -> Path:
    """Return a workspace in which any model completes by copying from ``refunds.py``."""
    folder = tmp_path / "wallet"
    folder.mkdir()
    (folder / "refunds.py").write_text(
        "def cancel_booking(wallet, amount):\n"
        "    wallet.deposit_zlotys(amount)\n"
        "    wallet.record_history(amount)\n"
        "\n\n"
        "def cancel_invoice(wallet, amount):\n"
        "    wallet.deposit_zlotys(amount)\n"
        "    wallet.record_history(amount)\n"
    )
    return folder


@pytest.fixture(autouse=True)
def nothing_accepted_before() -> None:
    """Clear what earlier tests accepted, as it changes which suggestions are shown."""
    default_path().unlink(missing_ok=True)


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Return a function that starts a server, which is checked for clean behaviour at the end of the test."""
    editors: list[Editor] = []

    async def start_one(*arguments: str, wire: Wire | None = None, **how: Any) -> Editor:
        editor = Editor.connect(wire or await spawn(*arguments, **how))
        editors.append(editor)
        return editor

    yield start_one
    problems = []
    for editor in editors:
        problems += await editor.finish()
        print(editor.transcript())  # noqa: T201 - pytest shows it if the test fails
    assert not problems


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer | None]:
    """Return the fork server, which starts servers with everything loaded; Linux only."""
    if not hasattr(os, "pidfd_open"):
        yield None
        return
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
def run_warm(fork_server: ForkServer | None) -> Run:
    """Return a function that runs ``infill-ls``, by the fork server where possible."""
    return runs_in(fork_server) if fork_server and fork_server.is_as_we_are else run


@pytest.fixture
def start_warm(start: Start, fork_server: ForkServer | None) -> Start:
    """Return a function like ``start`` that uses the fork server, so that nothing has to be imported.

    What is tested of the start itself uses ``start``.
    """

    async def start_one(*arguments: str, env: Mapping[str, str] | None = None) -> Editor:
        if not (fork_server and fork_server.is_as_we_are):
            return await start(*arguments, env=env)
        process = await fork_server.start(*arguments, env=env)
        return await start(wire=Wire(process.stdout, process.stdin, process))

    return start_one


@pytest.fixture
def start_scripted(start_warm: Start, tmp_path: Path) -> StartScripted:
    """Return a function that starts a server with a scripted engine and does the handshake."""

    async def start_one(
        *answers: str,
        delay_ms: int = 0,
        options: Any = None,
        handshake: Json | None = None,
        server_arguments: Sequence[str] = (),
        **script: Any,
    ) -> Editor:
        path = tmp_path / "script.json"
        whole = {"answers": answers or ["answer"], "delay_ms": delay_ms, **script}
        path.write_text(json.dumps(whole))
        editor = await start_warm("--scripted-engine", str(path), *server_arguments)
        # Thinking ahead takes the next answer from the script whenever the test pauses.
        # A menu may wait as long as this machine needs, where that is not what is tested.
        own = {"thinkAhead": False, "completionDeadlineMs": 10_000}
        settings = {**own, **(options or {})}
        await initialize(editor, options=settings, **(handshake or {}))
        return editor

    return start_one
