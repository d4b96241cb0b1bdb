"""Count tokens with the tokenizer of the bundled model, remembering lines as the server does."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cache

from infill_ls.engine.llama.file import load_model
from infill_ls.engine.llama.vocab import LlamaVocab
from infill_ls.models.store import bundled_model_path

CACHED_LINES = 50_000
"""As ``infill_ls.prompting.tokens.LineTokenizer``."""


@cache
def _vocab() -> LlamaVocab:
    return LlamaVocab(load_model(bundled_model_path(), vocab_only=True))


_counts: OrderedDict[str, int] = OrderedDict()


def count_all(texts: Sequence[str]) -> list[int]:
    """Count the tokens of each text. No token of this model crosses the end of a line."""
    split = [text.splitlines(keepends=True) for text in texts]
    new = list(dict.fromkeys(line for lines in split for line in lines if line not in _counts))
    _counts.update(zip(new, map(len, _vocab().tokenize_all(new)), strict=True))
    counts = [sum(_counts[line] for line in lines) for lines in split]
    while len(_counts) > CACHED_LINES:
        _counts.popitem(last=False)
    return counts


def count_tokens(text: str) -> int:
    """Count the tokens of one text."""
    return count_all([text])[0]
