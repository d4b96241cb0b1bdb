"""Tests of an editor's session, which wraps the pipeline."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bounds import WITHIN_S
from infill_ls.engine import EngineInfo, EngineOptions
from infill_ls.engine.process import EngineProcess
from infill_ls.engine.scripted import ScriptedEngine
from infill_ls.errors import ModelError
from infill_ls.session import Session, Superseded, editor
from infill_ls.session.power import ASK_EVERY_S, Battery, Power
from infill_ls.settings import settings_with
from infill_ls.suggesting.triggers import Pace
from unit.documents import snapshot

PASTED = 'password = "' + "q8Zr1Lk0pVw3Xn5T" + '"'


@pytest.mark.parametrize("paces", [True, False])
async def test_what_is_typed_through_does_not_wait_for_another_key(
    paces: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = ScriptedEngine(["net_price(1)"])
    settings = settings_with(think_ahead=False, snippet_tokens=0)
    session = Session(settings, engine_factory=lambda *_: engine)
    session.paces_requests = paces
    pauses: list[float] = []

    def pause_s(_pace: Pace) -> float:
        pauses.append(0.0)
        return pauses[-1]

    monkeypatch.setattr(Pace, "pause_s", property(pause_s))
    for typed, rest in (("", "net_price(1)"), ("net", "_price(1)")):
        report = await session.suggest(snapshot(f"x = {typed}‸"))
        assert report.suggestion is not None
        assert report.suggestion.text == rest
    assert len(pauses) == int(paces)  # before the first one only
    await session.close()


@pytest.mark.parametrize("text", [f"{PASTED}\nx = ‸", f"x = ‸\n{PASTED}"])
async def test_a_secret_that_was_just_pasted_is_in_no_prompt(text: str) -> None:
    engine = ScriptedEngine(["net_price(1)"])
    settings = settings_with(think_ahead=False, snippet_tokens=0)
    session = Session(settings, engine_factory=lambda *_: engine)
    before = snapshot("x = ‸")
    session.document_opened(before.uri, None, before.text, before.language_id)
    report = await session.suggest(snapshot(text))
    assert report.suggestion is None
    assert "it holds a private key or a token" in report.reason
    assert engine.prompts == []
    await session.close()


@pytest.mark.parametrize(
    "uri",
    ["untitled:.env", "vscode-remote://ssh+host/home/a/.env", "git:/a/.env?ref", "scp:x/.env~"],
)
async def test_names_count_whatever_the_scheme(uri: str) -> None:
    session = Session(
        settings_with(think_ahead=False), engine_factory=lambda *_: ScriptedEngine(["a"])
    )
    report = await session.suggest(replace(snapshot("x = ‸"), uri=uri, path=""))
    assert report.suggestion is None
    assert "its name indicates secrets" in report.reason
    await session.close()


async def test_what_is_accepted_while_it_is_thought_ahead_is_answered() -> None:
    engine = ScriptedEngine(["net_price", "(1)"], delay_s=0.2)
    session = Session(settings_with(snippet_tokens=0), engine_factory=lambda *_: engine)
    await session.suggest(snapshot("x = ‸"))
    async with asyncio.timeout(WITHIN_S):
        while len(engine.prompts) < 2:
            await asyncio.sleep(0.01)
    report = await session.suggest(snapshot("x = net_price‸"))
    assert report.suggestion is not None
    assert report.suggestion.text == "(1)"
    await session.close()


async def test_a_request_in_a_document_that_is_closed_is_answered() -> None:
    engine = ScriptedEngine(["net_price"], delay_s=30)
    session = Session(settings_with(snippet_tokens=0), engine_factory=lambda *_: engine)
    here = snapshot("x = ‸")
    asked = asyncio.ensure_future(session.suggest(here))
    async with asyncio.timeout(WITHIN_S):
        while not engine.prompts:
            await asyncio.sleep(0.01)
        session.document_closed(here.uri, None)
        assert (await asked).suggestion is None
    await session.close()


def resting(
    engine: ScriptedEngine, *, is_busy: Callable[[], bool] | bool = False, **options: object
) -> Session:
    """Return a session on a machine with power to spare."""
    settings = settings_with(snippet_tokens=0, think_ahead=False, **options)
    return Session(
        settings,
        engine_factory=lambda *_: engine,
        power=Power(Battery, is_busy if callable(is_busy) else lambda: is_busy),
    )


def count_calls(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, counts: Counter[str]
) -> None:
    """Count how often a method is called."""
    method = getattr(where, name)

    def counting(*arguments: object) -> object:
        counts[name] += 1
        return method(*arguments)

    monkeypatch.setattr(where, name, counting)


async def warmed(engine: ScriptedEngine, number: int = 1) -> int:
    """Wait for so many prompts to be prepared; return how many were."""
    async with asyncio.timeout(WITHIN_S):
        while len(engine.warmed) < number:
            await asyncio.sleep(0.001)
    return len(engine.warmed)


async def test_where_the_cursor_rests_is_prepared_as_the_first_key_will_ask() -> None:
    engine = ScriptedEngine(["net_price"])
    session = resting(engine)
    session.cursor_rests(snapshot("a = 1\n‸\nb = 2"))
    assert await warmed(engine) == 1
    assert engine.prompts == []
    await session.suggest(snapshot("a = 1\nx = ‸\nb = 2"))
    (first,), (asked,) = engine.warmed, engine.prompts
    assert first.token_ids[: first.anchor_tokens] == asked.token_ids[: asked.anchor_tokens]
    await session.close()


async def test_whoever_goes_to_another_file_is_not_kept_waiting_by_thoughts_of_the_last_one() -> (
    None
):
    engine = ScriptedEngine(["net_price"] * 4)
    session = resting(engine)
    session.reconfigure(settings_with(snippet_tokens=0, think_ahead=True))
    here = snapshot("a = 1\nx = ‸\nb = 2")
    for uri, goes_on in ((here.uri, True), ("file:///w/other.py", False)):
        await session.suggest(here)
        thinking = session._thinking
        assert thinking is not None
        session.cursor_rests(replace(here, uri=uri))
        await asyncio.sleep(0)
        assert thinking.cancelling() == (not goes_on)
    await session.close()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"enabled": False}, "x = ‸"),
        ({"disabled_languages": ("python",)}, "x = ‸"),
        ({"cursor_hints": "never"}, "x = ‸"),
        ({}, f"{PASTED}\nx = ‸"),
        ({"is_busy": True}, "x = ‸"),
    ],
)
async def test_where_nothing_is_completed_nothing_is_prepared(
    options: dict[str, object], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editor, "LOOK_PAUSE_S", 0.001)
    engine = ScriptedEngine(["a"])
    session = resting(engine, **options)  # type: ignore[arg-type]
    session.cursor_rests(snapshot(text))
    await asyncio.sleep(0.05)
    await session.close()  # waits for what is done in the background
    assert engine.warmed == []


async def test_a_place_is_prepared_as_soon_as_the_machine_is_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(editor, "LOOK_PAUSE_S", 0.001)
    engine, looks = ScriptedEngine(["a"]), iter([True, True, True, False])
    session = resting(engine, is_busy=lambda: next(looks))
    session.cursor_rests(snapshot("x = ‸"))
    assert await warmed(engine) == 1
    assert list(looks) == []
    await session.close()


async def test_a_place_is_not_prepared_while_something_is_asked_nor_for_an_engine_that_left() -> (
    None
):
    engine = ScriptedEngine(["net_price"], delay_s=0.1)
    session = resting(engine)
    asking = asyncio.create_task(session.suggest(snapshot("x = ‸")))
    await asyncio.sleep(0.01)
    session.cursor_rests(snapshot("y = ‸"))
    await asking
    await session.close()
    assert engine.warmed == []


async def test_where_power_is_saved_only_the_last_of_quick_keys_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = ScriptedEngine(["net_price(1)"])
    session = resting(engine, frugal="on")
    looks: Counter[str] = Counter()
    for name in ("secrets_of", "look_at_disk"):
        count_calls(monkeypatch, session._workspace, name, looks)
    asked = [asyncio.create_task(session.suggest(snapshot(f"x = {'n' * n}‸"))) for n in range(5)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(each, Superseded) for each in outcomes] == [True] * 4 + [False]
    assert len(engine.prompts) == 1
    assert looks == {"secrets_of": 1, "look_at_disk": 1}, "what can wait until the pause"
    await session.close()


class PowerTold(EngineProcess):
    """A local engine without a model that keeps what it is told of power."""

    def __init__(self) -> None:
        super().__init__(EngineOptions(Path("no-model.gguf")))
        self.told: list[bool] = []

    async def start(self) -> EngineInfo:
        raise ModelError("no model")

    def save_power(self, *, saves: bool) -> None:
        if self.told[-1:] != [saves]:
            self.told.append(saves)


async def test_the_engine_hears_whether_to_save_power_at_the_start_and_when_that_changes() -> None:
    engine, battery, clock = PowerTold(), [Battery(60, is_discharging=True)], itertools.count()
    session = Session(
        settings_with(snippet_tokens=0),
        engine_factory=lambda *_: engine,
        on_problem=lambda _: None,
        power=Power(lambda: battery[0], lambda: False, lambda: next(clock) * ASK_EVERY_S),
    )
    await session.load_model()
    assert engine.told == [True]
    battery[0] = Battery()
    await session.suggest(snapshot("x = ‸"))
    assert engine.told == [True, False]
    session.reconfigure(session.settings.changed(frugal="on"))
    assert engine.told == [True, False, True]
    await session.close()


@pytest.mark.parametrize("path", ["", "/w/vault.py"])
async def test_sensitive_names_take_effect_at_once_both_ways(path: str) -> None:
    open_ones = settings_with(think_ahead=False, snippet_tokens=0)
    closed = open_ones.changed(sensitive_names=("vault.*",))
    session = Session(open_ones, engine_factory=lambda *_: ScriptedEngine(["net_price(1)"] * 9))
    here = replace(snapshot("x = ‸"), uri="untitled:/w/vault.py", path=path)
    session.document_opened(here.uri, Path(path) if path else None, here.text, here.language_id)
    for settings, is_closed in ((closed, True), (open_ones, False), (closed, True)):
        session.reconfigure(settings)
        report = await session.suggest(here)
        assert (report.suggestion is None) == is_closed
        assert ("its name indicates" in report.reason) == is_closed
        proposal = await session.edits.propose(here.uri, waits=False)
        assert (proposal.reason == "the file holds secrets") == is_closed
    await session.close()
