"""Tests of how many layers fit on a GPU."""

from __future__ import annotations

import pytest

from infill_ls.engine.llama.offload import ALL_LAYERS, layers_that_fit
from infill_ls.engine.shape import UNKNOWN_SHAPE, ModelShape, memory_bytes, read_shape

GIGABYTE = 1_000_000_000
DEEPSEEK_6_7B = ModelShape(32, 16_384, 524_288)
BYTES_6_7B = 4_083_000_000


@pytest.mark.parametrize(
    ("free_bytes", "layers"),
    [
        ([24 * GIGABYTE], ALL_LAYERS),
        ([4 * GIGABYTE, 6 * GIGABYTE], ALL_LAYERS),
        ([6 * GIGABYTE], 20),
        ([2 * GIGABYTE], 5),
        ([GIGABYTE // 2], 0),
        ([], 0),
    ],
)
def test_as_many_layers_as_fit(free_bytes: list[int], layers: int) -> None:
    assert layers_that_fit(DEEPSEEK_6_7B, BYTES_6_7B, 8192, free_bytes) == layers


def test_a_larger_cache_leaves_room_for_fewer_layers() -> None:
    few = layers_that_fit(DEEPSEEK_6_7B, BYTES_6_7B, 32_768, [8 * GIGABYTE])
    assert 0 < few < layers_that_fit(DEEPSEEK_6_7B, BYTES_6_7B, 4096, [8 * GIGABYTE])


def test_a_model_of_unknown_shape_goes_whole_or_not_at_all() -> None:
    assert layers_that_fit(UNKNOWN_SHAPE, GIGABYTE, 8192, [4 * GIGABYTE]) == ALL_LAYERS
    assert layers_that_fit(UNKNOWN_SHAPE, 4 * GIGABYTE, 8192, [4 * GIGABYTE]) == 0


def test_shape_of_deepseek_coder() -> None:
    metadata = {
        "llama.block_count": "32",
        "llama.context_length": "16384",
        "llama.embedding_length": "4096",
        "llama.attention.head_count": "32",
    }
    assert read_shape("llama", lambda key: metadata.get(key, "")) == DEEPSEEK_6_7B
    metadata["llama.attention.head_count_kv"] = "1"
    assert read_shape("llama", lambda key: metadata.get(key, "")).kv_bytes_per_token == 16_384


def test_what_a_file_does_not_say_is_zero() -> None:
    assert read_shape("odd", lambda _: "[1, 2]") == UNKNOWN_SHAPE


def test_memory_of_an_engine() -> None:
    assert memory_bytes(BYTES_6_7B, 524_288, 8192) == pytest.approx(8.63e9, rel=0.01)
