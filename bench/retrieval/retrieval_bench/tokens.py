"""Count tokens with the tokenizer of the bundled model, remembering lines as the server does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

from infill_ls.engine.llama import load_model
from infill_ls.engine.llama_vocab import LlamaVocab
from infill_ls.settings import bundled_model_path

CACHED_LINES = 50_000
"""As ``infill_ls.tokens.LineTokenizer``."""


@cache
def _vocab() -> LlamaVocab:
    return LlamaVocab(load_model(bundled_model_path(), vocab_only=True))


@lru_cache(CACHED_LINES)
def _count_line(line: str) -> int:
    return len(_vocab().tokenize(line))


def count_tokens(text: str) -> int:
    """Return the tokens of ``text``. No token of this model crosses the end of a line."""
    return sum(map(_count_line, text.splitlines(keepends=True)))


def count_all(texts: Sequence[str]) -> list[int]:
    """Count the tokens of each text, as an index wants it done."""
    return [count_tokens(text) for text in texts]
