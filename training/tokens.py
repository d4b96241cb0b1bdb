"""The special ids of the tokenizer and its file: byte-level BPE split as DeepSeek-Coder splits."""

from __future__ import annotations

from pathlib import Path

BOS, EOS, FIM_BEGIN, FIM_HOLE, FIM_END = range(5)
SPECIAL = (
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<｜fim▁begin｜>",
    "<｜fim▁hole｜>",
    "<｜fim▁end｜>",
    "<|EOT|>",
)
FILE = Path(__file__).parent / "tokenizer.json"
