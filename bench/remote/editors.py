"""A simulated person at an editor, who types lines of real files and asks as the language server does."""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from infill_ls.engine import CompletionRequest, EngineOptions
from infill_ls.engine.remote import RemoteEngine, RemoteOptions
from infill_ls.engine.remote.credentials import KEY_ENVIRONMENT_VARIABLE
from infill_ls.errors import InfillError
from infill_ls.models.fim import FimTokens
from infill_ls.prompting.prompt import PromptText, assemble
from infill_ls.types import Prompt, StopRule, Written
from infill_ls.writing import HELD_S

SOURCES = sorted((Path(__file__).parents[2] / "server" / "infill_ls").rglob("*.py"))
KEY_MS = 150
"""Mean time between two keys inside a word; times are exponentially distributed."""
WORD_MS = 700
"""Mean pause after a word: to think, and to read what is suggested."""
WORD = re.compile(r"[^\W\d]*\Z")
LINES = 6
"""Typed at one place before its anchor would move."""
SUFFIX_TOKENS = 256
CHARS_PER_TOKEN = 6
"""More than any token of source code has on average: so much text is split to have enough of them."""


def key_headers() -> dict[str, str]:
    """Return what shows the server its key, for requests beside those of the engine."""
    key = os.environ.get(KEY_ENVIRONMENT_VARIABLE)
    return {"Authorization": f"Bearer {key}"} if key else {}


@dataclass(frozen=True)
class ServerAddress:
    """Whom to ask, and how much is asked for."""

    url: str
    vocabulary: Path | None
    """GGUF to tokenize with, on this side."""
    rule: StopRule
    prompt_tokens: int
    """Of each prompt, before what is typed."""
    heals: bool = True
    """Whether a word's beginning is left to the model to write again. Random weights never do, so that each
    such request would be made twice: for them it is put into the prompt."""

    def engine(self) -> RemoteEngine:
        """Return an engine of its own, as each language server has one."""
        local = EngineOptions(self.vocabulary, vocabulary_only=True) if self.vocabulary else None
        return RemoteEngine(RemoteOptions(self.url, vocabulary=local))


@dataclass
class EditorResult:
    """What one editor got."""

    keys: int = 0
    requests: int = 0
    pauses: int = 0
    """Keys behind which a pause is made, to think and to read."""
    answered_pauses: int = 0
    """Pauses in which an answer was there before the next key."""
    out_pauses: int = 0
    """Pauses in which the server was left to others: there the model on the editor's machine answers."""
    failed: int = 0
    fault: str = ""
    latencies_ms: list[float] = field(default_factory=list)
    """From a key to its answer, of those that came before the next key; without those typed through."""
    rate_per_s: float = 0.0
    """Requests that pacing allowed at the end."""


@dataclass(frozen=True)
class TypingPlace:
    """A place in a file: what stands around it, as tokens."""

    fim: FimTokens
    prefix_ids: tuple[int, ...]
    suffix_ids: tuple[int, ...]

    def prompt(self, typed: str, typed_ids: tuple[int, ...], fragment: str) -> Prompt:
        """Return the prompt for a cursor at this place."""
        text = PromptText(
            context="", header="", prefix="", suffix="", typed=typed, fragment=fragment
        )
        return assemble(
            text,
            self.fim,
            head_ids=(),
            prefix_ids=self.prefix_ids,
            suffix_ids=self.suffix_ids,
            typed_ids=typed_ids,
            snippet_tokens=0,
        )


@dataclass(frozen=True)
class TypedLine:
    """A line to type."""

    text: str
    place: TypingPlace
    typed: tuple[str, ...]
    """What is typed at the place behind each of its characters, less the fragment."""
    typed_ids: tuple[tuple[int, ...], ...]
    fragments: tuple[str, ...]

    def prompt(self, key: int) -> Prompt:
        """Return the prompt behind one of its characters."""
        return self.place.prompt(self.typed[key], self.typed_ids[key], self.fragments[key])


async def lines_for(server: ServerAddress, engine: RemoteEngine, number: int) -> list[TypedLine]:
    """Return some lines at a place of their own, ready to type.

    All is split into tokens before the clock runs: beside the server, 50 pipelines would take its time.
    """
    texts = [text for path in SOURCES if (text := path.read_text("utf-8")).count("\n") >= 90]
    lines = texts[number % len(texts)].splitlines(keepends=True)
    first = 40 + number * 7 % (len(lines) - 60)
    prefix_tokens = max(server.prompt_tokens - SUFFIX_TOKENS, 0)
    before = texts[(number + 1) % len(texts)] + "".join(lines[:first])
    after = "\n" + "".join(lines[first + LINES :])
    prefix_ids, suffix_ids = await engine.tokenize(
        [before[-prefix_tokens * CHARS_PER_TOKEN :], after[: SUFFIX_TOKENS * CHARS_PER_TOKEN]]
    )
    fim = (await engine.start()).fim_tokens()
    place = TypingPlace(fim, prefix_ids[-prefix_tokens:], suffix_ids[:SUFFIX_TOKENS])
    found = []
    above = ""  # typed since the anchor, which is held for some lines, as the server does it
    for row in range(first, first + LINES):
        text = lines[row].rstrip("\n")
        start = len(text) - len(text.lstrip())
        typed = [above + text[:column] for column in range(start + 1, len(text) + 1)]
        fragments = [WORD.search(one)[0] if server.heals else "" for one in typed]  # type: ignore[index]
        kept = [one[: len(one) - len(piece)] for one, piece in zip(typed, fragments, strict=True)]
        ids = await engine.tokenize(kept)
        if kept:
            found.append(TypedLine(text[start:], place, tuple(kept), tuple(ids), tuple(fragments)))
        above += lines[row]
    return found


