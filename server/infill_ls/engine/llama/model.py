"""A GGUF model in a llama.cpp context.

The high-level ``Llama`` class is not used: its infilling ids are fixed at 0, its ``detokenize``
loses long tokens, and it cannot be cancelled (llama-cpp-python 0.3.36).
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

from infill_ls.engine.base import EngineInfo
from infill_ls.engine.decoding.decoder import Cancelled, Logits
from infill_ls.engine.gguf_fixes import GgufFixes, ModelFacts, find_gguf_fixes
from infill_ls.engine.llama.batch import LlamaBatch
from infill_ls.engine.llama.calibration import (
    Attention,
    Calibration,
    CalibrationStore,
    Choices,
    calibrate,
    first_choice,
    measure_again,
)
from infill_ls.engine.llama.devices import list_devices
from infill_ls.engine.llama.file import (
    find_chat_template,
    interruption,
    load_model,
    read_facts,
)
from infill_ls.engine.llama.governor import ThreadGovernor
from infill_ls.engine.llama.kept_prompts import KeptPrompts
from infill_ls.engine.llama.machine_load import CoresTaken, usable_processors
from infill_ls.engine.llama.offload import layers_that_fit
from infill_ls.engine.llama.vocab import LlamaVocab
from infill_ls.engine.rendezvous import EngineOptions
from infill_ls.engine.shape import (
    default_kv_tokens,
    default_prompt_cache_bytes,
    resident_cells,
)
from infill_ls.errors import EngineError, ModelError
from infill_ls.types import Sampling

BATCH_TOKENS = 512
SEQUENCES = 8
_KV_TYPES = {"f16": llama_cpp.GGML_TYPE_F16, "q8_0": llama_cpp.GGML_TYPE_Q8_0}

_ABORTED = 2
"""Status of a ``llama_decode`` that was broken off."""
# llama.cpp asks ``bool (*)(void *)`` at each operation, from threads that must not wait for Python.
# C's own strlen is such a function for a flag of one byte and a zero: it returns 0 or 1.
_C_LIBRARY = "msvcrt" if sys.platform == "win32" else None  # None: the one that is loaded already
_is_set = ctypes.cast(ctypes.CDLL(_C_LIBRARY).strlen, llama_cpp.ggml_abort_callback)
# As an address, since a pointer object takes longer to make than the rest of a look at the logits.
_logits_address = ctypes.cast(
    llama_cpp.llama_get_logits_ith,
    ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32),
)


class LlamaModel:
    """A loaded model with one context of several sequences. One thread at a time may decode."""

    def __init__(
        self, options: EngineOptions, *, on_progress: Callable[[float], None] = lambda _: None
    ) -> None:
        """Load the model; ``on_progress`` gets fractions from 0 to 1.

        Raises :class:`ModelError` if the file is no model or, where it must, cannot infill.
        """
        self._options = options
        path = options.model_path
        self._governor: ThreadGovernor | None = None
        self._cores_taken = CoresTaken()
        self._context: Any = None
        self._is_interruptible = False
        facts = read_facts(path, must_infill=options.must_infill)
        trained = facts.shape.context_tokens or options.context_tokens
        context_tokens = min(trained, options.context_tokens)
        kv_tokens = options.kv_tokens or default_kv_tokens(
            context_tokens, facts.shape.kv_bytes_per_token
        )
        self.context_tokens = min(context_tokens, kv_tokens)
        gpu_layers = self._gpu_layers(facts, kv_tokens)
        self._on_gpu = gpu_layers > 0
        self.kv_cells = resident_cells(kv_tokens, context_tokens, on_gpu=self._on_gpu)
        self.parked_tokens = kv_tokens - self.kv_cells
        self._fixes: GgufFixes = find_gguf_fixes(facts)
        self._model: Any = load_model(
            path,
            gpu_layers=gpu_layers,
            overrides=self._fixes.overrides,
            on_progress=on_progress,
        )
        try:
            self.vocab = LlamaVocab(self._model)
            self._batch = LlamaBatch(BATCH_TOKENS)
            self._row = ctypes.c_float * self.vocab.tokens
            self._rows: dict[int, Logits] = {}
            self.calibration = self._calibrate()
            self.kept_prompts = self._find_kept_prompts(facts)
        except BaseException:
            self.close()
            raise
        self.info = EngineInfo(
            model_name=facts.name,
            context_tokens=self.context_tokens,
            stop_ids=self.vocab.find_stop_ids(f"{facts.architecture} {facts.name}"),
            fim=self.vocab.find_fim_tokens(f"{facts.architecture} {facts.name}"),
            tokens_stay_in_line=self.vocab.pieces.tokens_stay_in_line(),
            chat=find_chat_template(self._model, self.vocab, facts.name),
            notes=self._fixes.notes,
            prefill_tokens_per_s=self.calibration.prefill_tokens_per_s,
            decode_ms=self.calibration.decode_ms,
            is_steady=self.calibration.is_steady,
        )

    def _find_kept_prompts(self, facts: ModelFacts) -> KeptPrompts:
        megabytes = self._options.prompt_cache_mb
        limit = megabytes * 1_000_000
        if megabytes < 0:
            limit = default_prompt_cache_bytes(facts.shape.kv_bytes_per_token)
        return KeptPrompts(*self._identity_and_speed(), limit)

    def _identity_and_speed(self) -> tuple[object, float]:
        """Return all that llama.cpp's state of a sequence depends on, and how fast prompts are read."""
        path, known = self._options.model_path, self.calibration
        stat = path.stat()
        identity = (
            str(path.resolve()), stat.st_size, stat.st_mtime_ns, llama_cpp.__version__, _backend(),
            known.attention, self._fixes.rope_scale, self._options.gpu_layers,
        )  # fmt: skip
        return identity, known.prefill_tokens_per_s

    def _gpu_layers(self, facts: ModelFacts, kv_tokens: int) -> int:
        """Return how many layers to put on GPUs: as the user set, else as many as fit."""
        free = [device.free_bytes for device in list_devices() if device.is_gpu]
        if self._options.gpu_layers >= 0:
            return self._options.gpu_layers if free else 0
        model_bytes = self._options.model_path.stat().st_size
        return layers_that_fit(facts.shape, model_bytes, kv_tokens, free)

    def decode(
        self,
        sequence: int,
        position: int,
        token_ids: Sequence[int],
        *,
        all_logits: bool,
        interruptible: bool = False,
    ) -> None:
        """Append tokens to ``sequence``, which holds ``position`` tokens.

        Raises :class:`Cancelled` if ``interruptible`` and :meth:`interrupt` was called; nothing is
        appended then.
        """
        self._batch.fill(sequence, position, token_ids, all_logits=all_logits)
        if interruptible is not self._is_interruptible:
            self._is_interruptible = interruptible
            callback = _is_set if interruptible else llama_cpp.ggml_abort_callback()
            llama_cpp.llama_set_abort_callback(self._context, callback, interruption)
        started = time.perf_counter()
        status = llama_cpp.llama_decode(self._context, self._batch.batch)
        if self._governor is not None:
            now = time.perf_counter()
            self._governor.observe(len(token_ids), (now - started) * 1000, now)
        if status == _ABORTED:
            self.truncate(sequence, position)
            raise Cancelled
        if status != 0:
            raise EngineError(f"llama.cpp could not decode {len(token_ids)} tokens ({status})")

    def interrupt(self) -> None:
        """Break off the decoding under way, or the next, if it is interruptible; from any thread."""
        interruption[0] = b"\1"

    def resume(self) -> None:
        """Forget an interrupt."""
        interruption[0] = b"\0"

    def logits(self, index: int) -> Logits:
        """Return the logits at ``index`` of the last batch: a view, valid until the next decode."""
        address = _logits_address(self._context, index)
        row = self._rows.get(address)
        if row is None:
            memory: Any = self._row.from_address(address)
            row = self._rows[address] = np.frombuffer(memory, np.float32)
        return row

    def truncate(self, sequence: int, length: int) -> None:
        """Drop the tokens of ``sequence`` from position ``length`` on."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, length, -1)

    def copy(self, source: int, target: int, length: int) -> None:
        """Let ``target`` share the first ``length`` tokens of ``source``."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def save(self, sequence: int) -> object:
        """Return a copy of the content of the cells of ``sequence``."""
        size = llama_cpp.llama_state_seq_get_size(self._context, sequence)
        state = np.empty(size, np.uint8)
        llama_cpp.llama_state_seq_get_data(self._context, _bytes_of(state), size, sequence)
        return state

    def restore(self, sequence: int, state: object) -> bool:
        """Fill the empty ``sequence`` with saved cells; return whether there was room."""
        assert isinstance(state, np.ndarray)
        data = _bytes_of(state)
        return bool(llama_cpp.llama_state_seq_set_data(self._context, data, state.nbytes, sequence))

    def sampler(self, sampling: Sampling) -> LlamaSampler:
        """Return a sampler on this model's logits."""
        return LlamaSampler(self._context, sampling)

    def close(self) -> None:
        """Free the context and the model."""
        if self._context is not None:
            llama_cpp.llama_free(self._context)
            self._context = None
        if self._model is not None:
            llama_cpp.llama_model_free(self._model)
            self._model = None

    def open_context(self, attention: Attention) -> None:
        """Start again with an empty context."""
        if self._context is not None:
            llama_cpp.llama_free(self._context)
            self._rows.clear()
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = self.kv_cells
        params.n_batch = BATCH_TOKENS
        params.n_ubatch = BATCH_TOKENS
        params.n_seq_max = SEQUENCES
        params.kv_unified = True  # one pool of cells, and prefixes shared without a copy
        params.flash_attn_type = int(attention.flash)
        params.type_k = params.type_v = _KV_TYPES[attention.kv_type]
        params.rope_freq_scale = self._fixes.rope_scale  # 0: as the file says
        self._context = llama_cpp.llama_init_from_model(self._model, params)
        if not self._context:
            raise ModelError(
                f"not enough memory for a KV cache of {self.kv_cells} tokens with model file "
                f"{self._options.model_path}: choose a smaller model, or fewer kvTokens"
            )
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._is_interruptible = False

    def set_threads(self, decode: int, prefill: int) -> None:
        """Set the number of threads for one token, and for several."""
        llama_cpp.llama_set_n_threads(self._context, decode, prefill)

    def _calibrate(self) -> Calibration:
        """Open the context as this machine runs the model best, as far as that is known."""
        path, choices = self._options.model_path, self._choices()
        known = CalibrationStore().get(path, _backend(), choices)
        if known is None or self._options.measures:
            measured = calibrate(self, choices) if self._options.measures else None
            known = measured or first_choice(self, choices)
            CalibrationStore().put(path, _backend(), choices, known)
        self.open_context(known.attention)
        self._use(known)
        return known

    def calibrate_whole(self, is_wanted: Callable[[], bool]) -> bool:
        """Measure all there is to choose, which empties the cells; tell whether that was done.

        Given up as soon as the model is wanted.
        """
        self._governor = None
        choices = self._choices()
        found = calibrate(self, choices, is_wanted)
        if found is not None:
            self.calibration = found
            CalibrationStore().put(self._options.model_path, _backend(), choices, found)
            self.kept_prompts.use(*self._identity_and_speed())
        self.open_context(self.calibration.attention)
        self._use(self.calibration)
        return found is not None

    def calibrate_again(self, sequence: int, held: int, is_wanted: Callable[[], bool]) -> bool:
        """Measure again, behind the tokens that a sequence holds; tell whether that was done.

        Not done if the model is wanted meanwhile, or the machine is not quiet.
        """
        governor, self._governor = self._governor, None
        choices = self._choices()
        found = measure_again(
            self, self.calibration, choices, sequence=sequence, held=held, is_wanted=is_wanted
        )
        if found is None or not found.is_steady:
            self.set_threads(self.calibration.decode_threads, self.calibration.prefill_threads)
            self._governor = governor
            return False
        self.calibration = found
        self._use(found)
        CalibrationStore().put(self._options.model_path, _backend(), choices, found)
        return True

    def _use(self, known: Calibration) -> None:
        self.set_threads(known.decode_threads, known.prefill_threads)
        if not self._options.threads:
            self._governor = ThreadGovernor(
                known,
                self.set_threads,
                cores=usable_processors(),
                cores_taken=self._cores_taken,
            )

    def _choices(self) -> Choices:
        options = self._options
        return Choices.of(
            options.threads,
            options.flash_attention,
            options.kv_type,
            cores=usable_processors(),
            on_gpu=self._on_gpu,
        )


def _backend() -> str:
    return str(llama_cpp.llama_print_system_info().decode("utf-8", "replace"))


def _bytes_of(array: npt.NDArray[np.uint8]) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))


class LlamaSampler:
    """llama.cpp's sampler chain: top-k, top-p, min-p, temperature, then chance."""

    def __init__(self, context: Any, sampling: Sampling) -> None:
        self._context = context
        params = llama_cpp.llama_sampler_chain_default_params()
        self._chain = llama_cpp.llama_sampler_chain_init(params)
        for sampler in (
            llama_cpp.llama_sampler_init_top_k(sampling.top_k),
            llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1),
            llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1),
            llama_cpp.llama_sampler_init_temp(sampling.temperature),
            llama_cpp.llama_sampler_init_dist(sampling.seed),
        ):
            llama_cpp.llama_sampler_chain_add(self._chain, sampler)

    def sample(self, index: int) -> int:
        """Return a token for the logits at ``index`` of the last batch."""
        return int(llama_cpp.llama_sampler_sample(self._chain, self._context, index))

    def close(self) -> None:
        """Free the chain."""
        llama_cpp.llama_sampler_free(self._chain)
