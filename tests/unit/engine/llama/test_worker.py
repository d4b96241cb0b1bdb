"""How much of a prompt is decoded at a time."""

from __future__ import annotations

import pytest

from infill_ls.engine.llama.worker import (
    BACKGROUND_CHUNK_MS,
    LEAST_BACKGROUND_CHUNK_TOKENS,
    background_chunk_tokens,
    prefill_chunk_tokens,
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


@pytest.mark.parametrize(
    ("milliseconds", "tokens"),
    [(90.0, 64), (36.0, 64), (13.3, 192), (5.0, 512), (1.0, 512)],
)
def test_a_gpu_reads_prompts_in_larger_chunks_that_still_end_soon(
    milliseconds: float, tokens: int
) -> None:
    assert prefill_chunk_tokens(((1, 1.0), (64, milliseconds))) == tokens
