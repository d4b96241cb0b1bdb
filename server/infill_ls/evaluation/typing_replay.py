"""Type past edits again, key by key, through the whole server over LSP, as an editor would.

Who types is :class:`~infill_ls.measuring.typist.Typist`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infill_ls.lsp.client import ServerProcess, run_server
from infill_ls.measuring.figures import Figure, Row, Table, average, percent, quantile, table
from infill_ls.measuring.figures import without_gaps as figures_of
from infill_ls.measuring.git_history import PastEdit, check_out_parent
from infill_ls.measuring.typist import Typist
from infill_retrieval.syntax import language_of


class Replay:
    """A server on the tree as it was before each edit, and someone who types the edit again.

    ``folder`` is where the trees are unpacked, one after another. With ``key_ms`` 0 the person
    waits for every answer, and the result does not depend on how fast the machine is. Before the
    first key the cursor rests for ``rest_ms`` where the edit will be, as that of a person who looks
    at what he has opened.
    """

    def __init__(
        self,
        repository: Path,
        folder: Path,
        options: dict[str, Any],
        key_ms: float,
        arguments: Sequence[str] = (),
        *,
        rest_ms: float = 0.0,
    ) -> None:
        self._repository = repository
        self._folder = folder.resolve()
        self._options = options
        self._key_ms = key_ms
        self._rest_ms = rest_ms
        self._arguments = arguments
        self._commit = ""
        self._server: ServerProcess | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def measure(self, edit: PastEdit) -> Row:
        """Type one edit. Raises :class:`InfillError` if the server cannot answer."""
        server = await self._server_before(edit.commit)
        path = self._folder / edit.path
        server.open(path, edit.before + edit.after)
        try:
            await server.until_ready()
            if self._rest_ms > 0:
                server.cursor_rests(path, edit.before + edit.after, len(edit.before))
                await asyncio.sleep(self._rest_ms / 1000)
            typist = Typist(server, path, edit, self._key_ms)
            await typist.type_all()
        finally:
            server.close(path)
        return {
            "group": edit.commit,
            "language": language_of(edit.path).name,
            **typist.row(),
        }

    async def _server_before(self, commit: str) -> ServerProcess:
        if self._server is None or self._commit != commit:
            await self._stack.aclose()
            self._server, self._commit = None, commit
            await asyncio.to_thread(check_out_parent, self._repository, commit, self._folder)
            running = run_server(self._folder, self._options, self._arguments)
            self._server = await self._stack.enter_async_context(running)
        return self._server


def tables_of(rows: Sequence[Row]) -> tuple[Table, ...]:
    """Return the figures of a replay, for all edits and by language."""
    languages = sorted({row["language"] for row in rows})
    named = {"all": list(rows)} | {
        name: [row for row in rows if row["language"] == name] for name in languages
    }
    return (
        table("Edits", {name: _of_edits(some) for name, some in named.items() if some}),
        table("Keys", {name: _of_keys(some) for name, some in named.items() if some}),
    )


def _of_edits(rows: Sequence[Row]) -> dict[str, Figure]:
    return figures_of(
        **{
            "keys, mean": average(rows, "keys"),
            "keys saved, %": percent(rows, "saved"),
            "text accepted, %": percent(rows, "kept_chars"),
        }
    )


def _of_keys(rows: Sequence[Row]) -> dict[str, Figure]:
    # Each request counts, so that long edits weigh as much as they take.
    asked = [
        {"id": f"{row['id']}:{number}", "group": row["group"], "seen": number < row["seen"]}
        for row in rows
        for number in range(row["requests"])
    ]
    seen = [
        {
            "id": f"{row['id']}:{number}",
            "group": row["group"],
            "accepted": number < row["accepted"],
            "begins_wrong": number < row["begins_wrong"],
            "wait_ms": wait_ms,
        }
        for row in rows
        for number, wait_ms in enumerate(row["wait_ms"])
    ]
    return figures_of(
        **{
            "seen, %": percent(asked, "seen"),
            "of seen: accepted, %": percent(seen, "accepted"),
            "begins wrong, %": percent(seen, "begins_wrong"),
            "wait, ms, median": quantile(seen, "wait_ms", 0.5),
            "95 %": quantile(seen, "wait_ms", 0.95),
        }
    )
