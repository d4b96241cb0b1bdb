"""An engine that answers from a script, for tests and for trying an editor without a model."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from infill_ls.engine.base import CompletionRequest, EngineInfo, Priority
from infill_ls.engine.decoding.text_stop import TextStop
from infill_ls.errors import EngineError, UsageError
from infill_ls.models.chat import DEEPSEEK_CODER_INSTRUCT, ChatTemplate
from infill_ls.models.fim import FimTokens, Order
from infill_ls.settings import Settings
from infill_ls.types import (
    Completion,
    EngineTimings,
    OnWritten,
    Prompt,
    StopReason,
    Written,
)
from infill_retrieval.syntax import TreeCache

SCRIPTED_INFO = EngineInfo(
    model_name="scripted",
    context_tokens=1_000_000,
    fim=FimTokens(
        family="scripted",
        order=Order.PSM,
        prefix=0x110001,
        suffix=0x110002,
        middle=0x110003,
        bos=0x110000,
    ),
    stop_ids=frozenset(range(0x110000, 0x110004)),
    tokens_stay_in_line=True,
)
"""One token a character, its id the code point; markers lie beyond Unicode."""

SCRIPTED_INSTRUCT = replace(
    SCRIPTED_INFO,
    model_name="scripted-instruct",
    fim=None,
    chat=ChatTemplate(DEEPSEEK_CODER_INSTRUCT, "<bos>", "<eos>"),
)
"""The same of one that follows instructions and cannot fill in the middle."""

Answer = str | EngineError | Callable[[Prompt], str]


MEAN_LOGPROB = -0.1
LOOK_AT_GATE_EVERY_S = 0.01
RECORDED = 100
"""Prompts that are kept: a test of memory asks for thousands."""


def _size_bytes(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _record(prompts: list[Prompt], prompt: Prompt) -> None:
    prompts.append(prompt)
    del prompts[:-RECORDED]


_BETWEEN_WORDS = re.compile(r"(?<=\S)(?=\s)")


@dataclass
class ScriptedEngine:
    """Gives its ``answers`` in turn, the last one again and again.

    An answer is the text from the cursor on, an error to raise, or a function of the prompt. It
    ends where the stop rule says, as with a model.
    ``prompts`` and ``warmed`` record what was asked lately; ``cancelled`` counts calls that were
    cancelled while they waited for ``delay_s``.
    """

    answers: Sequence[Answer] = ("",)
    delay_s: float = 0.0
    mean_logprob: float = MEAN_LOGPROB
    tells_words: bool = False
    """Whether it tells of each word that it has written."""
    prompts: list[Prompt] = field(default_factory=list)
    warmed: list[Prompt] = field(default_factory=list)
    marked: list[str] = field(default_factory=list)
    """The texts whose markers were read."""
    loaded: EngineInfo = SCRIPTED_INFO
    """What it says of itself."""
    cancelled: int = 0
    closed: bool = False
    _asked: int = 0
    prompts_file: Path | None = None
    """Where the text of every prompt is written to, for tests of a server in another process."""
    gate: Path | None = None
    """With this file, a long answer goes on by a line for each byte that is written to it, and one whose words
    are told of by a word."""
    _trees: TreeCache = field(default_factory=TreeCache)

    @property
    def info(self) -> EngineInfo | None:
        """Always loaded."""
        return self.loaded

    async def start(self) -> EngineInfo:
        """Return at once."""
        return self.loaded

    async def tokenize(
        self, texts: Sequence[str], *, reads_markers: bool = False
    ) -> list[tuple[int, ...]]:
        """Return the code points of each text; what reads markers is recorded."""
        if reads_markers:
            self.marked.extend(texts)
        return [tuple(map(ord, text)) for text in texts]

    async def complete(
        self,
        request: CompletionRequest,
        on_written: OnWritten | None = None,
    ) -> tuple[Completion, ...]:
        """Give the next answers after ``delay_s`` seconds; each call begins one answer further.

        All of it comes at once, but for a long answer, which is told of line by line, and where words are
        told of: each stays the last one for an equal part of the delay.
        """
        prompt = request.prompt
        _record(self.prompts, prompt)
        self._write_down(prompt)
        self._asked += 1
        first = min(self._asked, len(self.answers)) - 1
        answers = self.answers[first : first + request.candidates]
        try:
            if on_written is not None and request.priority is Priority.LONG:
                lines = self._text(answers[0], prompt).splitlines(keepends=True)
                await self._tell(lines, on_written)
            elif on_written is not None and self.tells_words:
                words = _BETWEEN_WORDS.split(self._text(answers[0], prompt))
                await self._tell(words, on_written)
            else:
                await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return tuple(self._completion(answer, request) for answer in answers)

    def _completion(self, answer: Answer, request: CompletionRequest) -> Completion:
        prompt, rule = request.prompt, request.stop
        text = self._text(answer, prompt)
        timings = EngineTimings(0, len(prompt.token_ids), 0.0, len(text), self.delay_s * 1000)
        written = TextStop(rule, self._trees)
        is_endless = request.priority is Priority.LONG and len(text) > rule.max_tokens
        whole = text[: rule.max_tokens] if is_endless else text
        reason = written.feed(whole.encode("utf-8", "replace"))
        reason = reason or (StopReason.TOKENS if is_endless else StopReason.END)
        return Completion(written.text(), reason, self.mean_logprob, timings)

    def _text(self, answer: Answer, prompt: Prompt) -> str:
        if isinstance(answer, EngineError):
            raise answer
        return answer(prompt) if callable(answer) else answer

    async def _tell(self, pieces: Sequence[str], on_written: OnWritten) -> None:
        for number in range(1, len(pieces) + 1):
            on_written(Written("".join(pieces[:number]), self.mean_logprob, number))
            await asyncio.sleep(self.delay_s / len(pieces))
            while self.gate is not None and _size_bytes(self.gate) < number:  # noqa: ASYNC110 - a test's file
                await asyncio.sleep(LOOK_AT_GATE_EVERY_S)

    def _write_down(self, prompt: Prompt) -> None:
        if self.prompts_file is not None:
            with self.prompts_file.open("a", encoding="utf-8", errors="replace") as file:
                file.write(f"{prompt.text}\n\f\n")

    def look(self, on_written: OnWritten) -> bool:  # noqa: ARG002 - it hears of each token
        """Leave it at what the listener hears anyway."""
        return False

    async def warm(self, prompt: Prompt) -> None:
        """Record the prompt."""
        _record(self.warmed, prompt)
        self._write_down(prompt)

    async def close(self) -> None:
        """Record the call."""
        self.closed = True


def by_place(answers: Mapping[str, str]) -> Callable[[Prompt], str]:
    """Return the answer at each place: the one whose key is the end of the text before the cursor, or "".

    Of several such keys the longest counts. So it does not matter at which of the keys that were typed an
    editor asked.
    """
    known = {"": "", **answers}

    def answer(prompt: Prompt) -> str:
        before = prompt.text + prompt.fragment
        return known[max(filter(before.endswith, known), key=len)]

    return answer


def scripted_engine_factory(path: str) -> Callable[..., ScriptedEngine]:
    """Return a factory of engines that give the answers in a JSON file.

    The file holds ``{"answers": [...], "delay_ms": 0, "tells_words": false, "gate": path or nothing,
    "mean_logprob": -0.1, "prompts_file": path or nothing}``, where answers may also be an object, as
    :func:`by_place` takes it, and for the engine of an instruct model ``"instruct": [...]``,
    ``"instruct_delay_ms"``, ``"instruct_gate"`` (a file, see :attr:`ScriptedEngine.gate`) and ``"chat_template"``.
    Raises :class:`UsageError`.
    """
    try:
        script = json.loads(Path(path).read_text("utf-8"))
        written = script["answers"]
        is_by_place = isinstance(written, dict)
        answers = [str(answer) for answer in ([] if is_by_place else written)]
        complete: list[Answer] = [by_place(written)] if is_by_place else [*answers]
        delay_s = float(script.get("delay_ms", 0)) / 1000
        tells_words = script.get("tells_words", False) is True
        mean_logprob = float(script.get("mean_logprob", MEAN_LOGPROB))
        file = Path(script["prompts_file"]) if script.get("prompts_file") else None
        word_gate = Path(script["gate"]) if script.get("gate") else None
        told = [str(answer) for answer in script.get("instruct", answers or [""])]
        told_delay_s = float(script.get("instruct_delay_ms", 0)) / 1000
        gate = Path(script["instruct_gate"]) if script.get("instruct_gate") else None
        template = script.get("chat_template", DEEPSEEK_CODER_INSTRUCT)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"cannot use {path} as a script of answers: {error}") from None

    def make(settings: Settings, *_: object) -> ScriptedEngine:
        if settings.engine.must_infill:
            return ScriptedEngine(
                complete,
                delay_s,
                mean_logprob,
                tells_words=tells_words,
                prompts_file=file,
                gate=word_gate,
            )
        chat = ChatTemplate(str(template), "<bos>", "<eos>") if template is not None else None
        loaded = replace(SCRIPTED_INSTRUCT, chat=chat)
        return ScriptedEngine(told, told_delay_s, prompts_file=file, loaded=loaded, gate=gate)

    return make
