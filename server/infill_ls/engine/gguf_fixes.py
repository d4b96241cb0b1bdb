"""Faults of GGUF files: fixed while the file is loaded, or reported to the user.

Many files were converted before llama.cpp knew what it needs to know of them, and load without an
error all the same. Sources: DeepSeek-Coder's model card (rope scaling 4), llama.cpp's
``llama-vocab.cpp`` (pre-tokenizers, and the blank that SentencePiece puts before each text).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from infill_ls.engine.shape import UNKNOWN_SHAPE, ModelShape

_DEEPSEEK_CODER_TOKENS = 32_256
_DEEPSEEK_V2_TOKENS = 102_400
_DEEPSEEK_CODER_ROPE_BASE = 100_000.0
_DEEPSEEK_CODER_ROPE_SCALE = 0.25
_CHATTY = frozenset({"instruct", "chat", "it"})


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The metadata of a GGUF file. Empty and 0 mean that the file does not say."""

    name: str
    finetune: str
    architecture: str
    family: str
    """Name of the infilling family."""
    vocabulary_tokens: int
    pre_tokenizer: str
    rope_base: float
    rope_factor: float
    """By how much positions are squeezed; 1 if they are not."""
    shape: ModelShape = UNKNOWN_SHAPE


@dataclass(frozen=True, slots=True)
class GgufFixes:
    """Overrides to load the file correctly, and notes for the user."""

    overrides: dict[str, str | bool] = field(default_factory=dict)
    """Values for the file's own keys."""
    rope_scale: float = 0.0
    """llama.cpp's ``rope_freq_scale``; 0 leaves it as the file says."""
    notes: tuple[str, ...] = ()


def find_gguf_fixes(facts: ModelFacts) -> GgufFixes:
    """Return what to do about a model. Every text is a part of a document, never its beginning."""
    overrides: dict[str, str | bool] = {"tokenizer.ggml.add_space_prefix": False}
    rope_scale = 0.0
    if facts.family == "deepseek" and facts.pre_tokenizer in {"", "default"}:
        pre_tokenizer = {
            _DEEPSEEK_CODER_TOKENS: "deepseek-coder",
            _DEEPSEEK_V2_TOKENS: "deepseek-llm",
        }.get(facts.vocabulary_tokens)
        if pre_tokenizer is not None:
            overrides["tokenizer.ggml.pre"] = pre_tokenizer
    if (
        facts.vocabulary_tokens == _DEEPSEEK_CODER_TOKENS
        and facts.family == "deepseek"
        and facts.rope_base == _DEEPSEEK_CODER_ROPE_BASE
        and facts.rope_factor == 1.0
    ):
        rope_scale = _DEEPSEEK_CODER_ROPE_SCALE
    return GgufFixes(overrides, rope_scale, notes_on(facts.name, facts.finetune))


def notes_on(name: str, finetune: str = "") -> tuple[str, ...]:
    """Return notes for the user about a model with this name."""
    if _CHATTY.isdisjoint(re.split(r"[^a-z]+", f"{name} {finetune}".lower())):
        return ()
    note = (
        f"model {name or 'without a name'} is an instruct model, tuned to chat: it fills "
        "holes worse than the base model of the same family; choose that one"
    )
    return (note,)
