"""Tests of the fallback: the local engine takes over from a failing server, and hands back later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from infill_ls.engine import Engine
from infill_ls.engine.fallback import EngineChoice, engine_for, same_engine
from infill_ls.engine.remote import RemoteEngine, admission
from infill_ls.engine.scripted import ScriptedEngine
from infill_ls.session import Session
from infill_ls.settings import Settings, WrittenSettings, settings_with
from infill_ls.types import Snapshot
from unit.engine.remote import fakes
from unit.engine.remote.fakes import FakeServer, json_reply, serving

SNAPSHOT = Snapshot(
    uri="file:///a.py", path="", name="a.py", language_id="python", text="x = ", offset=4
)


def factory(settings: Settings, on_loading: Callable[[float], None]) -> Engine:
    return engine_for(settings, on_loading) if settings.remote.url else ScriptedEngine(["local"])


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeServer]:
    monkeypatch.setattr("infill_ls.engine.fallback.FIRST_LOOK_S", 0.05)
    monkeypatch.setattr("infill_ls.engine.remote.breaker.FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr("infill_ls.engine.remote.link.RETRY_PAUSES_S", ())
    async with serving(fakes.vllm(lambda _: "remote")) as server:
        yield server


class Told:
    """A session with what it told the user."""

    def __init__(self, settings: Settings) -> None:
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.switches = 0
        self.session = Session(
            settings,
            engine_factory=factory,
            on_problem=self.problems.append,
            on_warning=self.warnings.append,
            on_engine=self._switched,
        )

    def _switched(self) -> None:
        self.switches += 1

    async def suggestion(self) -> str | None:
        report = await self.session.suggest(SNAPSHOT)
        return report.suggestion.text if report.suggestion else None


def settings_for(server: FakeServer, **more: object) -> Settings:
    options = {
        "remote_url": server.url,
        "think_ahead": False,
        "snippet_tokens": 0,
        "min_probability": 0,
    }
    return Settings.of(WrittenSettings.model_validate(options | more))


async def test_the_server_serves(server: FakeServer) -> None:
    told = Told(settings_for(server))
    await told.session.load_model()
    assert told.session.engine_label == f"{fakes.MODEL} on {server.url}"
    assert await told.suggestion() == "remote"
    await told.session.close()


async def test_the_local_engine_steps_in_and_out(server: FakeServer) -> None:
    works = dict(server.routes)
    server.routes = {"/v1/models": json_reply({}, 500)}
    told = Told(settings_for(server))
    await told.session.load_model()
    assert await told.suggestion() == "local"
    assert told.session.engine_label == (
        f"the model on this machine, because {server.url} does not work"
    )
    assert told.problems == []
    (warning,) = told.warnings
    assert "answered HTTP 500; the model on this machine is used until then" in warning
    server.routes = works
    while told.switches < 2:
        await asyncio.sleep(0.02)
    assert await told.suggestion() == "remote"
    assert len(told.warnings) == 1
    await told.session.close()


async def test_a_server_that_fails_while_one_types(server: FakeServer) -> None:
    told = Told(settings_for(server))
    assert await told.suggestion() == "remote"
    server.routes["/v1/completions"] = json_reply({"message": "no"}, 400)
    report = await told.session.suggest(
        Snapshot(
            uri="file:///a.py", path="", name="a.py", language_id="python", text="yy = ", offset=5
        )
    )
    assert report.suggestion is not None
    assert report.suggestion.text == "local"
    await told.session.close()


async def test_without_a_fallback_there_is_one_message_and_no_completion(
    server: FakeServer,
) -> None:
    server.routes = {"/v1/models": json_reply({}, 401)}
    told = Told(settings_for(server, remote_fallback=False))
    await told.session.load_model()
    assert [await told.suggestion() for _ in range(3)] == [None] * 3
    (problem,) = told.problems
    assert "needs an API key" in problem
    assert told.session.engine_label == server.url
    await told.session.close()


def send_away(told: Told) -> RemoteEngine:
    """Have the session's engine leave a full server to others."""
    engine = told.session.engine
    assert isinstance(engine, RemoteEngine)
    while not engine.out_s():
        engine.admission.unserved(engine._clock(), rate_per_s=0.5)
    return engine


async def test_a_full_server_is_left_to_others_for_a_while(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "ACCOUNT_S", 0.3)
    told = Told(settings_for(server))
    assert await told.suggestion() == "remote"
    asked = len(server.asked("/v1/completions"))
    send_away(told)
    assert await told.suggestion() == "local"
    assert told.session.engine_label == (f"the model on this machine, because {server.url} is full")
    assert len(server.asked("/v1/completions")) == asked
    while told.switches < 2:
        await asyncio.sleep(0.02)
    assert await told.suggestion() == "remote"
    assert told.problems == told.warnings == []  # nothing is wrong
    await told.session.close()


async def test_without_a_fallback_it_waits_for_its_turn(server: FakeServer) -> None:
    told = Told(settings_for(server, remote_fallback=False))
    assert await told.suggestion() == "remote"
    engine = send_away(told)
    assert told.session.engine is engine
    assert engine.turn_s(in_word=False) > 1
    assert not engine.may_think_ahead()
    await told.session.close()


async def test_closing_while_others_have_their_turn(server: FakeServer) -> None:
    told = Told(settings_for(server))
    await told.suggestion()
    send_away(told)
    await told.suggestion()
    await told.session.close()
    assert told.switches == 1


async def test_two_faults_are_two_messages(server: FakeServer) -> None:
    told = Told(settings_for(server, remote_fallback=False))
    for status in (401, 500, 401, 500):
        server.routes["/v1/models"] = json_reply({}, status)
        await asyncio.sleep(0.5)  # longer than the breaker's pause
        assert await told.suggestion() is None
    assert len(told.problems) == 2
    await told.session.close()


def test_settings_that_ask_for_another_engine() -> None:
    base = settings_with(remote_url="http://host:1")
    assert same_engine(base, base.changed(max_tokens=9))
    for change in (
        {"remote_url": "http://host:2"},
        {"remote_model": "m"},
        {"remote_vocabulary": "v.gguf"},
        {"remote_headers": {"a": "b"}},
        {"remote_fallback": False},
        {"threads": 3},
    ):
        assert not same_engine(base, base.changed(**change))


def test_a_local_engine_has_no_label_and_never_steps_aside() -> None:
    choice = EngineChoice(settings_with(), factory, lambda _: None, lambda: None)
    assert choice.label == ""
    assert not choice.step_aside()


async def test_the_engine_of_a_url() -> None:
    engine = engine_for(settings_with(remote_url="http://host:1"), lambda _: None)
    assert isinstance(engine, RemoteEngine)
    assert engine.url == "http://host:1"
    await engine.close()
