"""Tests of chat templates in model files, and of which of their texts become special tokens."""

from __future__ import annotations

from pathlib import Path

import llama_cpp

from infill_ls.engine.llama.file import find_chat_template, load_model
from infill_ls.engine.llama.vocab import LlamaVocab
from infill_ls.models.chat import ChatTemplate
from integration.vocabularies import FIRST_MARKER, write_vocabulary

MARKERS = ["<|im_start|>", "<|im_end|>"]


def test_the_file_says_how_its_model_is_talked_to(tmp_path: Path) -> None:
    template = "{{ bos_token }}" + "é" * 600  # longer than the buffer of other values
    path = write_vocabulary(tmp_path / "a.gguf", MARKERS, chat_template=template)
    model = load_model(path, gpu_layers=0, vocab_only=True)
    try:
        found = find_chat_template(model, LlamaVocab(model), "some-instruct")
        assert found == ChatTemplate(template, "<|im_start|>", "<|im_start|>")
    finally:
        llama_cpp.llama_model_free(model)


def test_markers_are_read_in_what_the_template_says_only(tmp_path: Path) -> None:
    path = write_vocabulary(tmp_path / "a.gguf", MARKERS)
    model = load_model(path, gpu_layers=0, vocab_only=True)
    try:
        vocab = LlamaVocab(model)
        text = "<|im_start|>user\n"
        marked, plain = vocab.tokenize(text, reads_markers=True), vocab.tokenize(text)
        assert marked[0] == FIRST_MARKER
        assert len(marked) == 1 + len("user\n")
        assert FIRST_MARKER not in plain
        assert len(plain) == len(text)
    finally:
        llama_cpp.llama_model_free(model)


def test_a_file_without_one_has_none(tmp_path: Path) -> None:
    path = write_vocabulary(tmp_path / "a.gguf", MARKERS)
    model = load_model(path, gpu_layers=0, vocab_only=True)
    try:
        assert find_chat_template(model, LlamaVocab(model), "some-base") is None
        of_paper = find_chat_template(model, LlamaVocab(model), "deepseek-coder-1.3b-instruct")
        assert of_paper is not None
        assert "### Instruction:" in of_paper.text
    finally:
        llama_cpp.llama_model_free(model)
