"""Builder of small GGUF files without weights, each with the markers of one model family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import gguf
import llama_cpp

from infill_ls.engine.llama.file import load_model
from infill_ls.engine.llama.vocab import LlamaVocab

PAIR = 256
"""Id of the token ``12``, which exists only where digits may be joined."""
FIRST_MARKER = 257


def write_vocabulary(
    path: Path,
    markers: Sequence[str],
    *,
    name: str = "",
    pre_tokenizer: str = "deepseek-coder",
    chat_template: str = "",
) -> Path:
    """Write a vocabulary of 256 bytes, the pair ``12`` and ``markers`` (control tokens)."""
    tokens = [*_byte_letters(), "12", *markers]
    types = [gguf.TokenType.NORMAL] * FIRST_MARKER + [gguf.TokenType.CONTROL] * len(markers)
    writer = gguf.GGUFWriter(path, "llama")
    if name:
        writer.add_name(name)
    if chat_template:
        writer.add_chat_template(chat_template)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    if pre_tokenizer:
        writer.add_tokenizer_pre(pre_tokenizer)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(["1 2"])
    writer.add_bos_token_id(FIRST_MARKER)
    writer.add_eos_token_id(FIRST_MARKER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


@contextmanager
def open_vocabulary(path: Path, **overrides: str) -> Iterator[LlamaVocab]:
    """Load the vocabulary of a file; ``overrides`` replace keys of its tokenizer."""
    keys = {f"tokenizer.ggml.{name}": value for name, value in overrides.items()}
    model = load_model(path, gpu_layers=0, vocab_only=True, overrides=keys)
    try:
        yield LlamaVocab(model)
    finally:
        llama_cpp.llama_model_free(model)


def _byte_letters() -> list[str]:
    """Return GPT-2's letter for each byte: printable ones are themselves, others from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    letters |= {byte: chr(256 + number) for number, byte in enumerate(others)}
    return [letters[byte] for byte in range(256)]
