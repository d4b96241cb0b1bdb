"""A model's shape, from its metadata, and the memory that it needs. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

ENGINE_OVERHEAD_BYTES = 250_000_000
"""Interpreter, llama.cpp and its buffers beside model and KV cache."""
F16_BYTES = 2
ENOUGH_KV_TOKENS = 6144
"""From here on, memory is dearer than a third prompt."""
PARKED_PROMPTS = 4
"""Prompts of other files that are kept, where that is cheap: of those that one goes to and fro between."""
PROMPT_TOKENS = 1600
"""Of a prompt with the default budgets and the text that was typed."""
PARKED_BYTES = 96_000_000
"""More memory than that is not taken for other files' prompts, unless the user asks for it."""
KEPT_PROMPTS = 8
"""Prompts of the files worked on last that are kept on disk when an engine ends."""
MOST_KEPT_BYTES = 512_000_000
SPARE_CELLS = 1024
"""Beside a prompt of full length, for what is written and the ends of other prompts of its file."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The numbers that memory and speed follow from. 0 means that the file does not say."""

    layers: int
    context_tokens: int
    """Longest text that the model was trained on."""
    kv_bytes_per_token: int
    """Of the KV cache in F16, all layers together."""


UNKNOWN_SHAPE = ModelShape(0, 0, 0)


def read_shape(architecture: str, metadata: Callable[[str], str]) -> ModelShape:
    """Return the shape by the metadata of a GGUF file, given as text by their keys."""

    def number(key: str) -> int:
        try:
            return int(metadata(f"{architecture}.{key}"))
        except ValueError:  # not there, or a list with a number for each layer
            return 0

    layers = number("block_count")
    heads = number("attention.head_count")
    kv_heads = number("attention.head_count_kv") or heads
    head_size = number("embedding_length") // heads if heads else 0
    key_size = number("attention.key_length") or head_size
    value_size = number("attention.value_length") or head_size
    return ModelShape(
        layers,
        number("context_length"),
        layers * kv_heads * (key_size + value_size) * F16_BYTES,
    )


def default_kv_tokens(context_tokens: int, kv_bytes_per_token: int) -> int:
    """Return for how many tokens to keep keys and values, for prompts of ``context_tokens``.

    Three prompts: the one in use, the one that is prepared for the next lines, and another file's.
    Two where three would be large, and those of :data:`PARKED_PROMPTS` files where that is cheap.
    """
    least = max(2 * context_tokens, min(3 * context_tokens, ENOUGH_KV_TOKENS))
    if not kv_bytes_per_token:
        return least
    parked = min(PARKED_PROMPTS * PROMPT_TOKENS, PARKED_BYTES // kv_bytes_per_token)
    return max(least, resident_cells(least, context_tokens) + parked)


def default_prompt_cache_bytes(kv_bytes_per_token: int) -> int:
    """Return how much disk to take for prompts that are kept when an engine ends."""
    return min(KEPT_PROMPTS * PROMPT_TOKENS * kv_bytes_per_token, MOST_KEPT_BYTES)


def resident_cells(kv_tokens: int, context_tokens: int, *, on_gpu: bool = False) -> int:
    """Return the cells of the KV cache itself; the rest of ``kv_tokens`` is for parked prompts.

    On a GPU nothing is parked: a prompt of 1 300 tokens of a 1.3B model is a quarter of a gigabyte, and
    moving it to the machine's memory and back took 110 ms beside an H200, where a decode step takes
    1.4 ms and looking at so many more cells some hundredths of one.
    """
    return kv_tokens if on_gpu else min(kv_tokens, context_tokens + SPARE_CELLS)


def memory_bytes(model_bytes: int, kv_bytes_per_token: int, kv_tokens: int) -> int:
    """Return about how much memory an engine takes."""
    return model_bytes + kv_bytes_per_token * kv_tokens + ENGINE_OVERHEAD_BYTES
