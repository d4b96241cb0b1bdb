"""Tests of which model is advised for a machine."""

from __future__ import annotations

import pytest

from infill_ls.cli.advice import Machine, Size, Speed, estimate, install_command, recommend
from infill_ls.cli.doctor_report import built_features
from infill_ls.models.registry import known_files

MINI = Size(58.7, 37_700_672)
PLAIN = Machine("Linux", "x86_64", False, False, frozenset({"avx2", "fma", "f16c"}))
ALL = ("AVX2", "FMA", "F16C", "AVX512")


def advised(speed: Speed, free_bytes: float) -> str | None:
    found = recommend(
        known_files(),
        speed,
        MINI,
        free_bytes=int(free_bytes),
        cold_target_ms=4000,
        context_tokens=4096,
    )
    return found.known.name if found is not None else None


def test_estimate_of_the_shape_that_was_measured() -> None:
    """docs/performance.md: 13.4 s for 1 350 tokens, 63 ms a token, from the bundled model's."""
    speed = estimate(Speed(1350 / 1.333, 6.4), MINI, Size(1346, 776e6))
    assert speed.prefill_tokens_per_s == pytest.approx(1350 / 13.41, rel=0.2)
    assert speed.decode_ms == pytest.approx(63.4, rel=0.1)


def test_the_largest_model_that_fits_and_is_quick() -> None:
    two_cores, laptop = Speed(1_000.0, 6.4), Speed(8_000.0, 2.0)
    assert advised(two_cores, 16e9) == "deepseek-coder-1.3b"
    assert advised(laptop, 8e9) == "starcoder2-3b"
    assert advised(laptop, 16e9) == "deepseek-coder-v2-lite"


def test_a_machine_too_slow_or_too_small_keeps_what_it_has() -> None:
    assert advised(Speed(300.0, 20.0), 64e9) is None
    assert advised(Speed(200_000.0, 0.4), 2e9) is None


@pytest.mark.parametrize(
    ("machine", "option"),
    [
        (Machine("Darwin", "arm64", False, False, frozenset()), "-DGGML_METAL=on"),
        (Machine("Linux", "x86_64", True, True, frozenset()), "-DGGML_CUDA=on"),
        (Machine("Linux", "x86_64", False, True, frozenset()), "-DGGML_VULKAN=on"),
    ],
)
def test_a_gpu_that_lies_idle_is_put_to_use(machine: Machine, option: str) -> None:
    advice = install_command(machine, offloads=False, built_features=ALL, version="1.2.3")
    assert advice is not None
    assert option in advice[0]
    assert "llama-cpp-python==1.2.3" in advice[0]
    assert install_command(machine, offloads=True, built_features=ALL, version="1.2.3") is None


def test_a_build_for_an_older_processor_is_told() -> None:
    advice = install_command(PLAIN, offloads=False, built_features=["FMA"], version="1")
    assert advice is not None
    assert "avx2, f16c" in advice[1]
    assert install_command(PLAIN, offloads=False, built_features=ALL, version="1") is None


def test_features_that_llama_cpp_was_built_for() -> None:
    said = "CPU : SSE3 = 1 | AVX2 = 1 | AVX512 = 0 | OPENMP = 1 | "
    assert built_features(said) == ["SSE3", "AVX2", "OPENMP"]
