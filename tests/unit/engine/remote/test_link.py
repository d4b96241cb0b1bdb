"""Tests of a link to an unreachable server: how rarely it is asked."""

from __future__ import annotations

import pytest

from infill_ls.engine.remote import RemoteOptions
from infill_ls.engine.remote.breaker import LONGEST_PASSING_PAUSE_S
from infill_ls.engine.remote.link import Link
from infill_ls.errors import RemoteError


@pytest.mark.parametrize(
    ("error", "is_back_in_use"),
    [
        (RemoteError("nobody is there", is_busy=True), True),
        (RemoteError("it wants a key", is_lasting=True), False),
    ],
    ids=["away", "lasting"],
)
async def test_looks_at_a_server_stay_seconds_apart_while_nobody_is_there(
    error: RemoteError, is_back_in_use: bool
) -> None:
    now_s = 0.0
    link = Link(RemoteOptions("http://127.0.0.1:9"), clock=lambda: now_s, is_paced=True)

    async def look() -> None:
        raise error

    for _ in range(12):
        with pytest.raises(RemoteError):
            await link.guarded(look, is_first=True)
        assert link.is_given_up
        now_s += LONGEST_PASSING_PAUSE_S
    assert link.is_given_up is not is_back_in_use
