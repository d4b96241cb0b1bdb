"""Text to ids: the tokenizer's file (byte-level BPE split as DeepSeek-Coder splits) and its special ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ids = NDArray[np.uint16]

BOS, EOS, FIM_BEGIN, FIM_HOLE, FIM_END, EOT = range(6)
SPECIAL = (
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<｜fim▁begin｜>",
    "<｜fim▁hole｜>",
    "<｜fim▁end｜>",
    "<|EOT|>",
)
RESPONSE = "### Response:\n"
"""What an answer to an instruction stands behind: the last words of a prompt of that kind."""
FILE = Path(__file__).parent / "tokenizer.json"


class Encoder:
    """Text to ids."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.newline = int(self("\n")[0])

    def __call__(self, text: str) -> Ids:
        """Return the ids of ``text``, without special ones."""
        if not text:
            return np.empty(0, np.uint16)
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return np.array(ids, dtype=np.uint16)
