"""Write a model as a GGUF file that any llama.cpp program can use, read one back, quantise."""

from __future__ import annotations

import argparse
import ctypes
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
from gguf.quants import dequantize, quantize
from numpy.typing import NDArray

from training.tokens import BOS, EOS, FILE, FIM_BEGIN, FIM_END, FIM_HOLE, SPECIAL

if TYPE_CHECKING:
    from training.model import Shape

Q8_0, F16, F32 = (
    gguf.GGMLQuantizationType.Q8_0,
    gguf.GGMLQuantizationType.F16,
    gguf.GGMLQuantizationType.F32,
)
FILE_TYPES = {Q8_0: gguf.LlamaFileType.MOSTLY_Q8_0, F16: gguf.LlamaFileType.MOSTLY_F16}
NAME = "infill-ls-mini"


def write_gguf(
    path: Path,
    shape: Shape,
    tensors: Mapping[str, NDArray[Any]],
    kind: gguf.GGMLQuantizationType = Q8_0,
    tokenizer: Path = FILE,
) -> None:
    """Write ``tensors``, named as in a GGUF file, with the tokenizer and all metadata."""
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name(NAME)
    writer.add_license("MIT")
    writer.add_languages(["en"])
    writer.add_tags(["code", "fill-in-the-middle"])
    writer.add_size_label(f"{round(sum(t.size for t in tensors.values()) / 1e6)}M")
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_file_type(FILE_TYPES[kind])
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_vocab_size(shape.vocabulary)
    _write_tokenizer(writer, shape, tokenizer)
    for name, tensor in tensors.items():
        wide = np.ascontiguousarray(tensor, dtype=np.float32)
        if wide.ndim == 1:
            writer.add_tensor(name, wide)
        else:
            writer.add_tensor(name, quantize(wide, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_tokenizer(writer: gguf.GGUFWriter, shape: Shape, tokenizer: Path) -> None:
    record = json.loads(tokenizer.read_text(encoding="utf-8"))
    ids: dict[str, int] = record["model"]["vocab"]
    words = sorted(ids, key=lambda word: ids[word])
    words += [f"[PAD{n}]" for n in range(len(words), shape.vocabulary)]
    special = set(SPECIAL)
    kinds = [
        gguf.TokenType.CONTROL
        if word in special
        else gguf.TokenType.UNUSED
        if word not in ids
        else gguf.TokenType.NORMAL
        for word in words
    ]
    merges = [m if isinstance(m, str) else " ".join(m) for m in record["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("deepseek-coder")
    writer.add_token_list(words)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_pad_token_id(EOS)
    writer.add_uint32("tokenizer.ggml.fim_pre_token_id", FIM_BEGIN)
    writer.add_uint32("tokenizer.ggml.fim_suf_token_id", FIM_HOLE)
    writer.add_uint32("tokenizer.ggml.fim_mid_token_id", FIM_END)
    writer.add_add_bos_token(True)


def read_gguf(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of a GGUF file as plain numbers."""
    reader = gguf.GGUFReader(str(path))
    return {
        t.name: dequantize(t.data, t.tensor_type).astype(np.float32).reshape(t.shape[::-1])
        for t in reader.tensors
    }


def requantize(
    source: Path,
    target: Path,
    kind: str,
    importance: Mapping[str, NDArray[np.float32]] | None = None,
) -> None:
    """Write ``source`` as ``kind`` (``Q4_K_M``, ``Q5_K_M``) with llama.cpp's own quantiser.

    ``importance`` is what `training.importance` measures; without it, all inputs count alike.
    """
    import llama_cpp

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{kind}")
    params.allow_requantize = True
    params.nthread = 2
    kept = {
        name.encode(): np.ascontiguousarray(values, np.float32)
        for name, values in (importance or {}).items()
    }
    if kept:
        record = llama_cpp.llama_model_imatrix_data
        end = record(None, None, 0)  # a name that is null ends the array
        numbers = ctypes.POINTER(ctypes.c_float)
        some = [record(n, v.ctypes.data_as(numbers), v.size) for n, v in kept.items()]
        params.imatrix = (record * (len(some) + 1))(*some, end)
    code = llama_cpp.llama_model_quantize(
        str(source).encode(), str(target).encode(), ctypes.byref(params)
    )
    if code:
        raise RuntimeError(f"llama_model_quantize answered {code}")


def main() -> None:
    """Quantise a GGUF file."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--kind", default="Q4_K_M")
    parser.add_argument("--importance", type=Path, help="a file of training.importance")
    args = parser.parse_args()
    importance = dict(np.load(args.importance)) if args.importance else None
    requantize(args.source, args.target, args.kind, importance)
    print(args.target, args.target.stat().st_size)


if __name__ == "__main__":
    main()
