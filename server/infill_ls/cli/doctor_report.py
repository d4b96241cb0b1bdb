"""The report of ``infill-ls doctor``: hardware, llama.cpp, the model and its speed, editors, advice."""

from __future__ import annotations

import glob
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from infill_ls.cli.advice import (
    Machine,
    Recommendation,
    Size,
    Speed,
    install_command,
    recommend,
)
from infill_ls.cli.editors import find_editors
from infill_ls.cli.self_test import try_model
from infill_ls.engine.child import run_chore
from infill_ls.engine.shape import default_kv_tokens, memory_bytes
from infill_ls.errors import InfillError
from infill_ls.models import registry, store
from infill_ls.prompting.budgets import budgets_for
from infill_ls.settings import settings_with

BITS_PER_WEIGHT = 5.0
"""Of a file whose number of parameters is not known."""
MEGABYTE = 1_000_000
BUSY = "measured while the machine was busy; it is faster, and is measured again after a day"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report: a title, its lines, and the same as plain data."""

    title: str
    lines: list[tuple[str, str]]
    data: dict[str, Any]
    problem: str = ""


def examine(model: str, *, measures: bool = False) -> list[Section]:
    """Look at all there is; ``model`` as in the settings, ``""`` for the one in use.

    ``measures`` measures the model's speed anew, also where it is known.
    """
    settings = settings_with(model=model)
    sections = [_hardware()]
    try:
        backend = run_chore("backend")
    except InfillError as error:
        return [*sections, Section("backend", [], {"error": str(error)}, str(error)), _editors()]
    sections.append(_backend(backend))
    try:
        target_ms = settings.prompt.cold_target_ms
        sections += _model(settings.engine.model_path, target_ms, backend, measures=measures)
    except InfillError as error:
        path = str(settings.engine.model_path)
        data = {"path": path, "error": str(error)}
        sections.append(Section("model", [("file", path)], data, str(error)))
    return [*sections, _editors(), _installation(backend)]


def _hardware() -> Section:
    memory = psutil.virtual_memory()
    physical, logical = psutil.cpu_count(logical=False), psutil.cpu_count()
    data = {
        "system": platform.system(),
        "processor": platform.machine(),
        "physicalCores": physical,
        "logicalCores": logical,
        "memoryBytes": memory.total,
        "freeMemoryBytes": memory.available,
    }
    lines = [
        ("system", f"{platform.system()} {platform.machine()}"),
        ("cores", f"{physical or '?'} ({logical} logical)"),
        ("memory", f"{memory.total / 1e9:.1f} GB, {memory.available / 1e9:.1f} GB free"),
    ]
    return Section("hardware", lines, data)


def _backend(backend: dict[str, Any]) -> Section:
    features = built_features(backend["systemInfo"])
    lines = [
        ("llama-cpp-python", backend["version"]),
        ("compiled for", ", ".join(features)),
        ("GPU offload", "yes" if backend["gpuOffload"] else "no"),
    ]
    for device in backend["devices"]:
        free, total = device["free_bytes"] / 1e9, device["total_bytes"] / 1e9
        name = f"{device['name']} ({device['description']})"
        lines.append(("device", f"{name}, {device['type']}, {free:.1f} of {total:.1f} GB free"))
    return Section("backend", lines, {**backend, "features": features})


def built_features(system_info: str) -> list[str]:
    """Return the names in llama.cpp's ``A = 1 | B = 1`` that are on."""
    entries = (part.rpartition(":")[2] for part in system_info.split("|"))
    return [
        name.strip()
        for name, _, value in (entry.partition("=") for entry in entries)
        if value.strip() == "1"
    ]


