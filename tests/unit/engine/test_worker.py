"""How much is decoded at a time in the background."""

from __future__ import annotations

import pytest

from infill_ls.engine.worker import (
    BACKGROUND_CHUNK_MS,
    LEAST_BACKGROUND_CHUNK_TOKENS,
    background_chunk_tokens,
)

SLOW_MS = BACKGROUND_CHUNK_MS * 10


@pytest.mark.parametrize(
    ("costs", "tokens"),
    [
        ((), LEAST_BACKGROUND_CHUNK_TOKENS),
        (((1, SLOW_MS), (64, SLOW_MS)), LEAST_BACKGROUND_CHUNK_TOKENS),
        (((1, 0.1), (256, 1.0), (512, SLOW_MS)), 256),
    ],
)
def test_chunks_are_done_between_two_keys_also_on_a_slow_machine(
    costs: tuple[tuple[int, float], ...], tokens: int
) -> None:
    assert background_chunk_tokens(costs) == tokens
