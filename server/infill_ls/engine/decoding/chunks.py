"""Sizes of the chunks in which a prompt is read in the background, where an interrupt loses the chunk under way."""

from __future__ import annotations

LARGEST_BACKGROUND_CHUNK_TOKENS = 256
"""Larger ones are hardly quicker. On two cores chunks of 16, 64 and 256 tokens are read at 650, 880 and 1 000 tokens/s."""


def background_chunk_tokens(first_tokens: int, read_tokens: int) -> int:
    """Return how many tokens to read next, where ``read_tokens`` were read without an interrupt.

    ``first_tokens`` until there is more to go by, then twice as many again and again, at most half of what was
    read: so a key loses a third of the work at most, and who rests has the prompt read at nearly the full rate.
    """
    tokens = first_tokens
    while tokens * 4 <= read_tokens and tokens * 2 <= LARGEST_BACKGROUND_CHUNK_TOKENS:
        tokens *= 2
    return tokens
