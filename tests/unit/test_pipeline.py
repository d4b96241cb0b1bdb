"""Tests of the stages of a completion, with a scripted engine."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from pathlib import PurePosixPath

import pytest

from bounds import WITHIN_S
from infill_ls import gathering
from infill_ls.document.anchors import MAX_TYPED_LINES
from infill_ls.engine.scripted import ScriptedEngine
from infill_ls.errors import EngineError
from infill_ls.gathering import Gathering
from infill_ls.pipeline import Pipeline
from infill_ls.settings import settings_with
from infill_ls.types import Prompt, Trigger
from infill_retrieval import NO_SNIPPETS, CountTokens, Query, Retrieval
from unit.documents import snapshot


class CountingSearch:
    def __init__(self) -> None:
        self.queries: list[Query] = []

    def __call__(self, query: Query, budget_tokens: int, count_tokens: CountTokens) -> Retrieval:
        assert count_tokens(["abc", "de"]) == [3, 2]
        assert budget_tokens > 0
        self.queries.append(query)
        return NO_SNIPPETS


def pipeline(engine: ScriptedEngine, search: CountingSearch | None = None) -> Pipeline:
    return Pipeline(Gathering(engine, search or CountingSearch(), settings_with()))


async def suggest(pipe: Pipeline, marked: str, trigger: Trigger = Trigger.AUTOMATIC) -> str | None:
    report = await pipe.run(snapshot(marked, trigger=trigger))
    return report.suggestion.text if report.suggestion is not None else None


async def test_typing_through_asks_the_model_once() -> None:
    engine = ScriptedEngine(["net_price(1)"])
    pipe = pipeline(engine)
    assert await suggest(pipe, "x = ‸") == "net_price(1)"
    assert await suggest(pipe, "x = ne‸") == "t_price(1)"
    assert await suggest(pipe, "x = net_price(‸") == "1)"
    assert len(engine.prompts) == 1


async def test_asking_by_hand_always_asks_the_model() -> None:
    engine = ScriptedEngine(["net_price(1)"])
    pipe = pipeline(engine)
    await suggest(pipe, "x = ‸")
    await suggest(pipe, "x = ne‸", Trigger.INVOKED)
    assert len(engine.prompts) == 2


async def test_an_equal_prompt_is_answered_from_the_cache() -> None:
    engine = ScriptedEngine(["one", "two"])
    pipe = pipeline(engine)
    assert await suggest(pipe, "x = ‸") == "one"
    assert await suggest(pipe, "y = ‸") == "two"
    assert await suggest(pipe, "x = ‸") == "one"
    assert len(engine.prompts) == 2


async def test_a_search_that_hangs_costs_the_snippets_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gathering, "SEARCH_LIMIT_S", 0.1)
    goes_on = threading.Event()
    searches = []

    def search(query: Query, *_: object) -> Retrieval:
        searches.append(query)
        goes_on.wait(60)  # as a file on a network that has gone
        return NO_SNIPPETS

    pipe = Pipeline(Gathering(ScriptedEngine(["one"]), search, settings_with()))
    try:
        assert await suggest(pipe, "a\nx = ‸\nb") == "one"
        assert await suggest(pipe, "c\ny = ‸\nd") == "one"
        assert len(searches) == 1
    finally:
        goes_on.set()
    number = 0
    while len(searches) == 1:  # until the search that hung has come to its end
        number += 1
        await asyncio.sleep(0.01)
        assert await suggest(pipe, f"e\nz{number} = ‸\nf") == "one"
    assert len(searches) == 2


async def test_snippets_are_searched_once_a_line() -> None:
    search = CountingSearch()
    pipe = pipeline(ScriptedEngine(["one"]), search)
    for marked in ("a\nx‸\nb", "a\nxy‸\nb", "a\nxyz(‸)\nb"):
        await suggest(pipe, marked)
    assert len(search.queries) == 1
    pipe.document_changed("file:///w/b.py", PurePosixPath("/w/b.py"))
    await suggest(pipe, "a\nq‸\nb")
    assert len(search.queries) == 2


async def test_thinking_ahead_prepares_the_answer_after_accepting() -> None:
    engine = ScriptedEngine(["one", "\ntwo", "three"])
    pipe = pipeline(engine)
    report = await pipe.run(snapshot("x = ‸"))
    await pipe.think_ahead(report)
    assert len(engine.prompts) == 2
    assert await suggest(pipe, "x = one‸") is None  # "\ntwo" is no rest of a line
    assert len(engine.prompts) == 2


async def test_thinking_ahead_leaves_what_is_typed_through_alone() -> None:
    pipe = pipeline(ScriptedEngine(["one", "two"]))
    await pipe.think_ahead(await pipe.run(snapshot("x = ‸")))
    assert await suggest(pipe, "x = o‸") == "ne"


async def test_after_some_lines_a_new_anchor_is_warmed() -> None:
    engine = ScriptedEngine([""])
    pipe = pipeline(engine)
    await pipe.run(snapshot("def f():\n‸\n"))
    report = await pipe.run(snapshot("def f():\n    a\n    b\n    ‸\n"))
    assert report.hole is not None
    assert report.hole.typed == "    a\n    b\n    "
    await pipe.move_anchor(report)
    assert len(engine.warmed) == 1
    again = await pipe.run(snapshot("def f():\n    a\n    b\n    c‸\n"))
    assert again.hole is not None
    assert again.hole.typed == "    c"
    assert (
        engine.warmed[0].token_ids[: engine.warmed[0].anchor_tokens]
        == (engine.prompts[-1].token_ids[: engine.prompts[-1].anchor_tokens])
    )


class SlowToWarm(ScriptedEngine):
    """Is given up so often before a prompt is read to its end."""

    gives_up = 12

    async def warm(self, prompt: Prompt) -> None:
        await super().warm(prompt)
        if len(self.warmed) <= self.gives_up:
            raise asyncio.CancelledError


async def test_a_new_anchor_is_read_to_its_end_however_many_keys_that_takes() -> None:
    engine, search = SlowToWarm([""]), CountingSearch()
    pipe = pipeline(engine, search)
    typed = "def f():\n    a\n    b\n    "
    await pipe.run(snapshot("def f():\n‸\n"))
    holes: list[str] = []
    for key in "cc\n    ddddddddd":
        typed += key
        report = await pipe.run(snapshot(f"{typed}‸\n"))
        assert report.hole is not None
        holes.append(report.hole.typed)
        with suppress(asyncio.CancelledError):
            await pipe.move_anchor(report)
    # All the while one prompt was read, and it is in use as soon as it is.
    assert len({prompt.token_ids for prompt in engine.warmed}) == 1
    assert len(engine.warmed) == engine.gives_up + 1
    assert len(search.queries) == 2
    assert holes[-2:] == ["    cc\n    dddddddd", "    cc\n    ddddddddd"]
    assert holes[0] == "    a\n    b\n    c"


async def test_what_is_half_read_goes_before_what_is_not_read_at_all() -> None:
    engine = SlowToWarm([""])
    pipe = pipeline(engine)
    await pipe.run(snapshot("def f():\n‸\n"))
    report = await pipe.run(snapshot("def f():\n    a\n    b\n    ‸\n"))
    with suppress(asyncio.CancelledError):
        await pipe.move_anchor(report)
    # More lines than the first anchor is held for.
    lines = "    a\n    b\n" + "    c\n" * (MAX_TYPED_LINES - 1)
    later = await pipe.run(snapshot(f"def f():\n{lines}‸\n"))
    assert later.hole is not None
    assert later.hole.prefix == "def f():\n    a\n    b\n"
    anchor = engine.warmed[0].token_ids[: engine.warmed[0].anchor_tokens]
    assert engine.prompts[-1].token_ids[: len(anchor)] == anchor


async def test_what_nobody_waits_for_is_given_up_at_once_if_nothing_is_written() -> None:
    engine = ScriptedEngine(["one"], delay_s=30)
    task = asyncio.create_task(pipeline(engine).run(snapshot("x = ‸")))
    while not engine.prompts:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(WITHIN_S):
        while not engine.cancelled:
            await asyncio.sleep(0.01)


async def test_a_failure_of_the_engine_is_raised() -> None:
    with pytest.raises(EngineError, match="broken"):
        await suggest(pipeline(ScriptedEngine([EngineError("broken")])), "x = ‸")


async def test_several_candidates_only_when_asked_by_hand() -> None:
    pipe = pipeline(ScriptedEngine(["one", "two", "two", "three"]))
    report = await pipe.run(snapshot("x = ‸", trigger=Trigger.INVOKED))
    assert report.suggestion is not None
    assert [s.text for s in (report.suggestion, *report.alternatives)] == ["one", "two"]


async def test_switched_off() -> None:
    engine = ScriptedEngine(["one"])
    search = CountingSearch()
    for settings in (settings_with(enabled=False), settings_with(disabled_languages=("python",))):
        report = await Pipeline(Gathering(engine, search, settings)).run(snapshot("x = ‸"))
        assert report.suggestion is None
        assert "off" in report.reason
    assert engine.prompts == []


async def test_a_failure_is_that_of_one_request() -> None:
    pipe = pipeline(ScriptedEngine([EngineError("broken"), "one"]))
    with pytest.raises(EngineError, match="broken"):
        await suggest(pipe, "x = ‸")
    assert await suggest(pipe, "x = ‸") == "one"


async def test_what_a_menu_accepts_is_known_too() -> None:
    engine = ScriptedEngine(["one", "(1)"])
    pipe = pipeline(engine)
    await pipe.think_ahead(await pipe.run(snapshot("x = ‸", trigger=Trigger.MENU)))
    assert await suggest(pipe, "x = one‸", Trigger.MENU) == "(1)"
    assert len(engine.prompts) == 2
