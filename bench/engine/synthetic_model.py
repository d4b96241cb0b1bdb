"""Build a GGUF in the exact shape of DeepSeek-Coder, with random weights: as fast as the real one.

Speed does not depend on the weights, so this measures what a user of the real model would see,
without a download. What it writes is noise. The tokenizer is the real one, out of the file
``models/ggml-vocab-deepseek-coder.gguf`` in the source archive of llama-cpp-python
(``pip download --no-binary :all: --no-deps llama-cpp-python``, then look under ``vendor``).

    python -m bench.engine.synthetic_model 1.3b Q8_0.gguf --vocabulary ggml-vocab-deepseek-coder.gguf
    infill-ls model quantize Q8_0.gguf Q4_K_M --output Q4_K_M.gguf

The second command lets llama.cpp choose the types of the tensors, as in a real file of that kind.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import gguf
import numpy as np

Q8_0 = gguf.GGMLQuantizationType.Q8_0


@dataclass(frozen=True)
class PublishedShape:
    """Sizes from the model's published configuration."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    inner: int


SHAPES = {
    "1.3b": PublishedShape(layers=24, width=2_048, heads=16, kv_heads=16, inner=5_504),
    "6.7b": PublishedShape(layers=32, width=4_096, heads=32, kv_heads=32, inner=11_008),
}


class Weights:
    """Random matrices in Q8_0; equal shapes share one, as only their size matters."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self._known: dict[tuple[int, int], np.ndarray] = {}

    def __call__(self, rows: int, columns: int) -> np.ndarray:
        """Return a matrix of small values, so that activations stay finite."""
        key = (rows, columns)
        if key not in self._known:
            values = self._random.standard_normal(key, np.float32) * np.float32(0.02)
            self._known[key] = gguf.quants.quantize(values, Q8_0)
        return self._known[key]


def copy_vocabulary(writer: gguf.GGUFWriter, vocabulary: Path) -> int:
    """Copy the tokenizer's fields; return the number of tokens."""
    reader = gguf.GGUFReader(vocabulary)
    for name, field in reader.fields.items():
        if name.startswith("tokenizer."):
            kind, sub = field.types[0], field.types[-1]
            is_array = kind == gguf.GGUFValueType.ARRAY
            writer.add_key_value(name, field.contents(), kind, sub_type=sub if is_array else None)
    return len(reader.fields["tokenizer.ggml.tokens"].data)


def write(path: Path, shape: PublishedShape, vocabulary: Path, name: str) -> None:
    """Write the model in Q8_0."""
    writer = gguf.GGUFWriter(path, "llama")
    tokens = copy_vocabulary(writer, vocabulary)
    head = shape.width // shape.heads
    writer.add_name(f"DeepSeek-Coder-{name} in shape, random weights")
    writer.add_vocab_size(tokens)
    writer.add_context_length(16_384)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(100_000.0)
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(4.0)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)

    weights = Weights()
    norm = np.ones(shape.width, np.float32)

    def matrix(tensor: str, rows: int, columns: int) -> None:
        writer.add_tensor(f"{tensor}.weight", weights(rows, columns), raw_dtype=Q8_0)

    matrix("token_embd", tokens, shape.width)
    matrix("output", tokens, shape.width)
    writer.add_tensor("output_norm.weight", norm)
    kv_width = shape.kv_heads * head
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        writer.add_tensor(f"{block}.attn_norm.weight", norm)
        writer.add_tensor(f"{block}.ffn_norm.weight", norm)
        matrix(f"{block}.attn_q", shape.width, shape.width)
        matrix(f"{block}.attn_k", kv_width, shape.width)
        matrix(f"{block}.attn_v", kv_width, shape.width)
        matrix(f"{block}.attn_output", shape.width, shape.width)
        matrix(f"{block}.ffn_gate", shape.inner, shape.width)
        matrix(f"{block}.ffn_up", shape.inner, shape.width)
        matrix(f"{block}.ffn_down", shape.width, shape.inner)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """Write the model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("shape", choices=list(SHAPES))
    parser.add_argument("out", type=Path)
    parser.add_argument("--vocabulary", type=Path, required=True)
    parser.add_argument("--layers", type=int, help="fewer layers, to try the script")
    arguments = parser.parse_args()
    shape = SHAPES[arguments.shape]
    if arguments.layers:
        shape = replace(shape, layers=arguments.layers)
    write(arguments.out, shape, arguments.vocabulary, arguments.shape.upper())


if __name__ == "__main__":
    main()
