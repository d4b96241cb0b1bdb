"""Tests of corrupted answers from a real server: what users see, as in docs/team-server.md's table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from bounds import WITHIN_S
from infill_ls.engine.fallback import engine_for
from infill_ls.engine.remote import RemoteEngine
from infill_ls.engine.remote.breaker import Breaker
from infill_ls.engine.scripted import ScriptedEngine
from infill_ls.session import Session
from infill_ls.settings import Settings, settings_with
from infill_ls.types import Trigger
from integration import faulty_proxy
from integration.faulty_proxy import Fault, FaultyProxy
from integration.test_remote_servers import llama_cpp_command, served
from unit.documents import snapshot
from unit.engine.remote import fakes

TEXT = (
    "def total(prices):\n    result = 0\n    for price in prices:\n        ‸\n    return result\n"
)
LOCAL = "local_answer()"


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    with served(llama_cpp_command) as url:
        yield url


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten waiting times of seconds to fractions; limits on computing stay long, as the machine may be busy."""
    monkeypatch.setattr("infill_ls.engine.fallback.FIRST_LOOK_S", 0.05)
    monkeypatch.setattr("infill_ls.engine.remote.breaker.FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr("infill_ls.engine.remote.link.RETRY_PAUSES_S", (0.01, 0.01))
    monkeypatch.setattr("infill_ls.engine.remote.engine.FIRST_TOKEN_TIMEOUT_S", WITHIN_S)
    monkeypatch.setattr("infill_ls.engine.remote.transport.REPLY_TIMEOUT_S", WITHIN_S)


@dataclass
class Person:
    """Somebody at an editor, behind a proxy that spoils answers."""

    session: Session
    proxy: FaultyProxy
    told: list[str]

    async def ask(self, comment: str = "") -> str | None:
        """Ask by hand, each time at a place of another text."""
        now = snapshot(f"# {comment}\n{TEXT}", trigger=Trigger.INVOKED)
        report = await self.session.suggest(now)
        return report.suggestion.text if report.suggestion is not None else None

    async def until_it_is_back(self) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not isinstance(self.session.engine, RemoteEngine):
                await asyncio.sleep(0.02)


def factory(settings: Settings, on_loading: object) -> RemoteEngine | ScriptedEngine:
    if not settings.remote.url:
        return ScriptedEngine([LOCAL])
    engine = engine_for(settings, lambda _: None)
    assert isinstance(engine, RemoteEngine)
    return engine


@asynccontextmanager
async def person_at(upstream: str) -> AsyncIterator[Person]:
    told: list[str] = []
    async with fakes.serving(FaultyProxy(upstream)) as proxy:
        settings = settings_with(
            remote_url=proxy.url,
            snippet_tokens=0,
            think_ahead=False,
            cursor_hints="never",
            candidates=1,
            min_probability=0,
            max_tokens=24,
            max_lines=2,
            time_budget_ms=60_000,
            cold_target_ms=0,
        )
        session = Session(
            settings, engine_factory=factory, on_warning=told.append, on_problem=told.append
        )
        await session.load_model()
        yield Person(session, proxy, told)
        await session.close()


async def test_a_slow_way_changes_nothing_but_the_time(real: str) -> None:
    async with person_at(real) as person:
        whole = await person.ask("a")
        assert whole not in {None, LOCAL}
        person.proxy.fault = faulty_proxy.slowly(0.005, 50)  # in the middle of events
        second = await person.ask("b")
        person.proxy.fault = faulty_proxy.as_it_is
        assert second not in {None, LOCAL}
        assert person.told == []


@pytest.mark.parametrize(
    "fault",
    [
        faulty_proxy.half(2),
        faulty_proxy.half_an_event,
        faulty_proxy.sized(20),
        faulty_proxy.status(500),
        faulty_proxy.status(404),
    ],
    ids=["half", "half_an_event", "less_is_promised", "fails", "no_model"],
)
async def test_no_half_text_is_shown_and_the_local_model_steps_in_and_out(
    real: str, fault: Fault
) -> None:
    async with person_at(real) as person:
        whole = await person.ask("whole")
        assert whole not in {None, LOCAL}
        person.proxy.fault = fault
        answers = [await person.ask(f"{number}") for number in range(3)]
        assert set(answers) <= {None, LOCAL}  # nothing of the half that came
        assert answers[-1] == LOCAL
        assert len(person.told) == 1
        person.proxy.fault = faulty_proxy.as_it_is
        await person.until_it_is_back()
        assert await person.ask("whole") == whole


async def test_an_answer_whose_end_has_come_is_one_whatever_size_was_promised(real: str) -> None:
    async with person_at(real) as person:
        whole = await person.ask("whole")
        person.proxy.fault = faulty_proxy.sized(1 << 20)
        assert await person.ask("more") not in {None, LOCAL}
        person.proxy.fault = faulty_proxy.as_it_is
        assert await person.ask("whole") == whole
        assert person.told == []


async def test_a_server_that_never_answers_is_given_up(
    real: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pause goes on, however long a busy machine takes for the next request.
    for name in ("FIRST_PAUSE_S", "LONGEST_PASSING_PAUSE_S"):
        monkeypatch.setattr(f"infill_ls.engine.remote.breaker.{name}", 600.0)
    async with person_at(real) as person:
        whole = await person.ask("whole")
        monkeypatch.setattr("infill_ls.engine.remote.engine.FIRST_TOKEN_TIMEOUT_S", 0.2)
        person.proxy.fault = faulty_proxy.never
        assert [await person.ask(f"{number}") for number in range(3)][-1] == LOCAL
        assert person.proxy.asked == 3  # it is not asked again for what it has not answered
        monkeypatch.setattr(Breaker, "is_open", lambda *_: False)  # now it is over
        monkeypatch.setattr("infill_ls.engine.remote.engine.FIRST_TOKEN_TIMEOUT_S", WITHIN_S)
        person.proxy.fault = faulty_proxy.as_it_is
        await person.until_it_is_back()
        assert await person.ask("whole") == whole


async def test_a_server_that_goes_away_and_comes_back(real: str) -> None:
    async with person_at(real) as person:
        whole = await person.ask("whole")
        person.proxy.is_away = True
        assert [await person.ask(f"{number}") for number in range(3)][-1] == LOCAL
        person.proxy.is_away = False
        await person.until_it_is_back()
        assert await person.ask("whole") == whole


async def test_a_server_without_time_is_asked_once_and_not_replaced(real: str) -> None:
    async with person_at(real) as person:
        assert await person.ask("whole") not in {None, LOCAL}
        asked = person.proxy.asked
        person.proxy.fault = faulty_proxy.status(503, "Retry-After: 1\r\n")
        assert await person.ask("busy") is None
        assert person.proxy.asked == asked + 1
        assert isinstance(person.session.engine, RemoteEngine)
        person.proxy.fault = faulty_proxy.as_it_is
        assert await person.ask("free") not in {None, LOCAL}


async def test_another_model_under_the_same_address(real: str) -> None:
    """The first request that fails is lost; from then on all is made for the new model."""
    other = fakes.vllm(lambda _: "other_model()")
    async with person_at(real) as person, fakes.serving(other):
        assert await person.ask("whole") not in {None, LOCAL}
        before = person.session.engine_label
        person.proxy.upstream = other.url
        person.proxy.fault = faulty_proxy.status(404)  # the name of the former model is not known
        assert await person.ask("lost") == LOCAL
        person.proxy.fault = faulty_proxy.as_it_is
        await person.until_it_is_back()
        assert await person.ask("new") == "other_model()"
        assert person.session.engine_label != before
        *_, request = other.asked("/v1/completions")
        assert request.body["model"] == fakes.MODEL
        assert isinstance(request.body["prompt"], list)  # its own token ids
