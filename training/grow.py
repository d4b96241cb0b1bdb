"""A deeper model out of a trained one, which answers at first as the trained one does.

New blocks are copies of the block in front of them whose last matrices are zero, so that they add
nothing until they have learnt something (block expansion, LLaMA Pro, Wu et al., 2024). All blocks
learn here, the old ones too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

_BLOCK = re.compile(r"blk\.(\d+)\.(.+)")
_LAST = ("attn_output.weight", "ffn_down.weight")
"""What a block adds to the text's vectors goes through one of these."""


def layers_of(tensors: Mapping[str, Any]) -> int:
    """Return how many blocks a model has whose tensors are named as in a GGUF file."""
    found = (_BLOCK.fullmatch(name) for name in tensors)
    return 1 + max(int(match[1]) for match in found if match)


def grown(tensors: Mapping[str, Any], layers: int) -> dict[str, Any]:
    """Return the tensors of a model of ``layers`` blocks that computes what ``tensors`` do.

    The new blocks stand at equal distances. Raises `ValueError` for fewer blocks than there are, and
    for more than twice as many: a block has one copy at most.
    """
    old = layers_of(tensors)
    if not old <= layers <= 2 * old:
        raise ValueError(f"a model of {old} blocks grows to {2 * old} at most, not to {layers}")
    kept = {name: t for name, t in tensors.items() if not _BLOCK.fullmatch(name)}
    at = 0
    for block in range(old):
        parts = {
            match[2]: tensor
            for name, tensor in tensors.items()
            if (match := _BLOCK.fullmatch(name)) and int(match[1]) == block
        }
        kept |= {f"blk.{at}.{name}": tensor for name, tensor in parts.items()}
        at += 1
        # After block b stand as many new ones as its share of all of them.
        if (block + 1) * (layers - old) // old > block * (layers - old) // old:
            for name, tensor in parts.items():
                kept[f"blk.{at}.{name}"] = np.zeros_like(tensor) if name in _LAST else tensor
            at += 1
    return kept
