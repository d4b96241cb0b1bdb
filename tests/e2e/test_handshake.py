"""Tests of ``initialize``: which capabilities are offered to which client."""

from __future__ import annotations

import pytest

from e2e.client import Json
from e2e.conftest import Start
from e2e.lsp import capabilities, initialize

pytestmark = pytest.mark.same_on_windows

NO_INLINE = capabilities(inline=False)


async def test_inline_completion_is_always_offered(start_warm: Start) -> None:
    provided = await initialize(await start_warm())
    assert provided["inlineCompletionProvider"] == {}
    assert provided["textDocumentSync"] == {"openClose": True, "change": 2, "save": True}
    assert provided["workspace"]["workspaceFolders"]["changeNotifications"] is True


@pytest.mark.parametrize(
    ("client", "options", "offered"),
    [
        (capabilities(), None, False),
        (NO_INLINE, None, True),
        (capabilities(), {"completionItems": "always"}, True),
        (NO_INLINE, {"completionItems": "never"}, False),
        ({}, None, True),
    ],
)
async def test_menu_items_are_for_clients_without_ghost_text(
    start_warm: Start, client: Json, options: Json | None, offered: bool
) -> None:
    provided = await initialize(await start_warm(), client_capabilities=client, options=options)
    assert ("completionProvider" in provided) == offered


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (("utf-32", "utf-8", "utf-16"), "utf-32"),
        (("utf-8", "utf-16", "utf-32"), "utf-8"),
        (("utf-16",), "utf-16"),
        (("utf-7", "utf-8"), "utf-8"),
        ((), "utf-16"),
    ],
)
async def test_the_position_encoding_is_the_first_that_the_client_names(
    start_warm: Start, offered: tuple[str, ...], chosen: str
) -> None:
    provided = await initialize(
        await start_warm(), client_capabilities=capabilities(encodings=offered)
    )
    assert provided["positionEncoding"] == chosen
