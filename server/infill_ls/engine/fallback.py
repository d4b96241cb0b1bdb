"""Choose the engine: the one that the settings name or, while a server fails or is full, the local one.

This is not itself an :class:`~infill_ls.engine.Engine`: a prompt made of one model's tokens means
nothing to another, so whoever makes prompts must begin anew when the engine changes.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from infill_ls.engine import Engine, EngineOptions
from infill_ls.engine.process import EngineProcess
from infill_ls.engine.remote import RemoteEngine, RemoteOptions
from infill_ls.engine.remote.chat import RemoteChat
from infill_ls.engine.remote.credentials import (
    INSTRUCT_KEY_ENVIRONMENT_VARIABLE,
    KEY_ENVIRONMENT_VARIABLE,
)
from infill_ls.errors import InfillError
from infill_ls.settings import Settings

log = logging.getLogger(__name__)

FIRST_LOOK_S = 2.0
LONGEST_LOOK_S = 5.0
"""How long to wait, at first and at most, before looking whether a server works again. A look at one that is
away costs it nothing, and one that is back is to be in use within seconds."""
LOOK_JITTER = 0.4
"""Share of that by which it varies: a whole team looks."""

EngineFactory = Callable[[Settings, Callable[[float], None]], Engine]


def engine_for(settings: Settings, on_loading: Callable[[float], None]) -> Engine:
    """Return the engine that ``settings`` ask for, not started yet."""
    remote = _remote_options(settings)
    if remote is not None:
        is_chat = settings.remote.is_for_instructions
        return RemoteChat(remote) if is_chat else RemoteEngine(remote)
    return EngineProcess(_local_options(settings), on_loading=on_loading)


def same_engine(one: Settings, other: Settings) -> bool:
    """Tell whether two settings ask for the same engines."""
    return (
        _local_options(one) == _local_options(other)
        and _remote_options(one) == _remote_options(other)
        and one.remote.fallback == other.remote.fallback
    )


def save_power(engine: Engine | None, *, saves: bool) -> None:
    """Have an engine on this machine do nothing unasked, or let it again; a server's power is not ours."""
    if isinstance(engine, EngineProcess):
        engine.save_power(saves=saves)


class EngineChoice:
    """Holds the engine of the settings and, if it is on a server, a local one to step in.

    ``on_switch`` is called whenever :attr:`current` has become another engine.
    """

    def __init__(
        self,
        settings: Settings,
        factory: EngineFactory,
        on_loading: Callable[[float], None],
        on_switch: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._factory = factory
        self._on_loading = on_loading
        self._on_switch = on_switch
        self._preferred = factory(settings, on_loading)
        self._spare: Engine | None = None
        self._looking: asyncio.Task[None] | None = None
        self._why_aside = ""
        self._saves_power = False

    @property
    def current(self) -> Engine:
        """The engine to use."""
        return self._preferred if self._looking is None or self._spare is None else self._spare

    @property
    def paced(self) -> RemoteEngine | None:
        """The engine in use, if it is on a server that says how often it may be asked."""
        current = self.current
        return current if isinstance(current, RemoteEngine) else None

    @property
    def label(self) -> str:
        """Where completions come from, for the user; empty if all is on this machine."""
        if not isinstance(self._preferred, RemoteEngine):
            return ""
        url = self._preferred.url
        if self.current is not self._preferred:
            return f"the model on this machine, because {url} {self._why_aside}"
        info = self._preferred.info
        return f"{info.model_name} on {url}" if info is not None else url

    def step_aside(self) -> bool:
        """Use the local engine if the server has failed for good; tell whether that changes it."""
        remote = self._that_may_rest()
        if remote is None or not remote.is_given_up:
            return False
        log.warning("completions come from the model on this machine: %s does not work", remote.url)
        self._rest("does not work", lambda: _until_it_works(remote))
        return True

    def take_turns(self) -> None:
        """Use the local engine while a full server is left to other editors."""
        remote = self._that_may_rest()
        if remote is not None and remote.out_s() > 0:
            self._rest("is full", lambda: _until_its_turn(remote))

    def save_power(self, *, saves: bool) -> None:
        """Have both engines do nothing unasked, or let them again."""
        self._saves_power = saves
        for engine in (self._preferred, self._spare):
            save_power(engine, saves=saves)

    async def close(self) -> None:
        """Close both engines."""
        if self._looking is not None:
            self._looking.cancel()
        await self._preferred.close()
        if self._spare is not None:
            await self._spare.close()

    def _that_may_rest(self) -> RemoteEngine | None:
        preferred = self._preferred
        if isinstance(preferred, RemoteEngine) and self._settings.remote.fallback:
            return preferred if self._looking is None else None
        return None

    def _rest(self, why: str, until: Callable[[], Awaitable[None]]) -> None:
        """Use the local engine until something has happened."""
        if self._spare is None:
            local = self._settings.changed(remote_url="")
            self._spare = self._factory(local, self._on_loading)
            save_power(self._spare, saves=self._saves_power)
        self._why_aside = why
        self._looking = asyncio.get_running_loop().create_task(self._come_back(until))
        self._on_switch()

    async def _come_back(self, until: Callable[[], Awaitable[None]]) -> None:
        await until()
        # The local engine stays connected, for the next time; unused, it unloads itself.
        self._looking = None
        log.info("completions come again from %s", self.label)
        self._on_switch()


async def _until_it_works(remote: RemoteEngine) -> None:
    """Look at the server from time to time, until it works again."""
    pause_s = FIRST_LOOK_S
    while True:
        jitter = random.uniform(1 - LOOK_JITTER, 1.0)  # noqa: S311 - no secret
        await asyncio.sleep(pause_s * jitter)
        pause_s = min(pause_s * 2, LONGEST_LOOK_S)
        with suppress(InfillError):
            await remote.start()
            log.warning("%s works again", remote.url)
            return


async def _until_its_turn(remote: RemoteEngine) -> None:
    while (out_s := remote.out_s()) > 0:  # noqa: ASYNC110 - a timer may be early
        await asyncio.sleep(out_s)


def _local_options(settings: Settings) -> EngineOptions:
    return EngineOptions(
        settings.engine.model_path,
        threads=settings.engine.threads,
        gpu_layers=settings.engine.gpu_layers,
        idle_minutes=settings.engine.idle_minutes,
        context_tokens=settings.engine.context_tokens,
        kv_tokens=settings.engine.kv_tokens,
        flash_attention=settings.engine.flash_attention,
        kv_type=settings.engine.kv_type,
        prompt_cache_mb=settings.engine.prompt_cache_mb,
        must_infill=settings.engine.must_infill,
    )


def _remote_options(settings: Settings) -> RemoteOptions | None:
    if not settings.remote.url:
        return None
    path = settings.remote.vocabulary
    return RemoteOptions(
        url=settings.remote.url,
        api=settings.remote.api,
        model=settings.remote.model,
        family=settings.remote.family,
        vocabulary=EngineOptions(Path(path).expanduser(), vocabulary_only=True) if path else None,
        headers=tuple(settings.remote.headers.items()),
        **_for_instructions(settings),
    )


def _for_instructions(settings: Settings) -> dict[str, Any]:
    if not settings.remote.is_for_instructions:
        return {}
    others = (KEY_ENVIRONMENT_VARIABLE,) if settings.remote.may_have_key else ()
    return {
        "settings": ("instructUrl", "instructModel"),
        "key_variables": (INSTRUCT_KEY_ENVIRONMENT_VARIABLE, *others),
    }
