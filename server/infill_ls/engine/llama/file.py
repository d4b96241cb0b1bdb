"""GGUF files through llama.cpp: opening them, their metadata, llama.cpp's log."""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import llama_cpp

from infill_ls.engine.gguf_fixes import ModelFacts
from infill_ls.engine.llama.offload import ALL_LAYERS
from infill_ls.engine.llama.vocab import LlamaVocab
from infill_ls.engine.shape import read_shape
from infill_ls.errors import ModelError
from infill_ls.models.chat import ChatTemplate, template_of
from infill_ls.models.store import why_missing

native_log = logging.getLogger("llama.cpp")

GGUF_MAGIC = b"GGUF"

_LOG_LEVELS = {1: logging.DEBUG, 2: logging.INFO, 3: logging.WARNING, 4: logging.ERROR}
_last_native_level = logging.DEBUG
interruption = ctypes.create_string_buffer(2)
"""Holds one byte while a decoding is to be broken off; a process has one model."""


def _log_native(level: int, text: bytes, _user_data: object) -> None:
    global _last_native_level  # noqa: PLW0603 - llama.cpp marks a continued line with level 5
    _last_native_level = _LOG_LEVELS.get(level, _last_native_level)
    # A decoding that we have broken off is an error to llama.cpp. And what it calls information, and most of its warnings (that the KV cache is larger than
    # one prompt may be, say), is of interest only to those who look for a fault.
    is_fault = _last_native_level >= logging.ERROR and not interruption.value
    wanted = _last_native_level if is_fault else logging.DEBUG
    native_log.log(wanted, "%s", text.decode("utf-8", "replace").rstrip())


native_log_callback = llama_cpp.llama_log_callback(_log_native)


def check_model_file(path: Path) -> None:
    """Raise :class:`ModelError` if ``path`` cannot be a GGUF model."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except FileNotFoundError:
        raise ModelError(why_missing(path)) from None
    except OSError as error:
        raise ModelError(f"model file {path} cannot be read: {error.strerror}") from None
    if magic != GGUF_MAGIC:
        raise ModelError(
            f"model file {path} is not a GGUF file: download a .gguf of the model, "
            "or convert it with llama.cpp's convert_hf_to_gguf.py"
        )


def load_model(
    path: Path,
    *,
    gpu_layers: int = ALL_LAYERS,
    vocab_only: bool = False,
    overrides: Mapping[str, str | bool] = MappingProxyType({}),
    on_progress: Callable[[float], None] = lambda _: None,
) -> Any:
    """Return a ``llama_model_p`` for a GGUF file, with other values for some of the file's keys.

    Raises :class:`ModelError`.
    """

    def report(fraction: float, _user_data: object) -> bool:
        on_progress(fraction)
        return True

    check_model_file(path)
    llama_cpp.llama_log_set(native_log_callback, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = gpu_layers
    params.vocab_only = vocab_only
    params.kv_overrides = kv_overrides = _kv_overrides(overrides)
    params.progress_callback = callback = llama_cpp.llama_progress_callback(report)
    model = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
    del callback, kv_overrides  # kept alive until here
    if not model:
        raise ModelError(
            f"model file {path} could not be loaded: it may be cut short, or made for a newer "
            "llama.cpp; download it again, and see the log for llama.cpp's own message"
        )
    return model


def _kv_overrides(values: Mapping[str, str | bool]) -> Any:
    """Return llama.cpp's form of ``values``: an array whose last entry has an empty key."""
    array = (llama_cpp.llama_model_kv_override * (len(values) + 1))()
    for entry, (key, value) in zip(array, values.items(), strict=False):
        entry.key = key.encode()
        if isinstance(value, bool):
            entry.tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_BOOL
            entry.value.val_bool = value
        else:
            entry.tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR
            entry.value.val_str = value.encode()
    return array


def metadata(model: Any, key: str) -> str:
    """Return a value of the model file as text; empty if it has none for ``key``."""
    buffer = ctypes.create_string_buffer(512)
    length = llama_cpp.llama_model_meta_val_str(model, key.encode(), buffer, 512)
    return buffer.value.decode("utf-8", "replace") if length >= 0 else ""


def find_chat_template(model: Any, vocab: LlamaVocab, name: str) -> ChatTemplate | None:
    """Return how the model is talked to, in the words of its file."""
    found = llama_cpp.llama_model_chat_template(model, None) or b""
    return template_of(
        name,
        found.decode("utf-8", "replace"),
        bos=vocab.spelled(end=False),
        eos=vocab.spelled(end=True),
    )


def read_facts(path: Path, *, must_infill: bool = True) -> ModelFacts:
    """Return the metadata of a GGUF file, without loading weights.

    Raises :class:`ModelError` if the file is no model or, where it must, cannot infill.
    """
    model = load_model(path, gpu_layers=0, vocab_only=True)
    try:
        architecture = metadata(model, "general.architecture")
        name = metadata(model, "general.name") or path.stem
        vocab = LlamaVocab(model)
        return ModelFacts(
            name=name,
            finetune=metadata(model, "general.finetune"),
            architecture=architecture,
            family=_family(vocab, path, f"{architecture} {name}", must_infill=must_infill),
            vocabulary_tokens=vocab.tokens,
            pre_tokenizer=metadata(model, "tokenizer.ggml.pre"),
            rope_base=_number(metadata(model, f"{architecture}.rope.freq_base")),
            rope_factor=_number(metadata(model, f"{architecture}.rope.scaling.factor")) or 1.0,
            shape=read_shape(architecture, partial(metadata, model)),
        )
    finally:
        llama_cpp.llama_model_free(model)


def _family(vocab: LlamaVocab, path: Path, name: str, *, must_infill: bool) -> str:
    if not must_infill and vocab.find_fim_tokens(name) is None:
        return ""
    return vocab.find_family(path, name).name


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
