"""Tests of cancelling and closing in the engine process, and of an engine that cannot start."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from infill_ls.engine import CompletionRequest, Priority
from infill_ls.errors import EngineUnavailableError
from infill_ls.types import StopRule, Written
from integration.conftest import MakeEngine, prompt_for

LINE = StopRule(4, 1, time_budget_ms=60_000)
FUNCTIONS = [f"def function_{n}(first, second):\n    return first * {n}\n" for n in range(70)]
LONG = "".join(FUNCTIONS)


async def test_a_cancelled_completion_stops_the_engine(make_engine: MakeEngine) -> None:
    engine = make_engine()
    prompt = await prompt_for(engine, LONG)
    call = asyncio.create_task(engine.complete(CompletionRequest(prompt=prompt, stop=LINE)))
    await asyncio.sleep(0)  # the request is on its way to the engine
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    (completion,) = await engine.complete(CompletionRequest(prompt=prompt, stop=LINE))
    # Had it gone on, all of the prompt would be in the KV cache.
    assert completion.timings.reused_tokens < len(prompt.token_ids) / 2
    (again,) = await engine.complete(CompletionRequest(prompt=prompt, stop=LINE))
    assert again.timings.reused_tokens > len(prompt.token_ids) * 0.9


async def test_closing_while_the_model_loads_is_an_error_for_those_who_wait(
    make_engine: MakeEngine, private_runtime: object
) -> None:
    engine = make_engine()
    loading = asyncio.create_task(engine.start())
    await asyncio.sleep(0.1)
    await engine.close()
    with pytest.raises(EngineUnavailableError):
        await loading
    with pytest.raises(EngineUnavailableError):
        await engine.start()


async def test_an_engine_that_cannot_start_is_not_started_in_a_loop(
    make_engine: MakeEngine,
    private_runtime: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starts = tmp_path / "starts"
    (tmp_path / "llama_cpp.py").write_text(
        f"open({str(starts)!r}, 'a').write('x')\nraise ImportError('broken installation')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    engine = make_engine()
    with pytest.raises(EngineUnavailableError, match="could not start") as error:
        await engine.start()
    (log,) = private_runtime.glob("*.log")
    assert str(log) in str(error.value)
    assert "broken installation" in log.read_text()
    with pytest.raises(EngineUnavailableError, match="started again in a moment"):
        await engine.start()
    assert starts.read_text() == "x"


async def test_a_long_answer_makes_way_for_a_key_and_goes_on(make_engine: MakeEngine) -> None:
    engine = make_engine()
    # A text of which the model is certain: what is read in another order differs in the last digits.
    prompt = await prompt_for(engine, "zeros = [" + "0, " * 100)
    key = await prompt_for(engine, "".join(FUNCTIONS[:15]) + "def main():\n", "", "    print(")
    stop = StopRule(120, 200, time_budget_ms=60_000)
    long = CompletionRequest(prompt=prompt, stop=stop, priority=Priority.LONG)
    for _ in range(2):  # so that all is as it is the next time
        (alone,) = await engine.complete(long)
        (short,) = await engine.complete(CompletionRequest(prompt=key, stop=LINE))
    assert min(alone.logprobs) > -0.3

    heard: list[Written] = []
    writing = asyncio.create_task(engine.complete(long, heard.append))
    while len(heard) < 10:
        await asyncio.sleep(0.001)
    (answer,) = await engine.complete(CompletionRequest(prompt=key, stop=LINE))
    at = len(heard)
    assert answer.text == short.text
    assert not writing.done(), "the key has not waited for the long answer"
    (found,) = await writing
    assert found.text == alone.text
    assert at < len(heard), "it has gone on"
    assert answer.timings.prefill_tokens <= 2, "both prompts are kept"
