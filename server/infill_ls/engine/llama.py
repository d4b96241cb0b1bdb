"""A GGUF model through llama.cpp's low-level API. The only module that imports llama_cpp.

The high-level ``Llama`` class is not used: its infilling ids are fixed at 0, its ``detokenize``
loses long tokens, and it cannot be cancelled (llama-cpp-python 0.3.36).
"""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from infill_ls.engine.base import EngineInfo
from infill_ls.engine.decoder import Logits
from infill_ls.engine.vocabulary import Vocabulary
from infill_ls.errors import ModelError
from infill_ls.fim import FAMILIES, FimFamily, FimTokens

log = logging.getLogger(__name__)
native_log = logging.getLogger("llama.cpp")

GGUF_MAGIC = b"GGUF"
BATCH_TOKENS = 512
MAX_CONTEXT_TOKENS = 4096
_USE_A_BASE_MODEL = "choose a base model (not instruct) that was trained to infill"

_LOG_LEVELS = {1: logging.DEBUG, 2: logging.INFO, 3: logging.WARNING, 4: logging.ERROR}
_last_native_level = logging.DEBUG


def _log_native(level: int, text: bytes, _user_data: object) -> None:
    global _last_native_level  # noqa: PLW0603 - llama.cpp marks a continued line with level 5
    _last_native_level = _LOG_LEVELS.get(level, _last_native_level)
    # What llama.cpp calls information is of interest only to those who look for a fault.
    wanted = logging.DEBUG if _last_native_level < logging.WARNING else _last_native_level
    native_log.log(wanted, "%s", text.decode("utf-8", "replace").rstrip())


_native_log_callback = llama_cpp.llama_log_callback(_log_native)


