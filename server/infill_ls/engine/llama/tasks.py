"""Tasks of the command line that need llama.cpp, each run in a separate process.

An assertion in llama.cpp ends this process and not the caller's. One chore a process, its arguments
on the command line, its answer as JSON on stdout; :func:`infill_ls.engine.child.run_chore` is the
caller's side.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import llama_cpp

from infill_ls.engine.gguf_fixes import find_gguf_fixes
from infill_ls.engine.llama.devices import list_devices
from infill_ls.engine.llama.file import (
    check_model_file,
    load_model,
    metadata,
    native_log_callback,
    read_facts,
)
from infill_ls.errors import InfillError, ModelError

QUANTIZATIONS = {
    "Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
    "Q4_K_M": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
    "Q5_K_M": llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_K_M,
    "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
}


def facts(model_path: str) -> dict[str, Any]:
    """Return the facts in a model file. Raises :class:`ModelError`."""
    path = Path(model_path)
    known = read_facts(path)
    model = load_model(path, gpu_layers=0, vocab_only=True)
    try:
        labels = {
            "size": metadata(model, "general.size_label"),
            "licence": metadata(model, "general.license"),
        }
    finally:
        llama_cpp.llama_model_free(model)
    return {
        **asdict(known),
        **labels,
        "file_bytes": path.stat().st_size,
        "notes": find_gguf_fixes(known).notes,
    }


def quantize(source: str, target: str, quantization: str) -> dict[str, Any]:
    """Write ``source`` with fewer bits for each weight as ``target``. Raises :class:`ModelError`."""
    check_model_file(Path(source))
    llama_cpp.llama_log_set(native_log_callback, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = QUANTIZATIONS[quantization]
    params.allow_requantize = True
    params.nthread = os.cpu_count() or 1
    status = llama_cpp.llama_model_quantize(
        os.fsencode(source), os.fsencode(target), ctypes.byref(params)
    )
    if status != 0:
        raise ModelError(f"llama.cpp could not quantise {source} ({status})")
    return {"bytes": Path(target).stat().st_size}


def backend() -> dict[str, Any]:
    """Return the capabilities of the installed llama-cpp-python on this machine."""
    llama_cpp.llama_log_set(native_log_callback, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return {
        "version": llama_cpp.__version__,
        "systemInfo": llama_cpp.llama_print_system_info().decode("utf-8", "replace"),
        "gpuOffload": bool(llama_cpp.llama_supports_gpu_offload()),
        "devices": [asdict(device) for device in list_devices()],
    }


CHORES: dict[str, Callable[..., dict[str, Any]]] = {
    "facts": facts,
    "quantize": quantize,
    "backend": backend,
}


def main() -> int:
    """Do the chore named on the command line."""
    name, *arguments = sys.argv[1:]
    try:
        answer = CHORES[name](*arguments)
    except InfillError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))  # noqa: T201 - the answer
    return int("error" in answer)


if __name__ == "__main__":
    sys.exit(main())
