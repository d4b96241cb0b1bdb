"""The devices that the installed llama.cpp can compute on. Loads llama.cpp."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

# llama_cpp has no wrappers of ggml's device functions; the library that it loaded has the functions.
from llama_cpp._ggml import libggml

_TYPES = {0: "cpu", 1: "gpu", 2: "igpu", 3: "accelerator"}


@dataclass(frozen=True, slots=True)
class Device:
    """Something that llama.cpp can compute on."""

    name: str
    """As llama.cpp calls it: ``CUDA0``, say."""
    description: str
    type: str
    """``cpu``, ``gpu``, ``igpu`` (shares the machine's memory) or ``accelerator``."""
    free_bytes: int
    total_bytes: int

    @property
    def is_gpu(self) -> bool:
        """Whether layers of a model can be put on it."""
        return self.type in {"gpu", "igpu"}


def list_devices() -> list[Device]:
    """Return all devices, CPUs among them."""
    count = _function("ggml_backend_dev_count", ctypes.c_size_t)
    get = _function("ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
    return [_device(get(number)) for number in range(count())]


def _device(handle: int) -> Device:
    name = _function("ggml_backend_dev_name", ctypes.c_char_p, ctypes.c_void_p)
    description = _function("ggml_backend_dev_description", ctypes.c_char_p, ctypes.c_void_p)
    kind = _function("ggml_backend_dev_type", ctypes.c_int, ctypes.c_void_p)
    size = ctypes.POINTER(ctypes.c_size_t)
    memory = _function("ggml_backend_dev_memory", None, ctypes.c_void_p, size, size)
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    memory(handle, ctypes.byref(free), ctypes.byref(total))
    return Device(
        name(handle).decode("utf-8", "replace"),
        description(handle).decode("utf-8", "replace"),
        _TYPES.get(kind(handle), "other"),
        free.value,
        total.value,
    )


def _function(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(libggml, name)
    function.restype = result
    function.argtypes = arguments
    return function
