"""Recommendations for a machine: which model, and how to install llama-cpp-python. Pure.

Speeds of models that are not here are worked out from the one that was measured: reading a prompt takes
arithmetic, so it goes by the parameters that a token uses; writing takes memory reads, so it goes by
their bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from infill_ls.engine.shape import default_kv_tokens, memory_bytes
from infill_ls.models.registry import KnownFile
from infill_ls.prompting.budgets import FIRST_LINE_TOKENS, LEAST_TOKENS

SMALL_MODEL_BYTES = 200_000_000
SMALL_MODEL_OVERHEAD = 2.0
"""A small model takes so many times longer for each parameter than a large one: measured on two
AVX-512 cores, the bundled model beside the shape of DeepSeek-Coder 1.3B (2.3 in reading, 2.1 in
writing; docs/performance.md)."""
LINE_MS = 1_000.0
"""A line that takes longer comes too late while one types."""
SPARE_BYTES = 2_000_000_000
"""Of the free memory, what is left to the editor and the browser."""
REINSTALL = "pip install --force-reinstall --no-deps --no-cache-dir llama-cpp-python=="


_CPU_FEATURES = {"avx2": "avx2", "avx512f": "avx512", "fma": "fma", "f16c": "f16c"}
"""What the kernel calls a feature, and what llama.cpp calls it."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a model runs."""

    prefill_tokens_per_s: float
    decode_ms: float
    """For each token that is written."""

    def cold_ms(self, prompt_tokens: int) -> float:
        """Return the time to the first suggestion in a file, a line of it."""
        return prompt_tokens * 1000 / self.prefill_tokens_per_s + self.line_ms

    @property
    def line_ms(self) -> float:
        """The time to write a line when the prompt is computed: the cost of a key."""
        return FIRST_LINE_TOKENS * self.decode_ms


@dataclass(frozen=True, slots=True)
class Size:
    """What speed depends on."""

    parameters_millions: float
    """That one token uses."""
    bytes: float
    """That one token uses."""

    @classmethod
    def of(cls, known: KnownFile) -> Size | None:
        """Return the size of a known file, or ``None`` if its bytes are not known."""
        size_bytes = known.source.size_bytes
        if size_bytes is None:
            return None
        active = known.model.active_millions or known.model.parameters_millions
        return cls(active, size_bytes * active / known.model.parameters_millions)


def estimate(measured: Speed, size: Size, other: Size) -> Speed:
    """Return about how fast a model of size ``other`` is where one of ``size`` was measured."""
    is_small = size.bytes < SMALL_MODEL_BYTES <= other.bytes
    gain = SMALL_MODEL_OVERHEAD if is_small else 1.0
    return Speed(
        measured.prefill_tokens_per_s * gain * size.parameters_millions / other.parameters_millions,
        measured.decode_ms / gain * other.bytes / size.bytes,
    )


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A known model that suits the machine."""

    known: KnownFile
    speed: Speed


def recommend(
    files: Iterable[KnownFile],
    measured: Speed,
    size: Size,
    *,
    free_bytes: int,
    cold_target_ms: float,
    context_tokens: int,
) -> Recommendation | None:
    """Return the largest known model that fits and is quick enough, or ``None``.

    Quick enough: a line within :data:`LINE_MS`, and the first suggestion in a file, with the
    shortest prompt that is worth it, within ``cold_target_ms``.
    """
    best: Recommendation | None = None
    for known in files:
        other = Size.of(known)
        if other is None or known.source.size_bytes is None:
            continue
        speed = estimate(measured, size, other)
        kv_bytes = known.model.kv_bytes_per_token
        cells = default_kv_tokens(min(context_tokens, known.model.context_tokens), kv_bytes)
        needed = memory_bytes(known.source.size_bytes, kv_bytes, cells)
        fits = needed + SPARE_BYTES <= free_bytes
        is_quick = speed.line_ms <= LINE_MS and speed.cold_ms(LEAST_TOKENS) <= cold_target_ms
        is_larger = (
            best is None or known.model.parameters_millions > best.known.model.parameters_millions
        )
        if fits and is_quick and is_larger:
            best = Recommendation(known, speed)
    return best


@dataclass(frozen=True, slots=True)
class Machine:
    """What the way to install depends on."""

    system: str
    """As ``platform.system`` says: ``Linux``, ``Darwin``."""
    processor: str
    """As ``platform.machine`` says: ``x86_64``, ``arm64``."""
    has_nvidia: bool
    has_other_gpu: bool
    cpu_features: frozenset[str]
    """Of the CPU, as the kernel spells them; empty if it does not say."""


def install_command(
    machine: Machine, *, offloads: bool, built_features: Iterable[str], version: str
) -> tuple[str, str] | None:
    """Return a command that makes llama-cpp-python faster here and why, or ``None``.

    ``built_features`` are those that it was compiled for.
    """
    if not offloads:
        if machine.system == "Darwin" and machine.processor == "arm64":
            return _build("-DGGML_METAL=on", version), "Metal can use this Mac's GPU"
        if machine.has_nvidia:
            options = "-DGGML_CUDA=on -DCMAKE_CUDA_ARCHITECTURES=native"
            return _build(
                options, version
            ), "this machine has an NVIDIA GPU (needs the CUDA toolkit)"
        if machine.has_other_gpu:
            return (
                _build("-DGGML_VULKAN=on", version),
                "Vulkan may be able to use this machine's GPU (needs the Vulkan SDK)",
            )
    built = {feature.lower() for feature in built_features}
    missing = [
        name
        for kernels_name, name in _CPU_FEATURES.items()
        if kernels_name in machine.cpu_features and name not in built
    ]
    if missing and not offloads:
        return (
            _build("-DGGML_NATIVE=on", version),
            f"it was compiled without {', '.join(missing)}, which this processor supports",
        )
    return None


def _build(options: str, version: str) -> str:
    return f'CMAKE_ARGS="{options}" {REINSTALL}{version} --no-binary llama-cpp-python'
