"""Tests that llama.cpp finds the infilling markers of each model family in its vocabulary."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from infill_ls.engine.llama.file import read_facts
from infill_ls.errors import ModelError
from infill_ls.models.fim import FAMILIES, FimFamily, Order
from integration.vocabularies import FIRST_MARKER, PAIR, open_vocabulary, write_vocabulary

END = "<end>"


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family.name}-{family.prefix}")
def test_family_is_found(family: FimFamily, tmp_path: Path) -> None:
    name = f"a {family.models[0]} model" if family.models else "a model"
    markers = [END, *family.markers, *family.stops]
    path = write_vocabulary(tmp_path / "vocabulary.gguf", markers, name=name)
    with open_vocabulary(path) as vocab:
        fim, stop_ids = vocab.find_fim_tokens(name), vocab.find_stop_ids(name)

    ids = dict(zip(markers, count(FIRST_MARKER), strict=False))
    assert fim is not None
    assert fim.family == family.name
    assert fim.order is family.order
    assert (fim.prefix, fim.suffix) == (ids[family.prefix], ids[family.suffix])
    assert fim.middle == (ids[family.middle] if family.middle else None)
    assert fim.bos == (FIRST_MARKER if family.needs_bos else None)
    assert stop_ids >= set(ids.values())


def test_models_that_share_a_spelling_are_told_apart_by_name(tmp_path: Path) -> None:
    markers = [END, "<fim_prefix>", "<fim_suffix>", "<fim_middle>"]
    for name, family, order in (
        ("Mellum 4b", "mellum", Order.SPM),
        ("Granite 3.3", "starcoder", Order.PSM),
    ):
        path = write_vocabulary(tmp_path / f"{family}.gguf", markers, name=name)
        with open_vocabulary(path) as vocab:
            fim = vocab.find_fim_tokens(read_facts(path).name)
        assert fim is not None
        assert (fim.family, fim.order) == (family, order)


def test_a_vocabulary_without_markers_is_refused_in_words(tmp_path: Path) -> None:
    path = write_vocabulary(tmp_path / "chat.gguf", [END, "<|im_end|>"])
    with pytest.raises(ModelError, match="cannot fill in the middle"):
        read_facts(path)
    assert read_facts(path, must_infill=False).family == ""
    with open_vocabulary(path) as vocab:
        assert vocab.find_fim_tokens() is None
        assert vocab.find_stop_ids(), "it ends all the same"


def test_an_override_reaches_llama_cpp(tmp_path: Path) -> None:
    """Without a pre-tokenizer's name llama.cpp joins digits; DeepSeek's keeps them apart."""
    markers = [END, "<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"]
    path = write_vocabulary(tmp_path / "old.gguf", markers, pre_tokenizer="")
    assert read_facts(path).pre_tokenizer == ""
    tokens = {}
    for pre_tokenizer in ("", "deepseek-coder"):
        with open_vocabulary(path, **({"pre": pre_tokenizer} if pre_tokenizer else {})) as vocab:
            tokens[pre_tokenizer] = vocab.tokenize("12")
    assert tokens == {"": (PAIR,), "deepseek-coder": (ord("1"), ord("2"))}
