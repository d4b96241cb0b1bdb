"""How each family of models wants to be asked to fill in the middle. This module is data.

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
    middle: str
    order: Order = Order.PSM
    needs_bos: bool = False
    stops: tuple[str, ...] = ()
    """Further tokens that end a completion, beside the markers and the model's own end."""


FAMILIES: tuple[FimFamily, ...] = (
    FimFamily(
        "deepseek",
        "<｜fim▁begin｜>",
        "<｜fim▁hole｜>",
        "<｜fim▁end｜>",
        needs_bos=True,
        stops=("<|EOT|>", "<|User|>", "<|Assistant|>", "<pad>"),
    ),
    FimFamily(
        "qwen-coder",
        "<|fim_prefix|>",
        "<|fim_suffix|>",
        "<|fim_middle|>",
        stops=("<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|file_separator|>", "<|im_end|>"),
    ),
    FimFamily(
        "starcoder",
        "<fim_prefix>",
        "<fim_suffix>",
        "<fim_middle>",
        stops=("<fim_pad>", "<file_sep>", "<repo_name>", "<filename>", "<reponame>"),
    ),
    FimFamily("seed-coder", "<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>", Order.SPM),
    FimFamily("codellama", "▁<PRE>", "▁<SUF>", "▁<MID>", needs_bos=True, stops=("▁<EOT>",)),
)


@dataclass(frozen=True, slots=True)
class FimTokens:
    """The markers of a loaded model as token ids."""

    family: str
    order: Order
    prefix: int
    suffix: int
    middle: int
    bos: int | None
    """Put before everything else, or ``None`` for a family that wants none."""
    stops: frozenset[int]
    """Ids that end a completion: markers, the family's stops and the model's end tokens."""
