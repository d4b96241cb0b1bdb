"""Tests of the prompts kept on disk: a restarted engine has them at once, and answers are unchanged."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from bounds import WITHIN_S
from infill_ls.engine import CompletionRequest
from infill_ls.engine.process import EngineProcess
from infill_ls.types import Prompt, StopRule
from integration.conftest import MakeEngine, prompt_for

SOURCE = "".join(
    f"def function_{n}(first, second):\n    return first * {n}\n\n\n" for n in range(40)
)
LINE = StopRule(8, 1, time_budget_ms=60_000)
A_STEP = 2


@pytest.fixture
def cache(private_runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory in which this test's engines keep prompts."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "infill-ls" / "prompts"


async def ended(engine: EngineProcess) -> None:
    """Leave the engine and wait until its process is gone."""
    assert engine.pid is not None
    process = psutil.Process(engine.pid)
    await engine.close()
    async with asyncio.timeout(WITHIN_S):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)


async def asked(engine: EngineProcess, prompt: Prompt) -> tuple[str, int]:
    """Return what is written, and how many tokens were read for it."""
    (found,) = await engine.complete(CompletionRequest(prompt=prompt, stop=LINE))
    return found.text, found.timings.prefill_tokens


async def test_a_file_of_before_is_not_read_again(make_engine: MakeEngine, cache: Path) -> None:
    first = make_engine(prompt_cache_mb=-1)
    prompt = await prompt_for(first, SOURCE, "", "def function_41(first, second):\n    return ")
    text, read = await asked(first, prompt)
    assert read == len(prompt.token_ids)
    await ended(first)
    assert len(list(cache.glob("*/*.kv"))) == 1

    second = make_engine(prompt_cache_mb=-1)
    again, read = await asked(second, prompt)
    assert again == text
    assert read <= A_STEP
    await ended(second)

    for file in cache.glob("*/*.kv"):
        file.write_bytes(file.read_bytes()[:-100])
    third = make_engine(prompt_cache_mb=-1)
    once_more, read = await asked(third, prompt)
    assert once_more == text
    assert read == len(prompt.token_ids)


async def test_nothing_is_kept_unless_it_is_wanted(make_engine: MakeEngine, cache: Path) -> None:
    engine = make_engine(prompt_cache_mb=0)
    await asked(engine, await prompt_for(engine, SOURCE, "", "x = "))
    await ended(engine)
    assert not cache.exists()
