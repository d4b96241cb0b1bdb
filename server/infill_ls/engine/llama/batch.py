"""A batch of tokens for llama.cpp."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import llama_cpp
import numpy as np


class LlamaBatch:
    """A ``llama_batch`` over numpy arrays that are made once and filled without a Python loop."""

    def __init__(self, size: int) -> None:
        self._token = np.zeros(size, np.int32)
        self._position = np.zeros(size, np.int32)
        self._sequence = np.zeros(size, np.int32)
        self._wants_logits = np.zeros(size, np.int8)
        one_each = np.ones(size, np.int32)
        addresses = self._sequence.ctypes.data + np.arange(size, dtype=np.uintp) * 4
        self._keep_alive = (one_each, addresses)
        self.batch = llama_cpp.llama_batch()
        self.batch.token = self._token.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        self.batch.embd = None
        self.batch.pos = self._position.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        self.batch.n_seq_id = one_each.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        self.batch.seq_id = ctypes.cast(
            addresses.ctypes.data, ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))
        )
        self.batch.logits = self._wants_logits.ctypes.data_as(ctypes.POINTER(ctypes.c_int8))

    def fill(
        self, sequence: int, position: int, token_ids: Sequence[int], *, all_logits: bool
    ) -> None:
        """Make it hold ``token_ids`` at ``position`` of a sequence; logits for all, or the last."""
        count = len(token_ids)
        self.batch.n_tokens = count
        if count == 1:
            self._token[0] = token_ids[0]
            self._position[0] = position
            self._sequence[0] = sequence
            self._wants_logits[0] = 1
            return
        self._token[:count] = token_ids
        self._position[:count] = np.arange(position, position + count)
        self._sequence[:count] = sequence
        self._wants_logits[:count] = all_logits
        self._wants_logits[count - 1] = 1