def check_model_file(path: Path) -> None:
    """Raise :class:`ModelError` if ``path`` cannot be a GGUF model."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except FileNotFoundError:
        raise ModelError(
            f"model file {path} does not exist: set 'model' to the path of a GGUF file, "
            "or leave it empty for the bundled model"
        ) from None
    except OSError as error:
        raise ModelError(f"model file {path} cannot be read: {error.strerror}") from None
    if magic != GGUF_MAGIC:
        raise ModelError(
            f"model file {path} is not a GGUF file: download a .gguf of the model, "
            "or convert it with llama.cpp's convert_hf_to_gguf.py"
        )


class LlamaModel:
    """A loaded model with one context of one sequence. One thread at a time may decode."""

    def __init__(
        self,
        path: Path,
        *,
        threads: int = 0,
        gpu_layers: int = -1,
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Load ``path``; ``on_progress`` gets fractions from 0 to 1.

        Raises :class:`ModelError` if the file is no model or cannot infill.
        """
        check_model_file(path)
        llama_cpp.llama_log_set(_native_log_callback, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        self._model: Any = self._load(path, gpu_layers, on_progress)
        self._context: Any = None
        try:
            self._vocab = llama_cpp.llama_model_get_vocab(self._model)
            self.vocabulary = Vocabulary(self._read_pieces())
            self.fim = self._find_fim_tokens(path)
            self._open_context(path, threads or os.cpu_count() or 1)
        except BaseException:
            self.close()
            raise
        self.info = EngineInfo(
            model_name=self._metadata("general.name") or path.stem,
            context_tokens=self.context_tokens,
            fim=self.fim,
            tokens_stay_in_line=self.vocabulary.tokens_stay_in_line(),
        )

    @property
    def context_tokens(self) -> int:
        """How many tokens the context can hold."""
        return int(llama_cpp.llama_n_ctx(self._context))

    def tokenize(self, text: str) -> tuple[int, ...]:
        """Return the token ids of ``text``. Markers in it stay text. Any thread may call this."""
        data = text.encode("utf-8", "replace")
        size = len(data) + 8
        buffer = (llama_cpp.llama_token * size)()
        count = llama_cpp.llama_tokenize(self._vocab, data, len(data), buffer, size, False, False)
        if count < 0:
            raise ModelError(f"the tokenizer failed on a text of {len(data)} bytes")
        return tuple(buffer[:count])

    def decode(self, token_ids: Sequence[int]) -> None:
        """Append tokens to the sequence; the logits of the last one can be read afterwards."""
        count = len(token_ids)
        # llama_batch_get_one lets llama.cpp number the positions from the end of sequence 0.
        buffer = (llama_cpp.llama_token * count)(*token_ids)
        status = llama_cpp.llama_decode(self._context, llama_cpp.llama_batch_get_one(buffer, count))
        if status != 0:
            raise ModelError(f"llama.cpp could not decode {count} tokens (status {status})")

    def logits(self) -> Logits:
        """Return the logits after the last decoded token: a view, valid until the next decode."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, -1)
        return np.ctypeslib.as_array(pointer, shape=(len(self.vocabulary.pieces),))

    def truncate(self, length: int) -> None:
        """Drop all tokens from position ``length`` on."""
        memory = llama_cpp.llama_get_memory(self._context)
        llama_cpp.llama_memory_seq_rm(memory, 0, length, -1)

    def close(self) -> None:
        """Free the context and the model."""
        if self._context is not None:
            llama_cpp.llama_free(self._context)
            self._context = None
        if self._model is not None:
            llama_cpp.llama_model_free(self._model)
            self._model = None

    def _load(self, path: Path, gpu_layers: int, on_progress: Callable[[float], None]) -> Any:
        def report(fraction: float, _user_data: object) -> bool:
            on_progress(fraction)
            return True

        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = gpu_layers if gpu_layers >= 0 else 1000
        params.progress_callback = llama_cpp.llama_progress_callback(report)
        model = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
        if not model:
            raise ModelError(
                f"model file {path} could not be loaded: it may be cut short, or made for a newer "
                "llama.cpp; download it again, and see the log for llama.cpp's own message"
            )
        return model

    def _open_context(self, path: Path, threads: int) -> None:
        params = llama_cpp.llama_context_default_params()
        trained = llama_cpp.llama_model_n_ctx_train(self._model)
        params.n_ctx = min(trained, MAX_CONTEXT_TOKENS)
        params.n_batch = BATCH_TOKENS
        params.n_ubatch = BATCH_TOKENS
        params.n_threads = threads
        params.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(self._model, params)
        if not self._context:
            raise ModelError(
                f"no memory for a context of {params.n_ctx} tokens with model file {path}: "
                "choose a smaller model"
            )

    def _read_pieces(self) -> list[bytes]:
        count = llama_cpp.llama_vocab_n_tokens(self._vocab)
        return [self._piece(token) for token in range(count)]

    def _piece(self, token: int, size: int = 64) -> bytes:
        buffer = ctypes.create_string_buffer(size)
        length = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, size, 0, False)
        return self._piece(token, -length) if length < 0 else buffer.raw[:length]

    def _metadata(self, key: str) -> str:
        buffer = ctypes.create_string_buffer(512)
        length = llama_cpp.llama_model_meta_val_str(self._model, key.encode(), buffer, 512)
        return buffer.value.decode("utf-8", "replace") if length >= 0 else ""

    def _find_fim_tokens(self, path: Path) -> FimTokens:
        for family in FAMILIES:
            ids = [self._special(text) for text in (family.prefix, family.suffix, family.middle)]
            if None not in ids:
                return self._fim_tokens(family, *(token for token in ids if token is not None))
        raise ModelError(
            f"model file {path} cannot fill in the middle (no infilling markers in its "
            f"vocabulary): {_USE_A_BASE_MODEL}"
        )

    def _fim_tokens(self, family: FimFamily, prefix: int, suffix: int, middle: int) -> FimTokens:
        stops = {prefix, suffix, middle}
        stops.update(t for text in family.stops if (t := self._special(text)) is not None)
        stops.update(
            token
            for token in range(len(self.vocabulary.pieces))
            if llama_cpp.llama_vocab_is_eog(self._vocab, token)
        )
        bos = int(llama_cpp.llama_vocab_bos(self._vocab))
        wants_bos = family.needs_bos or llama_cpp.llama_vocab_get_add_bos(self._vocab)
        if bos >= 0:
            stops.add(bos)
        return FimTokens(
            family=family.name,
            order=family.order,
            prefix=prefix,
            suffix=suffix,
            middle=middle,
            bos=bos if wants_bos and bos >= 0 else None,
            stops=frozenset(stops),
        )

    def _special(self, text: str) -> int | None:
        """Return the id of the token spelled exactly ``text``, or ``None``."""
        data = text.encode()
        buffer = (llama_cpp.llama_token * (len(data) + 8))()
        count = llama_cpp.llama_tokenize(
            self._vocab,
            data,
            len(data),
            buffer,
            len(buffer),
            False,
            True,
        )
        if count != 1:
            return None
        with suppress(UnicodeDecodeError):
            if llama_cpp.llama_vocab_get_text(self._vocab, buffer[0]).decode() == text:
                return int(buffer[0])
        return None
