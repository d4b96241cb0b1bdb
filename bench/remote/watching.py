"""Watch an inference server and its GPU during a measurement: its ``/metrics`` and ``nvidia-smi``, read once a second."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import mean
from types import TracebackType
from typing import Any, Self

EACH_S = 1.0
SAMPLE = re.compile(r"^((?:vllm|sglang):[a-z0-9_]+)(?:\{[^}]*\})? ([0-9.eE+-]+)$", re.MULTILINE)
"""A line that counts; those that explain have names in them too."""
GPU_FIELDS = {"gpu_percent": "utilization.gpu", "watts": "power.draw", "memory_mib": "memory.used"}
GAUGES = {
    "running": ("vllm:num_requests_running", "sglang:num_running_reqs"),
    "waiting": ("vllm:num_requests_waiting", "sglang:num_queue_reqs"),
    "kv_share": ("vllm:kv_cache_usage_perc", "sglang:token_usage"),
}
COUNTERS = {
    "prompt_tokens": ("vllm:prompt_tokens_total", "sglang:prompt_tokens_total"),
    "written_tokens": ("vllm:generation_tokens_total", "sglang:generation_tokens_total"),
    "cache_queries": ("vllm:prefix_cache_queries_total", "sglang:prompt_tokens_total"),
    "cache_hits": ("vllm:prefix_cache_hits_total", "sglang:cached_tokens_total"),
    "preempted": ("vllm:num_preemptions_total", "sglang:num_retractions_total"),
}


def counts_in(text: str) -> dict[str, float]:
    """Return what vLLM or SGLang counts, by our names, each the sum over its labels."""
    found: dict[str, float] = {}
    for name, value in SAMPLE.findall(text):
        found[name] = found.get(name, 0.0) + float(value)
    both = {**GAUGES, **COUNTERS}
    return {ours: found[name] for ours, names in both.items() for name in names if name in found}


def read_metrics(url: str) -> dict[str, float]:
    """Return what a server counts; nothing if it has no such page."""
    try:
        with urllib.request.urlopen(url + "/metrics", timeout=5) as reply:
            return counts_in(reply.read().decode("utf-8", "replace"))
    except (OSError, ValueError):
        return {}


@dataclass
class Watch:
    """Reads both in threads of its own, from ``with`` on."""

    url: str
    gpu: str = ""
    """Number of the GPU; empty for none."""
    _server: list[tuple[float, Mapping[str, float]]] = field(default_factory=list)
    _gpu: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _smi: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Begin."""
        threading.Thread(target=self._read_server, daemon=True).start()
        if self.gpu and (command := shutil.which("nvidia-smi")) is not None:
            fields = ",".join(GPU_FIELDS.values())
            asked = [f"--query-gpu={fields}", "--format=csv,noheader,nounits", "-i", self.gpu]
            self._smi = subprocess.Popen(
                [command, *asked, "-lms", str(int(EACH_S * 500))], stdout=subprocess.PIPE, text=True
            )
            threading.Thread(target=self._read_gpu, args=(self._smi,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        self._ended.set()
        if self._smi is not None:
            self._smi.terminate()
            self._smi.wait()

    def figures(self, began: float, ended: float) -> dict[str, Any]:
        """Return what was seen between two times of the clock on the wall."""
        gpu = [row for at, row in self._gpu if began <= at <= ended]
        server = [row for at, row in self._server if began <= at <= ended]
        figures: dict[str, Any] = {}
        if gpu:
            figures["gpu"] = {key: round(mean(row[key] for row in gpu), 1) for key in GPU_FIELDS}
        if len(server) > 1:
            figures["server"] = server_figures(server)
        return figures

    def _read_server(self) -> None:
        while not self._ended.wait(EACH_S):
            if found := read_metrics(self.url):
                self._server.append((time.time(), found))

    def _read_gpu(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                values = [float(value) for value in line.split(",")]
            except ValueError:
                continue
            if len(values) == len(GPU_FIELDS):
                self._gpu.append((time.time(), dict(zip(GPU_FIELDS, values, strict=True))))


def server_figures(samples: list[Mapping[str, float]]) -> dict[str, Any]:
    """Return what a server's metrics say of the time between the first of them and the last."""
    first, last = samples[0], samples[-1]
    counted = {key: last.get(key, 0) - first.get(key, 0) for key in COUNTERS}
    seen = {key: [row.get(key, 0.0) for row in samples] for key in GAUGES}
    queries = counted["cache_queries"]
    return {
        **counted,
        "cache_hit_share": round(counted["cache_hits"] / queries, 4) if queries else None,
        **{f"{key}_mean": round(mean(values), 3) for key, values in seen.items()},
        **{f"{key}_most": round(max(values), 3) for key, values in seen.items()},
    }
