"""Tests of engine faults: every request is answered, nothing leaks, answers stay the same."""

from __future__ import annotations

import asyncio
import os
import random
import signal

import psutil
import pytest

from bounds import WITHIN_S
from infill_ls.engine import CompletionRequest
from infill_ls.engine.process import EngineProcess
from infill_ls.errors import EngineError, EngineUnavailableError
from infill_ls.types import Prompt, StopRule
from integration.conftest import MakeEngine, prompt_for

pytestmark = pytest.mark.usefixtures("private_runtime")

SMALL_CACHE = 1024
LINE = StopRule(12, 1, time_budget_ms=60_000)
LONG = StopRule(60, 60, time_budget_ms=60_000)
# Each of these lets the model repeat what it has seen, so that no near tie is turned by the
# rounding of another batch size.
TEXTS = [
    f"def pay_{name}(wallet, amount):\n    wallet.{name}_zlotys(amount)\n\n\n" * 6
    + f"def pay_{name}(wallet, amount):\n"
    for name in ("deposit", "refund", "transfer", "withdraw", "exchange", "collect")
]
TYPED = "    wallet."


async def prompts(engine: EngineProcess) -> list[Prompt]:
    return [await prompt_for(engine, text, typed=TYPED) for text in TEXTS]


async def answers(engine: EngineProcess) -> list[str]:
    return [
        (await engine.complete(CompletionRequest(prompt=p, stop=LINE)))[0].text
        for p in await prompts(engine)
    ]


async def until_back(engine: EngineProcess) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                await engine.start()
            except EngineUnavailableError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_a_full_cache_makes_room_and_changes_nothing(make_engine: MakeEngine) -> None:
    """Six prompts in a cache for two or three: each pushes another one out."""
    roomy, tight = make_engine(), make_engine(kv_tokens=SMALL_CACHE)
    expected = await answers(roomy)
    assert (await tight.start()).context_tokens == SMALL_CACHE
    sizes = [len(prompt.token_ids) for prompt in await prompts(tight)]
    assert sum(sizes) + len(sizes) * LINE.max_tokens > SMALL_CACHE > 2 * max(sizes)
    for _ in range(3):
        assert await answers(tight) == expected


async def test_more_than_fits_is_refused_and_costs_nothing(make_engine: MakeEngine) -> None:
    engine = make_engine(kv_tokens=SMALL_CACHE)
    expected = await answers(engine)
    large = await prompt_for(engine, "x = 1\n" * SMALL_CACHE)
    for _ in range(5):
        with pytest.raises(EngineError, match="do not fit"):
            await engine.complete(CompletionRequest(prompt=large, stop=LINE))
        with pytest.raises(EngineError, match="do not fit"):
            await engine.warm(large)
    assert await answers(engine) == expected
    # A prompt that just fits leaves no room to write much, which is no error.
    ids = large.token_ids[: SMALL_CACHE - 5]
    (completion,) = await engine.complete(
        CompletionRequest(prompt=Prompt(ids, len(ids), "", ""), stop=LONG)
    )
    assert completion.timings.decode_tokens <= 5
    assert await answers(engine) == expected


async def test_a_thousand_cancels_leak_nothing(make_engine: MakeEngine) -> None:
    engine = make_engine(kv_tokens=SMALL_CACHE)
    expected = await answers(engine)
    assert engine.pid is not None
    process = psutil.Process(engine.pid)
    chance = random.Random(6)
    places = await prompts(engine)

    async def cancel_some(count: int) -> None:
        for _ in range(count):
            prompt = chance.choice(places)
            work = (
                engine.warm(prompt)
                if chance.random() < 0.2
                else engine.complete(CompletionRequest(prompt=prompt, stop=LONG))
            )
            task = asyncio.ensure_future(work)
            await asyncio.sleep(chance.choice((0, 0.002, 0.01)) * chance.random())
            task.cancel()
            await asyncio.wait([task])

    await cancel_some(200)
    assert await answers(engine) == expected
    files, threads = process.num_fds(), process.num_threads()
    memory = process.memory_info().rss
    await cancel_some(800)
    assert await answers(engine) == expected
    assert (process.num_fds(), process.num_threads()) == (files, threads)
    assert process.memory_info().rss < memory + 20_000_000


async def test_two_clients_do_not_disturb_each_other(make_engine: MakeEngine) -> None:
    one, other = make_engine(), make_engine()
    expected = await answers(one)
    cancelled = [
        asyncio.ensure_future(one.complete(CompletionRequest(prompt=p, stop=LONG)))
        for p in await prompts(one)
    ]
    theirs = asyncio.ensure_future(answers(other))
    await asyncio.sleep(0.01)
    for task in cancelled:
        task.cancel()
    await asyncio.wait(cancelled)
    assert await theirs == expected
    assert one.pid == other.pid
    assert await answers(one) == expected


async def test_suspended_and_continued(make_engine: MakeEngine) -> None:
    """As when a laptop sleeps: who waited gets an answer, the same as ever."""
    engine = make_engine()
    expected = await answers(engine)
    assert engine.pid is not None
    prompt = (await prompts(engine))[0]
    waiting = asyncio.ensure_future(engine.complete(CompletionRequest(prompt=prompt, stop=LINE)))
    await asyncio.sleep(0)
    os.kill(engine.pid, signal.SIGSTOP)
    await asyncio.sleep(0.5)
    os.kill(engine.pid, signal.SIGCONT)
    async with asyncio.timeout(WITHIN_S):
        (completion,) = await waiting
    assert completion.text == expected[0]
    assert await answers(engine) == expected


async def test_killed_while_it_decodes(make_engine: MakeEngine) -> None:
    engine = make_engine()
    expected = await answers(engine)
    prompt = await prompt_for(engine, "x = [\n" + "    1,\n" * 50)  # which goes on and on
    pid = engine.pid
    assert pid is not None
    endless = StopRule(800, 800, time_budget_ms=60_000)
    tasks = [
        asyncio.ensure_future(engine.complete(CompletionRequest(prompt=prompt, stop=endless)))
        for _ in range(3)
    ]
    await asyncio.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(WITHIN_S):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, EngineUnavailableError) for result in results)
    await until_back(engine)
    assert engine.pid != pid
    assert await answers(engine) == expected
