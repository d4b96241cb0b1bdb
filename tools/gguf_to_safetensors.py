"""A GGUF file of Llama's architecture as a folder that vLLM, SGLang and transformers serve.

    python -m tools.gguf_to_safetensors FILE.gguf FOLDER [--dtype bfloat16]

Needs the package ``gguf``, which is installed for development. Quantised weights are written out, so that both
sides compute with the same numbers; float32 keeps them exactly.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

DTYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
BLOCK = re.compile(r"blk\.(\d+)\.(.+)")
OUTER = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
INNER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
CONTROL, USER_DEFINED = 3, 4
"""Kinds of tokens in a GGUF file that are found in a text before it is split."""

# How llama.cpp splits a text before byte pairs are merged, by the name in the file.
SPLITS = {
    "deepseek-coder": [
        r"[\r\n]",
        r"\s?\p{L}+",
        r"\s?\p{P}+",
        "[一-龥ࠀ-一가-퟿]+",
        r"\p{N}",
    ],
}


class ConversionError(Exception):
    """The file cannot be converted. ``str(error)`` says why."""


def main() -> None:
    """Convert one file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    options = parser.parse_args()
    try:
        convert(options.model, options.folder, options.dtype)
    except ConversionError as error:
        raise SystemExit(f"{options.model}: {error}") from None


def convert(model: Path, folder: Path, dtype: str) -> None:
    """Write config, tokenizer and weights. Raises :class:`ConversionError`."""
    reader = GGUFReader(model)
    fields = {name: field.contents() for name, field in reader.fields.items() if "." in name}
    if fields.get("general.architecture") != "llama":
        raise ConversionError(
            f"its architecture is {fields.get('general.architecture')!r}, not llama"
        )
    tied = not any(tensor.name == "output.weight" for tensor in reader.tensors)
    config, tokenizer = config_of(fields, dtype, tied=tied), tokenizer_of(fields)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in (
        ("config.json", config),
        ("tokenizer.json", tokenizer),
        ("tokenizer_config.json", tokenizer_config_of(fields)),
    ):
        (folder / name).write_text(json.dumps(data, ensure_ascii=False, indent=1), "utf-8")
    write_safetensors(folder / "model.safetensors", tensors_of(reader, fields), dtype)


