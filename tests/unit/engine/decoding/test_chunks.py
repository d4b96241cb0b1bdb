"""Tests of the sizes of chunks that are read in the background."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infill_ls.engine.decoding.chunks import (
    LARGEST_BACKGROUND_CHUNK_TOKENS,
    background_chunk_tokens,
)


def test_chunks_grow_as_long_as_nobody_interrupts() -> None:
    read, chunks = 0, []
    while read < 1500:
        chunks.append(background_chunk_tokens(16, read))
        read += chunks[-1]
    assert chunks == [16, 16, 16, 16, 32, 32, 64, 64, 128, 128, 256, 256, 256, 256]


@given(st.integers(1, 512), st.integers(0, 5000))
def test_an_interrupt_loses_a_third_at_most_of_what_was_read(first: int, read: int) -> None:
    chunk = background_chunk_tokens(first, read)
    assert chunk == first or 2 * chunk <= read
    assert first <= chunk <= max(first, LARGEST_BACKGROUND_CHUNK_TOKENS)