class SimulatedEditor:
    """Types its lines again and again, at each of its places in turn.

    As the language server does it: asks when the engine says that it is its turn, waits for an answer that what
    is typed since does not contradict, and asks for nothing that the answer before holds already. With
    ``every_key`` each key takes back the request before and asks at once, as it was before there was pacing.
    """

    def __init__(
        self,
        number: int,
        engine: RemoteEngine,
        places: Sequence[list[TypedLine]],
        rule: StopRule,
        *,
        every_key: bool,
    ) -> None:
        self.number = number
        self._random = random.Random(number)
        self._rule = rule
        self._engine = engine
        self._places = places
        self._at = 0
        self._every_key = every_key
        self._request: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._line, self._key, self._pressed_s = places[0][0], 0, 0.0
        self._is_answered = False
        self._is_sent = False
        self._asked_at, self._asked_s, self._heard = 0, 0.0, ""
        self.served = EditorResult()

    def result(self) -> EditorResult:
        """Return what was got since :meth:`begin`."""
        self.served.rate_per_s = self._engine.pacing.rate_per_s
        return self.served

    def begin(self) -> None:
        """Count from now on."""
        self.served = EditorResult()

    async def open_file(self) -> None:
        """Have the server compute the prompt, as happens while one looks at a file just opened."""
        while True:
            try:
                return await self._read_place()
            except InfillError:
                await asyncio.sleep(1)

    async def come(self, within_s: float, end: float) -> None:
        """Come to work at some time within so many seconds, open the file, and type until the clock says ``end``.

        The file is opened beside typing, as in an editor: at a full server that takes long.
        """
        await asyncio.sleep(self._random.uniform(0, within_s))
        self._opening = asyncio.create_task(self._open_next())
        await self.type_until(end)

    async def _read_place(self) -> None:
        await self._engine.warm(self._places[self._at][0].prompt(0))

    async def _open_next(self) -> None:
        with suppress(InfillError):
            await self._read_place()

    async def type_until(self, end: float) -> None:
        """Type until the clock says ``end``."""
        await asyncio.sleep(self._random.uniform(0, WORD_MS / 1000))
        while True:
            for line in self._places[self._at]:
                self._take_back()
                self._line, self._heard, self._asked_at = line, "", 0
                for number, character in enumerate(line.text):
                    if time.perf_counter() >= end:
                        self._take_back()
                        return
                    self._press(number, character)
                    pauses = not character.isalnum()
                    self.served.out_pauses += pauses and self._is_out()
                    mean_ms = WORD_MS if pauses else KEY_MS
                    await asyncio.sleep(self._random.expovariate(1000 / mean_ms))
                    self.served.pauses += pauses
                    self.served.answered_pauses += pauses and self._is_answered
            if len(self._places) > 1:
                self._at = (self._at + 1) % len(self._places)
                self._opening = asyncio.create_task(self._open_next())

    def _is_out(self) -> bool:
        return not self._every_key and self._engine.out_s() > 0

    def _press(self, number: int, character: str) -> None:
        self.served.keys += 1
        self._key, self._pressed_s, self._is_answered = number, time.perf_counter(), False
        if not self._every_key:
            self._engine.key_pressed(in_word=character.isalnum() or character == "_")
            since = self._line.text[self._asked_at + 1 : number + 1]
            if self._request is None and self._heard.startswith(since) and self._heard != since:
                self._is_answered = True  # typed through what is shown
                return
            is_held = self._is_sent and self._pressed_s - self._asked_s < HELD_S
            if is_held and since.startswith(self._heard[: len(since)]):
                return
        self._take_back()
        self._request = asyncio.create_task(self._ask())

    def _take_back(self) -> None:
        if self._request is not None:
            self._request.cancel()
            self._request = None
        self._is_sent = False

    def _hear(self, written: Written) -> None:
        self._heard = written.text

    async def _ask(self) -> None:
        while True:
            character = self._line.text[self._key]
            in_word = character.isalnum() or character == "_"
            while not self._every_key and (wait_s := self._engine.turn_s(in_word=in_word)) > 0:  # noqa: ASYNC110 - its turn moves
                await asyncio.sleep(wait_s)
            self._asked_at, self._asked_s, self._heard = self._key, time.perf_counter(), ""
            self._is_sent = True
            self.served.requests += 1
            request = CompletionRequest(prompt=self._line.prompt(self._key), stop=self._rule)
            try:
                (found,) = await self._engine.complete(request, self._hear)
            except InfillError as error:
                self.served.failed += 1
                self.served.fault = str(error)
                self._request, self._is_sent = None, False
                return
            self._heard, self._is_sent = found.text, False
            if found.text.startswith(self._line.text[self._asked_at + 1 : self._key + 1]):
                break
        self._request = None
        self._is_answered = True
        self.served.latencies_ms.append((time.perf_counter() - self._pressed_s) * 1000)
