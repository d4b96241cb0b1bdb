"""A server that goes away for a minute and comes back, and what a team of editors gets meanwhile.

Each editor has the engine of its settings and, for as long as the server does not work, another one in its place,
chosen as the language server does it. That other one answers from a script, since 50 models would not run on one
machine: what is counted is who answers, and when. Every HTTP request of the team is counted by the second.

    python -m bench.remote.away --url URL --end COMMAND --begin COMMAND --out RESULT.json
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.command import finish, parser_of
from bench.remote.editors import ServerAddress, lines_for

from infill_ls.engine import CompletionRequest, Engine
from infill_ls.engine.fallback import EngineChoice, engine_for
from infill_ls.engine.remote import RemoteEngine
from infill_ls.engine.remote.transport import Transport
from infill_ls.engine.scripted import ScriptedEngine
from infill_ls.errors import InfillError
from infill_ls.settings import Settings, settings_with
from infill_ls.types import StopRule

RULE = StopRule(max_tokens=12, max_lines=1, time_budget_ms=1000)
ASKS_EACH_S = 1.0
"""Mean time between two questions of an editor."""
LONGEST_WAIT_S = 1.0
"""Before it is looked again whose turn it is."""
BEFORE_S = 15.0
AFTER_S = 25.0
MOST_STARTING_S = 240.0


@dataclass
class Log:
    """What happened, each with its time on the clock on the wall."""

    requests: list[float] = field(default_factory=list)
    """HTTP requests of all editors, those that found nobody too."""
    answers: dict[str, list[tuple[float, int]]] = field(
        default_factory=lambda: {"server": [], "local": [], "nobody": []}
    )
    """When, and which editor, by who answered."""


def _factory(settings: Settings, on_loading: Any) -> Engine:
    return engine_for(settings, on_loading) if settings.remote.url else ScriptedEngine(["local"])


async def editor(number: int, url: str, log: Log, end: asyncio.Event) -> None:
    """Ask again and again, as the language server does."""
    draw = random.Random(number)
    choice = EngineChoice(settings_with(remote_url=url), _factory, lambda _: None, lambda: None)
    engine = choice.current
    assert isinstance(engine, RemoteEngine)
    (line, *_) = await lines_for(ServerAddress(url, None, RULE, 400), engine, number)
    key = 0
    while not end.is_set():
        await asyncio.sleep(draw.expovariate(1 / ASKS_EACH_S))
        key = (key + 1) % len(line.text)
        request = CompletionRequest(prompt=line.prompt(key), stop=RULE)
        log.answers[await _ask(choice, request)].append((time.time(), number))
    await choice.close()


async def _ask(choice: EngineChoice, request: CompletionRequest) -> str:
    while True:
        choice.take_turns()  # which lasts minutes: the model on this machine answers meanwhile
        engine = choice.current
        if isinstance(engine, RemoteEngine) and (wait_s := engine.turn_s(in_word=False)) > 0:
            await asyncio.sleep(min(wait_s, LONGEST_WAIT_S))
            continue
        try:
            async with asyncio.timeout(15):
                await engine.complete(request)
        except (InfillError, TimeoutError):
            if not choice.step_aside():
                return "nobody"
        else:
            return "server" if isinstance(engine, RemoteEngine) else "local"


@asynccontextmanager
async def counted(log: Log) -> AsyncIterator[None]:
    """Note each HTTP request of the engines."""
    opened = Transport._open

    def count(self: Transport, *call: Any, **options: Any) -> Any:
        log.requests.append(time.time())
        return opened(self, *call, **options)

    Transport._open = count  # type: ignore[method-assign]
    try:
        yield
    finally:
        Transport._open = opened  # type: ignore[method-assign]


def is_up(url: str) -> bool:
    """Tell whether the server answers."""
    try:
        with urllib.request.urlopen(url + "/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


async def run(url: str, editors: int, end_command: str, begin_command: str) -> dict[str, Any]:
    """Let the server go and come back; return what was seen."""
    log, end = Log(), asyncio.Event()
    async with counted(log):
        people = [asyncio.create_task(editor(n, url, log, end)) for n in range(editors)]
        await asyncio.sleep(BEFORE_S)
        gone = time.time()
        await asyncio.to_thread(subprocess.run, end_command, shell=True, check=False)
        # Where it is ready sooner, the command itself has to wait for the rest of the minute.
        starting = asyncio.create_task(
            asyncio.to_thread(subprocess.run, begin_command, shell=True, check=False)
        )
        while not await asyncio.to_thread(is_up, url):
            await asyncio.sleep(0.2)
            if time.time() - gone > MOST_STARTING_S:
                break
        back = time.time()
        await asyncio.sleep(AFTER_S)
        end.set()
        await asyncio.gather(*people, starting, return_exceptions=True)
    return figures_of(log, editors, gone, back)


def figures_of(log: Log, editors: int, gone: float, back: float) -> dict[str, Any]:
    """Return what a log says about a server that was away between two times."""
    first: dict[int, float] = {}
    for at, number in log.answers["server"]:
        if at > back:
            first.setdefault(number, at - back)
    by_second = Counter(int(at - back) for at in log.requests)
    seen = {
        who: {
            "before": sum(at < gone for at, _ in found),
            "away": sum(gone <= at < back for at, _ in found),
            "back": sum(at >= back for at, _ in found),
        }
        for who, found in log.answers.items()
    }
    times = sorted(first.values())
    return {
        "editors": editors,
        "away_s": back - gone,
        "answers": seen,
        "requests_per_s_before": sum(at < gone for at in log.requests) / BEFORE_S,
        "requests_per_s_away": sum(gone <= at < back for at in log.requests) / (back - gone),
        "requests_by_second_after_return": [by_second[second] for second in range(int(AFTER_S))],
        "back_in_use_s": {
            "first": times[0] if times else None,
            "median": times[len(times) // 2] if times else None,
            "last": times[-1] if times else None,
            "editors": len(times),
        },
    }


def main() -> None:
    """Measure and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--editors", type=int, default=50)
    parser.add_argument("--server", default="")
    parser.add_argument("--end", required=True, help="shell command that ends the server")
    parser.add_argument("--begin", required=True, help="shell command that starts it again")
    options = parser.parse_args()
    figures = asyncio.run(run(options.url, options.editors, options.end, options.begin))
    finish(options.out, "away", run={"server": options.server}, figures=figures)


if __name__ == "__main__":
    main()
