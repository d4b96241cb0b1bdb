"""Tests of the bundled model converted for vLLM: same weights and attention under other names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFReader
from gguf.quants import dequantize
from tools.gguf_to_safetensors import (
    ConversionError,
    as_bytes,
    config_of,
    convert,
    tokenizer_of,
)

from infill_ls.models.store import bundled_model_path

Array = np.ndarray[Any, np.dtype[np.float32]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("converted")
    convert(bundled_model_path(), path, "float32")
    return path


@pytest.fixture(scope="module")
def converted(folder: Path) -> dict[str, Array]:
    data = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + size])
    assert table.pop("__metadata__") == {"format": "pt"}
    found = {}
    for name, entry in table.items():
        first, last = (8 + size + at for at in entry["data_offsets"])
        found[name] = np.frombuffer(data[first:last], "<f4").reshape(entry["shape"])
    return found


@pytest.fixture(scope="module")
def original() -> dict[str, Array]:
    reader = GGUFReader(bundled_model_path())
    return {one.name: dequantize(one.data, one.tensor_type) for one in reader.tensors}


def test_every_tensor_is_there_with_its_numbers(
    converted: dict[str, Array], original: dict[str, Array]
) -> None:
    assert len(converted) == len(original)
    for name, other in (
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("output_norm.weight", "model.norm.weight"),
        ("blk.3.attn_v.weight", "model.layers.3.self_attn.v_proj.weight"),
        ("blk.15.ffn_down.weight", "model.layers.15.mlp.down_proj.weight"),
        ("blk.0.ffn_norm.weight", "model.layers.0.post_attention_layernorm.weight"),
    ):
        assert np.array_equal(original[name], converted[other])
    for layer in range(16):
        for name, other in (("attn_q", "q_proj"), ("attn_k", "k_proj")):
            before = original[f"blk.{layer}.{name}.weight"]
            after = converted[f"model.layers.{layer}.self_attn.{other}.weight"]
            assert before.shape == after.shape
            assert np.array_equal(np.sort(before, axis=0), np.sort(after, axis=0))


def turned(vector: Array, position: int, theta: float, *, neighbours: bool) -> Array:
    """Return one head's vector at a position, as llama.cpp or as transformers turns it."""
    half = len(vector) // 2
    angle = position * theta ** (-np.arange(half) / half)
    first, second = (vector[0::2], vector[1::2]) if neighbours else (vector[:half], vector[half:])
    a, b = (
        first * np.cos(angle) - second * np.sin(angle),
        second * np.cos(angle) + first * np.sin(angle),
    )
    if not neighbours:
        return np.concatenate([a, b]).astype(np.float32)
    return np.stack([a, b], axis=1).reshape(-1).astype(np.float32)


def test_attention_is_the_same_at_every_distance(
    converted: dict[str, Array], original: dict[str, Array], folder: Path
) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    size, theta = config["head_dim"], config["rope_theta"]
    numbers = np.random.default_rng(0)
    one, other = (numbers.normal(size=config["hidden_size"]).astype(np.float32) for _ in range(2))
    for head, kv_head, distance in ((0, 0, 1), (3, 1, 17), (7, 3, 900)):
        scores = []
        for weights, names, neighbours in (
            (original, ("blk.2.attn_q.weight", "blk.2.attn_k.weight"), True),
            (converted, tuple(f"model.layers.2.self_attn.{n}_proj.weight" for n in "qk"), False),
        ):
            query = (weights[names[0]] @ one)[head * size : (head + 1) * size]
            key = (weights[names[1]] @ other)[kv_head * size : (kv_head + 1) * size]
            query = turned(query, 1000, theta, neighbours=neighbours)
            key = turned(key, 1000 - distance, theta, neighbours=neighbours)
            scores.append(float(query @ key))
        assert scores[0] == pytest.approx(scores[1], rel=1e-4, abs=1e-4)


def test_the_shape_is_what_the_file_says(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert config["num_hidden_layers"] == 16
    assert (config["num_attention_heads"], config["num_key_value_heads"]) == (8, 4)
    assert config["tie_word_embeddings"] is True
    assert config["vocab_size"] == 16384
    assert config["rope_theta"] == 50000.0


def test_the_tokenizer_has_the_markers_and_begins_with_bos(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    added = {one["content"]: one["id"] for one in tokenizer["added_tokens"]}
    assert [added[f"<｜fim▁{name}｜>"] for name in ("begin", "hole", "end")] == [2, 3, 4]
    assert len(tokenizer["model"]["vocab"]) == 16384
    assert next(iter(tokenizer["post_processor"]["special_tokens"].values()))["ids"] == [0]


def test_numbers_are_rounded_to_the_nearest() -> None:
    values = np.array([1.0, -2.5, 1.00390625, 1.01171875, 3e38], np.float32)
    found = np.frombuffer(as_bytes(values, "bfloat16"), "<u2").astype("<u4") << 16
    expected = [1.0, -2.5, 1.0, 1.015625, 3.0042e38]  # ties to even
    assert found.view("<f4").tolist() == pytest.approx(expected, rel=1e-4)
    assert np.frombuffer(as_bytes(values[:3], "float16"), "<f2").tolist() == pytest.approx(
        [1.0, -2.5, 1.00390625]
    )


def test_what_is_not_known_is_not_guessed() -> None:
    with pytest.raises(ConversionError, match="tokenizer"):
        tokenizer_of({"tokenizer.ggml.model": "llama", "tokenizer.ggml.pre": "default"})
    shape = {
        "llama.attention.head_count": 1,
        "llama.embedding_length": 8,
        "llama.feed_forward_length": 8,
        "llama.block_count": 1,
        "llama.context_length": 8,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.scaling.type": "yarn",
        "tokenizer.ggml.tokens": [],
    }
    with pytest.raises(ConversionError, match="yarn"):
        config_of(shape, "float32", tied=True)
