"""Train a tokenizer: byte-level BPE, with DeepSeek-Coder's own way to split text and its markers.

What splits is taken from the shipped tokenizer's file; what is learnt are the merges.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from training import corpus
from training.tokens import FILE, SPECIAL

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def train(texts: Iterable[str], size: int) -> Tokenizer:
    """Return a tokenizer of ``size`` tokens, the special ones first."""
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.trainers import BpeTrainer

    record = json.loads(FILE.read_text(encoding="utf-8"))
    record["model"]["vocab"] = dict(zip(SPECIAL, range(len(SPECIAL)), strict=True))
    record["model"]["merges"] = []
    tokenizer = Tokenizer.from_str(json.dumps(record))
    trainer = BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def main() -> None:
    """Train a tokenizer on the files of a corpus."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--size", type=int, default=16_384)
    parser.add_argument("--chars", type=int, default=100_000_000, help="read no more than these")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    left = args.chars
    texts = []
    for path in args.corpus:
        for file in corpus.read(path):
            left -= len(file.text)
            if left < 0:
                break
            texts.append(file.text)
    train(texts, args.size).save(str(args.out))
    print(args.out, args.size, "tokens from", sum(map(len, texts)), "characters")


if __name__ == "__main__":
    main()