def config_of(fields: dict[str, Any], dtype: str, *, tied: bool) -> dict[str, Any]:
    """Return the model's shape as transformers writes it."""

    def of(name: str, default: Any = None) -> Any:
        return fields.get(f"llama.{name}", default)

    heads = int(of("attention.head_count"))
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": int(of("embedding_length")),
        "intermediate_size": int(of("feed_forward_length")),
        "num_hidden_layers": int(of("block_count")),
        "num_attention_heads": heads,
        "num_key_value_heads": int(of("attention.head_count_kv", heads)),
        "head_dim": int(of("rope.dimension_count", int(of("embedding_length")) // heads)),
        "max_position_embeddings": int(of("context_length")),
        "rms_norm_eps": float(of("attention.layer_norm_rms_epsilon")),
        "rope_theta": float(of("rope.freq_base", 10_000.0)),
        "vocab_size": len(fields["tokenizer.ggml.tokens"]),
        "bos_token_id": fields.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": fields.get("tokenizer.ggml.eos_token_id"),
        "attention_bias": False,
        "tie_word_embeddings": tied,
        "torch_dtype": dtype,
    }
    match of("rope.scaling.type"):
        case None | "none":
            pass
        case "linear":
            factor = float(of("rope.scaling.factor"))
            config["rope_scaling"] = {"rope_type": "linear", "type": "linear", "factor": factor}
        case other:
            raise ConversionError(f"its positions are scaled by {other!r}, which is not known here")
    return config


def tokenizer_of(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a byte-level BPE tokenizer in the form of Hugging Face's ``tokenizers``."""
    kind, name = fields.get("tokenizer.ggml.model"), fields.get("tokenizer.ggml.pre")
    if kind != "gpt2" or name not in SPLITS:
        raise ConversionError(f"its tokenizer is {kind!r}, {name!r}, which is not known here")
    tokens, kinds = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    added = [
        {
            "id": number,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": of_kind == CONTROL,
        }
        for number, (token, of_kind) in enumerate(zip(tokens, kinds, strict=True))
        if of_kind in {CONTROL, USER_DEFINED}
    ]
    splits: list[dict[str, Any]] = [
        {"type": "Split", "pattern": {"Regex": one}, "behavior": "Isolated", "invert": False}
        for one in SPLITS[name]
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return {
        "version": "1.0",
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [*splits, {**byte_level, "use_regex": False}],
        },
        "post_processor": _before_each_text(fields),
        "decoder": {**byte_level, "use_regex": False},
        "model": {
            "type": "BPE",
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": list(fields["tokenizer.ggml.merges"]),
        },
    }


def _before_each_text(fields: dict[str, Any]) -> dict[str, Any] | None:
    if not fields.get("tokenizer.ggml.add_bos_token"):
        return None
    bos_id = fields["tokenizer.ggml.bos_token_id"]
    bos = fields["tokenizer.ggml.tokens"][bos_id]
    special, text = (
        {"SpecialToken": {"id": bos, "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    )
    pair = {"Sequence": {"id": "B", "type_id": 0}}
    return {
        "type": "TemplateProcessing",
        "single": [special, text],
        "pair": [special, text, pair],
        "special_tokens": {bos: {"id": bos, "ids": [bos_id], "tokens": [bos]}},
    }


def tokenizer_config_of(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what transformers wants to know beside the tokenizer."""
    tokens = fields["tokenizer.ggml.tokens"]

    def of(name: str) -> str | None:
        number = fields.get(f"tokenizer.ggml.{name}_token_id")
        return None if number is None else tokens[number]

    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": of("bos"),
        "eos_token": of("eos"),
        "pad_token": of("padding"),
        "model_max_length": int(fields["llama.context_length"]),
        "clean_up_tokenization_spaces": False,
    }


def tensors_of(
    reader: GGUFReader, fields: dict[str, Any]
) -> Iterator[tuple[str, np.ndarray[Any, np.dtype[np.float32]]]]:
    """Yield the weights by the names that transformers gives them."""
    heads = int(fields["llama.attention.head_count"])
    kv_heads = int(fields.get("llama.attention.head_count_kv", heads))
    for tensor in reader.tensors:
        weights = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        found = BLOCK.fullmatch(tensor.name)
        if found is None:
            if tensor.name not in OUTER:
                raise ConversionError(f"it has a tensor {tensor.name!r}, which is not known here")
            yield OUTER[tensor.name], weights
            continue
        inner, _, kind = found[2].rpartition(".")
        if inner not in INNER or kind != "weight":
            raise ConversionError(f"it has a tensor {tensor.name!r}, which is not known here")
        if inner == "attn_q":
            weights = halves(weights, heads)
        elif inner == "attn_k":
            weights = halves(weights, kv_heads)
        yield f"model.layers.{found[1]}.{INNER[inner]}.weight", weights


def halves(
    weights: np.ndarray[Any, np.dtype[np.float32]], heads: int
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return rows in the order in which transformers turns them: the halves of a head, not neighbours."""
    rows, columns = weights.shape
    pairs = weights.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def write_safetensors(
    path: Path,
    tensors: Iterator[tuple[str, np.ndarray[Any, np.dtype[np.float32]]]],
    dtype: str,
) -> None:
    """Write weights in the form of safetensors: a length, a table as JSON, and the bytes."""
    table: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    pieces: list[bytes] = []
    at = 0
    for name, weights in tensors:
        data = as_bytes(weights, dtype)
        table[name] = {
            "dtype": DTYPES[dtype],
            "shape": list(weights.shape),
            "data_offsets": [at, at + len(data)],
        }
        pieces.append(data)
        at += len(data)
    head = json.dumps(table).encode()
    head += b" " * (-len(head) % 8)
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        file.writelines(pieces)


def as_bytes(weights: np.ndarray[Any, np.dtype[np.float32]], dtype: str) -> bytes:
    """Return the numbers as little-endian bytes, rounded to the nearest (to even) of ``dtype``."""
    if dtype == "bfloat16":
        bits = weights.astype("<f4").view("<u4").astype(np.uint64)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()
    return weights.astype("<f4" if dtype == "float32" else "<f2").tobytes()


if __name__ == "__main__":
    main()