def _model(
    path: Path, cold_target_ms: int, backend: dict[str, Any], *, measures: bool
) -> list[Section]:
    settings = settings_with(model=str(path))
    facts = run_chore("facts", str(path.absolute()))
    trial = try_model(path, as_users_do=True, measures=measures)
    info = trial.info
    speed = Speed(info.prefill_tokens_per_s, info.decode_ms)
    budgets = budgets_for(settings, info)
    prompt_tokens = budgets.prefix_tokens + budgets.suffix_tokens + budgets.snippet_tokens
    kv_bytes = facts["shape"]["kv_bytes_per_token"]
    kv_tokens = settings.engine.kv_tokens or default_kv_tokens(info.context_tokens, kv_bytes)
    needed = memory_bytes(facts["file_bytes"], kv_bytes, kv_tokens)
    free = psutil.virtual_memory().available
    file = Section(
        "model",
        [
            ("file", str(path)),
            ("family", facts["family"]),
            ("context", f"{info.context_tokens} tokens"),
            ("memory", f"{needed / 1e9:.2f} GB of {free / 1e9:.1f} GB free, KV cache included"),
            *(("note", note) for note in info.notes),
            ("fills in", f"{trial.before}[{trial.text}]" + ("" if trial.is_right else "  (wrong)")),
        ],
        {
            "path": str(path),
            "facts": facts,
            "contextTokens": info.context_tokens,
            "neededBytes": needed,
            "fits": needed <= free,
            "filledIn": trial.text,
            "fillsInRight": trial.is_right,
        },
        ""
        if trial.is_right
        else "the model did not fill the hole with what the text around it demands",
    )
    measured = Section(
        "speed",
        [
            ("prefill", f"{speed.prefill_tokens_per_s:.0f} tokens a second"),
            ("decode", f"{1000 / speed.decode_ms:.0f} tokens a second"),
            ("a key", f"about {speed.line_ms:.0f} ms until a suggestion of one line"),
            (
                "first in a file",
                f"about {speed.cold_ms(prompt_tokens):.0f} ms with a prompt of {prompt_tokens} tokens",
            ),
            *(("budgets reduced", cut) for cut in budgets.cuts),
            *([] if info.is_steady else [("note", BUSY)]),
        ],
        {
            "prefillTokensPerS": speed.prefill_tokens_per_s,
            "decodeMs": speed.decode_ms,
            "keyMs": speed.line_ms,
            "coldMs": speed.cold_ms(prompt_tokens),
            "promptTokens": prompt_tokens,
            "budgetCuts": budgets.cuts,
            "isSteady": info.is_steady,
        },
    )
    gpus = [one["free_bytes"] for one in backend["devices"] if one["type"] == "gpu"]
    advised = recommend(
        [known for known in registry.known_files() if not known.model.is_instruct],
        speed,
        _size(path, facts),
        free_bytes=max([free, *gpus]),
        cold_target_ms=cold_target_ms or float("inf"),
        context_tokens=settings.engine.context_tokens,
    )
    return [file, measured, _advice(advised)]


def _size(path: Path, facts: dict[str, Any]) -> Size:
    for known in registry.known_files():
        if store.stored_path(known.name) == path and (size := Size.of(known)) is not None:
            return size
    return Size(
        _millions(facts["size"]) or facts["file_bytes"] * 8 / BITS_PER_WEIGHT / MEGABYTE,
        facts["file_bytes"],
    )


def _millions(label: str) -> float:
    """Return the parameters in a label such as ``59M`` or ``1.3B``; 0 for other text."""
    units = {"M": 1.0, "B": 1000.0}
    try:
        return float(label[:-1]) * units.get(label[-1:], 0)
    except ValueError:
        return 0.0


def _advice(advised: Recommendation | None) -> Section:
    if advised is None:
        words = "no larger model in the list is fast enough here or fits: keep the current one"
        return Section("advice", [("model", words)], {"model": None})
    name, speed = advised.known.name, advised.speed
    lines = [
        ("model", f"infill-ls model use {name}"),
        (
            "estimated",
            f"{speed.prefill_tokens_per_s:.0f} tokens a second in prefill, {speed.line_ms:.0f} ms a line",
        ),
    ]
    return Section(
        "advice",
        lines,
        {
            "model": name,
            "estimatedPrefillTokensPerS": speed.prefill_tokens_per_s,
            "estimatedDecodeMs": speed.decode_ms,
        },
    )


def _editors() -> Section:
    found = find_editors(platform.system(), os.environ, shutil.which, glob.glob)
    lines = list(found.items()) or [("none", "docs/editors.md says how to set one up")]
    return Section("editors", lines, dict(found))


def _installation(backend: dict[str, Any]) -> Section:
    advice = install_command(
        _machine(),
        offloads=backend["gpuOffload"],
        built_features=built_features(backend["systemInfo"]),
        version=backend["version"],
    )
    if advice is None:
        return Section("installation", [("llama.cpp", "built for this machine")], {"command": None})
    command, reason = advice
    return Section(
        "installation", [("why", reason), ("run", command)], {"command": command, "reason": reason}
    )


def _machine() -> Machine:
    return Machine(
        platform.system(),
        platform.machine(),
        has_nvidia=shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia").exists(),
        has_other_gpu=any(Path("/dev/dri").glob("renderD*")),
        cpu_features=_cpu_features(),
    )


def _cpu_features() -> frozenset[str]:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return frozenset()
    flags = (line.partition(":")[2] for line in text.split("\n") if line.startswith("flags"))
    return frozenset(next(flags, "").split())
