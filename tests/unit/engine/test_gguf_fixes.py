"""Tests of repairs to faulty model files, and of the messages about them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infill_ls.engine.gguf_fixes import ModelFacts, find_gguf_fixes

DEEPSEEK = ModelFacts(
    name="deepseek-coder-1.3b-base",
    finetune="",
    architecture="llama",
    family="deepseek",
    vocabulary_tokens=32_256,
    pre_tokenizer="deepseek-coder",
    rope_base=100_000.0,
    rope_factor=4.0,
)
PRE = "tokenizer.ggml.pre"


def test_a_good_file_is_left_alone() -> None:
    remedies = find_gguf_fixes(DEEPSEEK)
    assert PRE not in remedies.overrides
    assert (remedies.rope_scale, remedies.notes) == (0.0, ())


@pytest.mark.parametrize("said", ["", "default"])
def test_files_of_2023_get_their_pre_tokenizer(said: str) -> None:
    old = replace(DEEPSEEK, pre_tokenizer=said)
    assert find_gguf_fixes(old).overrides[PRE] == "deepseek-coder"
    lite = replace(old, vocabulary_tokens=102_400)
    assert find_gguf_fixes(lite).overrides[PRE] == "deepseek-llm"


def test_no_pre_tokenizer_is_guessed_for_other_models() -> None:
    assert (
        PRE
        not in find_gguf_fixes(replace(DEEPSEEK, pre_tokenizer="", family="starcoder")).overrides
    )
    assert (
        PRE
        not in find_gguf_fixes(replace(DEEPSEEK, pre_tokenizer="", vocabulary_tokens=9)).overrides
    )


def test_rope_scaling_that_was_lost_is_put_back() -> None:
    assert find_gguf_fixes(replace(DEEPSEEK, rope_factor=1.0)).rope_scale == 0.25
    other = replace(DEEPSEEK, rope_factor=1.0, rope_base=10_000.0)
    assert find_gguf_fixes(other).rope_scale == 0.0


@pytest.mark.parametrize(
    ("name", "finetune", "is_said"),
    [
        ("deepseek-coder-6.7b-instruct", "", True),
        ("Qwen2.5 Coder 1.5B", "Instruct", True),
        ("codegemma-7b-it", "", True),
        ("deepseek-coder-6.7b-base", "base", False),
        ("edit-it2", "", True),
        ("chatty-bits", "", False),
    ],
)
def test_an_instruct_model_is_called_one(name: str, finetune: str, is_said: bool) -> None:
    notes = find_gguf_fixes(replace(DEEPSEEK, name=name, finetune=finetune)).notes
    assert [name in note and "instruct" in note for note in notes] == [True] * is_said
