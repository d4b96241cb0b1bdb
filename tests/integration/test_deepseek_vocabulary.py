"""Tests with DeepSeek-Coder's real vocabulary, from llama.cpp's file without weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infill_ls.engine.llama.vocab import LlamaVocab
from infill_ls.models.fim import Order
from integration.vocabularies import open_vocabulary

FILE = Path(__file__).parents[1] / "data" / "ggml-vocab-deepseek-coder.gguf"


@pytest.fixture(scope="module")
def vocab() -> Iterator[LlamaVocab]:
    with open_vocabulary(FILE) as opened:
        yield opened


def test_markers(vocab: LlamaVocab) -> None:
    fim = vocab.find_fim_tokens()
    assert fim is not None
    assert (fim.family, fim.order) == ("deepseek", Order.PSM)
    assert (fim.bos, fim.suffix, fim.prefix, fim.middle) == (32013, 32015, 32016, 32017)
    assert {32013, 32014, 32015, 32016, 32017, 32021} <= vocab.find_stop_ids()


@pytest.mark.parametrize(
    "text",
    [
        "def bubble_sort(arr):\n    n = len(arr)\n",
        "\t\tif err != nil {\n\t\t\treturn err\n\t}\n",
        "x = 12345  # über 你好 😀\r\n",
        " " * 64 + "deep",
        "plain <｜fim▁hole｜> in a string",
        "",
    ],
)
def test_bytes_of_the_tokens_are_the_text(vocab: LlamaVocab, text: str) -> None:
    ids = vocab.tokenize(text)
    assert b"".join(vocab.pieces.pieces[token] for token in ids).decode() == text
    assert not {32015, 32016, 32017}.intersection(ids), "a marker in source code is text"


def test_known_tokens(vocab: LlamaVocab) -> None:
    assert vocab.tokenize("\n") == (185,)
    assert vocab.tokenize("    return") == (315, 967)


def test_tokens_of_a_text_are_those_of_its_lines(vocab: LlamaVocab) -> None:
    assert vocab.pieces.tokens_stay_in_line()
    text = Path(__file__).read_text("utf-8")
    by_line = [token for line in text.splitlines(keepends=True) for token in vocab.tokenize(line)]
    assert tuple(by_line) == vocab.tokenize(text)


def test_lines_tokenized_together_have_the_tokens_of_each(vocab: LlamaVocab) -> None:
    texts = [
        *Path(__file__).read_text("utf-8").splitlines(keepends=True),
        "\n",
        "no end",
        "a\n\nb\n",
        "",
    ]
    assert vocab._lines_can_be_joined
    assert vocab.tokenize_all(texts) == [vocab.tokenize(text) for text in texts]
    assert vocab.tokenize_all([]) == []
