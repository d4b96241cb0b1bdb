"""Tests of the figures that are computed from measurements of a server under load."""

from __future__ import annotations

import asyncio
import random
from typing import cast

import pytest
from bench.remote import away
from bench.remote.editors import EditorResult, SimulatedEditor, TypedLine, TypingPlace
from bench.remote.team import measured_together, team_figures
from bench.remote.watching import Watch, counts_in, server_figures

from infill_ls.engine.remote import RemoteEngine
from infill_ls.models.fim import FimTokens, Order
from infill_ls.types import Prompt, StopRule

METRICS = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# HELP vllm:estimated_flops_per_gpu_total Estimated number of floating point operations.
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 2.0
vllm:prompt_tokens_total{engine="0",model_name="m"} 1.5e+03
vllm:kv_cache_usage_perc 0.25
http_requests_total{path="/v1"} 9.0
"""


def test_a_metric_is_the_sum_over_its_labels() -> None:
    assert counts_in(METRICS) == {
        "running": 5.0,
        "prompt_tokens": 1500.0,
        "kv_share": 0.25,
    }


def test_sglang_counts_the_same_under_other_names() -> None:
    found = counts_in(
        'sglang:num_running_reqs{engine_type="unified"} 2.0\n'
        'sglang:prompt_tokens_total{a="b"} 1400.0\n'
        'sglang:cached_tokens_total{cache_source="device"} 1300.0\n'
    )
    assert found == {
        "running": 2.0,
        "prompt_tokens": 1400.0,
        "cache_queries": 1400.0,
        "cache_hits": 1300.0,
    }


def test_counts_are_differences_and_gauges_means() -> None:
    first, last = (
        {
            "cache_queries": queries,
            "cache_hits": hits,
            "running": running,
        }
        for queries, hits, running in ((1000.0, 900.0, 1.0), (3000.0, 2800.0, 4.0))
    )
    found = server_figures([first, last])
    assert found["cache_hit_share"] == 0.95
    assert (found["running_mean"], found["running_most"]) == (2.5, 4.0)


def test_only_what_was_seen_in_between_counts() -> None:
    watch = Watch("http://127.0.0.1:9")
    watch._gpu = [(at, {"gpu_percent": at, "watts": 1.0, "memory_mib": 2.0}) for at in (1, 5, 7, 9)]
    assert watch.figures(4, 8) == {"gpu": {"gpu_percent": 6.0, "watts": 1.0, "memory_mib": 2.0}}


def test_a_team_is_all_of_its_editors() -> None:
    one = EditorResult(
        keys=10, requests=4, pauses=4, answered_pauses=4, latencies_ms=[10.0], rate_per_s=1
    )
    other = EditorResult(
        keys=10, requests=2, pauses=4, answered_pauses=2, latencies_ms=[30.0], rate_per_s=3
    )
    found = team_figures([one, other], seconds=2)
    assert found["requests_per_key"] == 0.3
    assert found["answered_pauses_share"] == 0.75
    assert found["least_share"] == 0.5
    assert found["rate_per_s"] == 2
    assert found["jain_index_of_shares"] == pytest.approx(0.9)


def test_a_process_without_anybody_who_types_measures_no_time() -> None:
    assert measured_together(
        [(5.0, 19.0, [EditorResult()]), (4.0, 4.0, []), (6.0, 20.0, [EditorResult()])]
    ) == (
        6.0,
        19.0,
    )


def test_who_is_back_when() -> None:
    log = away.Log(
        requests=[1.0, 100.5, 101.2, 101.9],
        answers={
            "server": [(9.0, 0), (101.0, 0), (103.0, 0), (105.0, 1)],
            "local": [(50.0, 0), (60.0, 1)],
            "nobody": [(11.0, 1)],
        },
    )
    found = away.figures_of(log, editors=2, gone=10.0, back=100.0)
    assert found["answers"]["server"] == {"before": 1, "away": 0, "back": 3}
    assert found["answers"]["local"] == {"before": 0, "away": 2, "back": 0}
    assert found["back_in_use_s"] == {"first": 1.0, "median": 5.0, "last": 5.0, "editors": 2}
    assert found["requests_by_second_after_return"][:3] == [1, 2, 0]


class EngineThatIsWarmed:
    """Counts how often a file was opened."""

    def __init__(self) -> None:
        self.opened = 0

    async def warm(self, prompt: Prompt) -> None:
        self.opened += 1


async def test_a_team_comes_to_work_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    waited_s: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        waited_s.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    fim = FimTokens("deepseek", Order.PSM, 1, 2, 3, None)
    line = TypedLine("x", TypingPlace(fim, (4,), (5,)), ("",), ((),), ("",))
    engines = [EngineThatIsWarmed() for _ in range(8)]
    people = [
        SimulatedEditor(
            number, cast(RemoteEngine, engine), [[line]], StopRule(12, 1), every_key=True
        )
        for number, engine in enumerate(engines)
    ]
    await asyncio.gather(*(person.come(120, end=0) for person in people))
    assert waited_s[:8] == [random.Random(number).uniform(0, 120) for number in range(8)]
    assert [engine.opened for engine in engines] == [1] * 8
