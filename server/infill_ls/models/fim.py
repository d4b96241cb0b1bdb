"""The infilling markers and prompt order of each family of models. This module is data.

PSM and SPM are not in a GGUF file: they follow from which spelling of the markers the vocabulary
has. Sources: each model's own card or tokenizer; llama.cpp's ``llama-vocab.cpp`` for spellings.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Order(StrEnum):
    """The order of the parts of a prompt."""

    PSM = "psm"
    """prefix, suffix, middle: the typed text goes last, so typing appends."""
    SPM = "spm"
    """suffix, prefix, middle: the prefix and the typed text go last."""


@dataclass(frozen=True, slots=True)
class FimFamily:
    """Marker spellings of one family. The bar and the low line of DeepSeek's are U+FF5C, U+2581."""

    name: str
    prefix: str
    suffix: str
    middle: str | None
    """``None`` for a family that goes on right behind the prefix."""
    order: Order = Order.PSM
    needs_bos: bool = False
    stops: tuple[str, ...] = ()
    """Further tokens that end a completion, beside the markers and the model's own end."""
    models: tuple[str, ...] = ()
    """Parts of model names, in lower case, of which one must occur; empty for all models. For
    families that share their spelling with another one."""

    @property
    def markers(self) -> tuple[str, ...]:
        """The spellings that a vocabulary must have."""
        return tuple(text for text in (self.prefix, self.suffix, self.middle) if text is not None)


_QWEN = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
_STARCODER = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
_STARCODER_STOPS = ("<fim_pad>", "<file_sep>", "<repo_name>", "<filename>", "<reponame>")

FAMILIES: tuple[FimFamily, ...] = (
    FimFamily(  # DeepSeek-Coder v1 and V2-Lite
        "deepseek",
        "<｜fim▁begin｜>",
        "<｜fim▁hole｜>",
        "<｜fim▁end｜>",
        needs_bos=True,
        stops=("<|EOT|>", "<|User|>", "<|Assistant|>", "<pad>"),
    ),
    FimFamily(
        "codegemma",
        *_QWEN,
        needs_bos=True,
        stops=("<|file_separator|>", "<start_of_turn>", "<end_of_turn>"),
        models=("gemma",),
    ),
    FimFamily(  # Qwen2.5-Coder, Qwen3-Coder, and Granite 4, which took over the spelling
        "qwen-coder",
        *_QWEN,
        stops=("<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|file_separator|>", "<|im_end|>"),
    ),
    FimFamily("mellum", *_STARCODER, Order.SPM, stops=_STARCODER_STOPS, models=("mellum",)),
    FimFamily("starcoder", *_STARCODER, stops=_STARCODER_STOPS),  # StarCoder2, Granite to 3.3
    FimFamily("santacoder", "<fim-prefix>", "<fim-suffix>", "<fim-middle>", stops=("<fim-pad>",)),
    FimFamily("seed-coder", "<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>", Order.SPM),
    FimFamily("codestral", "[PREFIX]", "[SUFFIX]", None, Order.SPM, needs_bos=True),
    FimFamily("codegeex", "<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>", Order.SPM),
    FimFamily("falcon-coder", "<|prefix|>", "<|suffix|>", "<|middle|>"),
    FimFamily("codellama", "▁<PRE>", "▁<SUF>", "▁<MID>", needs_bos=True, stops=("▁<EOT>",)),
    FimFamily("codellama", "<PRE>", "<SUF>", "<MID>", needs_bos=True, stops=("<EOT>",)),
)


@dataclass(frozen=True, slots=True)
class FimTokens:
    """The markers of a loaded model as token ids."""

    family: str
    order: Order
    prefix: int
    suffix: int
    middle: int | None
    """``None`` for a family that goes on right behind the prefix."""
    bos: int | None
    """Put before everything else, or ``None`` for a family that wants none."""

    @property
    def markers(self) -> frozenset[int]:
        """The ids of the markers."""
        return frozenset((self.prefix, self.suffix, self.middle)) - {None}  # type: ignore[return-value]
