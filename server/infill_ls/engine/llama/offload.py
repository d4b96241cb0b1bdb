"""The number of model layers that fit onto a GPU. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from infill_ls.engine.shape import ModelShape

RESERVE_BYTES = 500_000_000
"""For llama.cpp's own buffers there, and for the screen."""
USABLE = 0.95
"""The part of the free memory that is taken: some of it is lost to fragments."""
ALL_LAYERS = 1000
"""More than any model has: llama.cpp takes it as all."""


def layers_that_fit(
    shape: ModelShape, model_bytes: int, kv_cells: int, free_bytes: Iterable[int]
) -> int:
    """Return how many layers fit onto GPUs with this free memory each, 0 to :data:`ALL_LAYERS`.

    A layer takes its weights and its part of the KV cache; the output matrix counts as a layer
    too. Weights are taken to be spread evenly, which errs by less than the reserve. llama.cpp
    spreads layers over several GPUs by their free memory.
    """
    free = sum(max(int(one * USABLE) - RESERVE_BYTES, 0) for one in free_bytes)
    kv_bytes = shape.kv_bytes_per_token * kv_cells
    if free >= model_bytes + kv_bytes:
        return ALL_LAYERS
    if not shape.layers:
        return 0
    per_layer = model_bytes / (shape.layers + 1) + kv_bytes / shape.layers
    return int(free // per_layer)
