"""The engine on an inference server, with the same answers as the local engine.

The server knows no byte mask, so the fragment (token healing) is left out of the prompt and the
output checked: llama-server is made to reproduce it by a grammar; others are asked once more if what they
wrote does not begin with it: vLLM with a pattern, the rest with the fragment in the prompt. Lines and indents are counted
here, on the stream, and the connection is closed where a rule ends the completion.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from infill_ls.engine.base import CompletionRequest, EngineInfo
from infill_ls.engine.gguf_fixes import notes_on
from infill_ls.engine.process import EngineProcess
from infill_ls.engine.remote.admission import Admission
from infill_ls.engine.remote.answer_clock import AnswerClock, TimeIsUpError
from infill_ls.engine.remote.dialect import Ask, Chunk, Dialect, ServerFacts
from infill_ls.engine.remote.discover import discover
from infill_ls.engine.remote.link import Link
from infill_ls.engine.remote.options import RemoteOptions
from infill_ls.engine.remote.pacing import Pacing
from infill_ls.engine.remote.spelling import spell_out
from infill_ls.engine.remote.stream_reader import StreamReader
from infill_ls.engine.remote.tokenizer import ServerTokenizer, families_named
from infill_ls.errors import ModelError, RemoteError
from infill_ls.models.fim import FimFamily, Order
from infill_ls.types import (
    GREEDY,
    Completion,
    OnWritten,
    Prompt,
    Sampling,
    StopReason,
    StopRule,
    Written,
)
from infill_retrieval.syntax import TreeCache

log = logging.getLogger(__name__)

T = TypeVar("T")

UNKNOWN_CONTEXT_TOKENS = 2048
"""What is taken for the context of a server that does not say; llama-cpp-python's default."""
OLLAMA_CONTEXT_TOKENS = 4096
FIRST_TOKEN_TIMEOUT_S = 10.0
"""For the prefill and the queue before it; whoever types has cancelled long before."""
LAST_BYTES_S = 0.05
"""For the end of a stream behind the end of its answer; mostly it is there already."""
JUDGED_TOKENS = 8
"""By so much of an answer pacing judges it: who types waits for a piece of a line, and a server that many ask
can begin at once and yet take long for each token."""
OTHER_CANDIDATES_TEMPERATURE = 0.6
"""For the second candidate and on: a server cannot be told to begin with the second-best token."""


@dataclass(frozen=True, slots=True)
class _Server:
    """A server that has been looked at."""

    dialect: Dialect
    model: str
    facts: ServerFacts
    info: EngineInfo
    family: FimFamily
    tokenizer: ServerTokenizer | EngineProcess

    def is_like(self, dialect: Dialect, model: str, facts: ServerFacts) -> bool:
        """Tell whether a server says the same of itself."""
        return (self.dialect, self.model, self.facts) == (dialect, model, facts)


@dataclass(slots=True)
class _AnswerProgress:
    """How far an answer has come."""

    has_begun: bool = False
    is_judged: bool = False


class RemoteEngine:
    """An :class:`~infill_ls.engine.base.Engine` that asks a server over HTTP.

    Faults are :class:`~infill_ls.errors.RemoteError`, with the same words each time for the same
    cause. While the circuit breaker is open, no request is sent and the last error raised again.
    """

    def __init__(
        self, options: RemoteOptions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._options = options
        self._clock = clock
        self._link = Link(options, clock=clock, is_paced=True)
        self._server: _Server | None = None
        self._known: _Server | None = None
        """The server as it was before it failed: it mostly comes back as it was, and then is asked little."""
        self._loading: asyncio.Task[_Server] | None = None
        self._vocabulary: EngineProcess | None = None
        self._trees = TreeCache()
        self._has_answered = False
        self._token_s: float | None = None
        """What each token behind the first has taken lately."""
        self._ignores_patterns = False
        """Whether this server does not force a fragment, though its kind does: an older one, say."""
        self.pacing = Pacing(random.random)
        """How often this server may be asked now,"""
        self.admission = Admission(random.random)
        """and whether at all: where it is full, its editors take turns."""

    @property
    def info(self) -> EngineInfo | None:
        """The model on the server, or ``None`` while nothing is known of it."""
        return self._server.info if self._server is not None else None

    @property
    def is_given_up(self) -> bool:
        """Whether the circuit breaker is open: nothing is asked until a pause is over."""
        return self._link.is_given_up

    @property
    def url(self) -> str:
        """The server's address."""
        return self._options.url

    def key_pressed(self, *, in_word: bool) -> None:
        """Note that the user types; ``in_word`` tells whether the cursor is behind a letter now."""
        self.pacing.key(self._clock(), in_word=in_word)

    def turn_s(self, *, in_word: bool) -> float:
        """Return in how many seconds to ask, unless another key comes before."""
        return max(self.pacing.turn_s(self._clock(), in_word=in_word), self.out_s())

    def out_s(self) -> float:
        """Return for how many seconds a full server is left to others; 0 if it is this editor's turn."""
        return self.admission.out_s(self._clock())

    def may_think_ahead(self) -> bool:
        """Tell whether the server has time for what nobody has asked for yet."""
        return self.pacing.may_think_ahead(self._clock()) and self.out_s() == 0

    async def start(self) -> EngineInfo:
        """Look at the server if that has not happened; return what model it has."""
        return (await self._connect()).info

    async def tokenize(
        self, texts: Sequence[str], *, reads_markers: bool = False
    ) -> list[tuple[int, ...]]:
        """Return the token ids of each text; markers in them are text, unless ``reads_markers``."""
        server = await self._connect()
        tokenizer = server.tokenizer
        if isinstance(tokenizer, EngineProcess):
            return await tokenizer.tokenize(texts, reads_markers=reads_markers)
        if reads_markers:
            return await self._guarded(lambda: tokenizer.tokenize_markers(texts))
        return await self._guarded(lambda: tokenizer.tokenize(texts))

    async def complete(
        self,
        request: CompletionRequest,
        on_written: OnWritten | None = None,
    ) -> tuple[Completion, ...]:
        """Return the model's completions of the prompt, the best first."""
        hears = on_written or _nobody
        server = await self._connect()
        sampling = request.sampling
        others = [
            replace(sampling, temperature=OTHER_CANDIDATES_TEMPERATURE, seed=sampling.seed + n)
            if sampling.is_greedy
            else replace(sampling, seed=sampling.seed + n)
            for n in range(1, request.candidates)
        ]
        found = await asyncio.gather(
            self._fill(server, request.prompt, request.stop, sampling, hears),
            *(self._fill(server, request.prompt, request.stop, one, _nobody) for one in others),
        )
        distinct: dict[str, Completion] = {}
        for completion in found:
            distinct.setdefault(completion.text, completion)
        # Stable: without log probabilities the greedy one stays the first.
        return tuple(sorted(distinct.values(), key=lambda c: -c.mean_logprob))

    def look(self, on_written: OnWritten) -> bool:  # noqa: ARG002 - it hears of each token
        """Leave it at what the listener hears anyway."""
        return False

    async def warm(self, prompt: Prompt) -> None:
        """Have the server compute the prompt up to its anchor, and keep it in its prefix cache."""
        is_free = self.pacing.may_prepare(self._clock()) and self.out_s() == 0
        if not is_free and self._has_answered:
            return  # the completion itself will have it read
        server = await self._connect()
        ask = self._ask(server, prompt, StopRule(max_tokens=1, max_lines=1), GREEDY, to_anchor=True)
        await self._guarded(lambda: self._write(server, ask, StopRule(1, 1), "", _nobody))

    async def close(self) -> None:
        """Close the connections and the local tokenizer."""
        if self._loading is not None:
            self._loading.cancel()
        await self._link.close()
        if self._vocabulary is not None:
            await self._vocabulary.close()

    async def _connect(self) -> _Server:
        self._link.check()
        if self._server is not None:
            return self._server
        if self._loading is None or self._loading.done():
            self._loading = asyncio.get_running_loop().create_task(
                self._guarded(self._look, is_first=True)
            )
            self._loading.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Shielded: a request that is cancelled meanwhile must not stop what others wait for.
        return await asyncio.shield(self._loading)

    async def _look(self) -> _Server:
        options = self._options
        transport = await self._link.transport()
        dialect, facts, model = await discover(transport, options.api, options.model)
        known = self._known
        is_like = known is not None and known.is_like(dialect, model, facts)
        if known is not None and is_like and await _has_same_tokens(known):
            log.info("%s is back with %s", options.url, model)
            self._server = known
            return known
        tokenizer: ServerTokenizer | EngineProcess
        if options.vocabulary is not None:
            if self._vocabulary is None:
                self._vocabulary = EngineProcess(options.vocabulary)
            tokenizer = self._vocabulary
            try:
                local = await tokenizer.start()
            except ModelError as error:
                raise RemoteError(f"remoteVocabulary: {error}", is_lasting=True) from None
            fim, stop_ids, stays_in_line = (
                local.fim_tokens(),
                local.stop_ids,
                local.tokens_stay_in_line,
            )
        else:
            tokenizer = ServerTokenizer(transport, dialect, model)
            found = await tokenizer.find_markers(families_named(options.family), model)
            if found is None:
                raise _cannot_infill(options, model)
            fim, stop_ids = found
            stays_in_line = tokenizer.tokens_stay_in_line
        usual = OLLAMA_CONTEXT_TOKENS if dialect.name == "ollama" else UNKNOWN_CONTEXT_TOKENS
        info = EngineInfo(
            model_name=model,
            context_tokens=facts.context_tokens or usual,
            stop_ids=stop_ids,
            fim=fim,
            tokens_stay_in_line=stays_in_line,
            notes=notes_on(model),
            is_far=True,
        )
        log.info("%s is %s with %s", options.url, dialect.name, model)
        family = next(family for family in families_named(fim.family))
        self._server = self._known = _Server(dialect, model, facts, info, family, tokenizer)
        return self._server

    async def _fill(
        self,
        server: _Server,
        prompt: Prompt,
        stop: StopRule,
        sampling: Sampling,
        on_written: OnWritten,
    ) -> Completion:
        ask = self._ask(server, prompt, stop, sampling)
        completion = await self._guarded(
            lambda: self._write(server, ask, stop, prompt.fragment, on_written)
        )
        if completion.stop is not StopReason.STUCK or not prompt.fragment:
            return completion
        forced = await self._forced(server, prompt, stop, sampling, on_written)
        if forced is not None:
            return forced
        (fragment_ids,) = await self.tokenize([prompt.fragment])
        typed = self._ask(server, prompt, stop, sampling, fragment_ids=fragment_ids)
        return await self._guarded(lambda: self._write(server, typed, stop, "", on_written))

    async def _forced(
        self,
        server: _Server,
        prompt: Prompt,
        stop: StopRule,
        sampling: Sampling,
        on_written: OnWritten,
    ) -> Completion | None:
        """Have the server begin with the fragment, whatever its tokens; ``None`` if it cannot or does not."""
        can = server.dialect.masks_when_asked_again and not self._ignores_patterns
        if not can or not prompt.fragment.isprintable():
            return None
        ask = self._ask(server, prompt, stop, sampling, is_forced=True)
        try:
            completion = await self._write(server, ask, stop, prompt.fragment, on_written)
        except RemoteError as error:
            # No fault of the server's: the fragment goes into the prompt, and that tells whether it works.
            self._ignores_patterns = error.is_lasting
            return None
        self._ignores_patterns = completion.stop is StopReason.STUCK
        return None if self._ignores_patterns else completion

    def _ask(
        self,
        server: _Server,
        prompt: Prompt,
        stop: StopRule,
        sampling: Sampling,
        *,
        fragment_ids: tuple[int, ...] | None = None,
        to_anchor: bool = False,
        is_forced: bool = False,
    ) -> Ask:
        """Return what to ask for; with ``fragment_ids`` the fragment is a part of the prompt."""
        dialect, family = server.dialect, server.family
        ids = prompt.token_ids[: prompt.anchor_tokens] if to_anchor else prompt.token_ids
        typed = prompt.fragment if fragment_ids is not None else ""
        stops: tuple[str, ...] = ("\n",) if stop.max_lines == 1 else ()
        is_masked = is_forced or (dialect.masks_fragment and not to_anchor)
        text = ""
        if not dialect.takes_token_ids:
            text = spell_out(prompt, family, fragment=typed, to_anchor=to_anchor)
            stops = (*stops, *family.markers, *family.stops)
        return Ask(
            model=server.model,
            token_ids=_with_typed(ids, fragment_ids or (), family),
            text=text,
            max_tokens=stop.max_tokens,
            context_tokens=server.info.context_tokens,
            sampling=sampling,
            fragment=prompt.fragment if is_masked else "",
            stop_ids=tuple(sorted(server.info.stop_ids)),
            stop_texts=stops,
        )

    async def _write(
        self, server: _Server, ask: Ask, stop: StopRule, fragment: str, on_written: OnWritten
    ) -> Completion:
        """Ask for one completion and read it until a rule, the time or the server ends it."""
        started = self._clock()
        progress = _AnswerProgress()
        self.pacing.sent(started)
        try:
            return await self._stream(server, ask, stop, fragment, on_written, progress)
        except asyncio.CancelledError:
            age_s = self._clock() - started
            is_late = age_s > self.pacing.late_from_s
            # One that has begun in time and is contradicted says nothing of the server.
            if not progress.has_begun or (is_late and not progress.is_judged):
                self.pacing.taken_back(self._clock(), age_s)
                if is_late or not self._has_answered:
                    self.admission.unserved(self._clock(), self.pacing.rate_per_s)
            raise
        except RemoteError as error:
            if error.is_refused:
                # By how much was asked until now: one refusal lowers that, and sends nobody away by itself.
                self.admission.unserved(self._clock(), self.pacing.rate_per_s)
                self.pacing.refused(self._clock(), error.retry_after_s)
            elif not error.is_lasting:
                self.pacing.went_away(self._clock())
            raise

    async def _stream(
        self,
        server: _Server,
        ask: Ask,
        stop: StopRule,
        fragment: str,
        on_written: OnWritten,
        progress: _AnswerProgress,
    ) -> Completion:
        transport = await self._link.transport()
        reader = StreamReader(stop, fragment, server.info.stop_ids, self._trees)
        clock = AnswerClock(
            transport,
            self._clock,
            begins_within_s=FIRST_TOKEN_TIMEOUT_S,
            ends_within_s=stop.time_budget_ms / 1000,
        )
        chunk = Chunk()
        reason: StopReason | None = None
        async with aclosing(transport.stream(server.dialect.complete(ask))) as events:
            while reason is None:
                try:
                    event = await clock.next(events)
                except TimeIsUpError:
                    reason = StopReason.TIME
                    break
                except StopAsyncIteration:
                    raise transport.broken_off_error() from None
                chunk = transport.read(server.dialect.chunk, event)
                if not clock.has_begun and (chunk.text or chunk.token_ids or chunk.end is not None):
                    clock.begin()
                    progress.has_begun = True
                    self.pacing.way(transport.way_s)
                if (reason := reader.take(chunk)) is None:
                    on_written(Written(reader.text_so_far(), reader.mean_logprob, reader.tokens))
                # One that has not begun with the fragment is asked again, and judged then.
                if reason is not StopReason.STUCK and (reason or reader.tokens >= JUDGED_TOKENS):
                    self._judge(progress, clock, reader.tokens)
            if chunk.end is not None:
                await _read_to_end(events)
        if reason is StopReason.TIME:
            self._judge(progress, clock, reader.tokens)
        # Only this proves that it works: a server that loads or overflows still tells its name.
        self._link.succeeded()
        self._has_answered = True
        prompt_tokens = chunk.prompt_tokens or len(ask.token_ids)
        timings = clock.timings(chunk, prompt_tokens=prompt_tokens, decode_tokens=reader.tokens)
        return Completion(reader.text(), reason, reader.mean_logprob, timings)

    def _judge(self, progress: _AnswerProgress, clock: AnswerClock, tokens: int) -> None:
        """Tell once for each answer how long it has taken, or would have with as many tokens as others."""
        if progress.is_judged or clock.began_s is None:
            return
        now_s = self._clock()
        if tokens > 1:
            self._token_s = (now_s - clock.began_s) / (tokens - 1)
        if self._token_s is None:
            return  # a prompt that was only read, before anything was written
        progress.is_judged = True
        first_s = clock.began_s - clock.started_s
        took_s = first_s + self._token_s * (JUDGED_TOKENS - 1)
        self.pacing.answered(now_s, took_s)
        if took_s > self.pacing.late_from_s:
            self.admission.unserved(now_s, self.pacing.rate_per_s)
        else:
            self.admission.served(now_s)

    async def _guarded(self, work: Callable[[], Awaitable[T]], *, is_first: bool = False) -> T:
        try:
            return await self._link.guarded(work, is_first=is_first)
        except RemoteError:
            self._server = None  # it may come back as another
            raise


async def _has_same_tokens(known: _Server) -> bool:
    """Tell whether a server that came back splits texts as before: its model may be another by the same name."""
    if isinstance(known.tokenizer, EngineProcess):
        return True  # the file on this machine says what the tokens are
    return await known.tokenizer.is_unchanged()


async def _read_to_end(events: AsyncIterator[object]) -> None:
    """Read what comes behind the end of an answer, so that its connection can be used again."""
    with suppress(TimeoutError, StopAsyncIteration, RemoteError):
        async with asyncio.timeout(LAST_BYTES_S):
            while True:
                await anext(events)


def _nobody(_: Written) -> None:
    """Nobody listens."""


def _with_typed(ids: tuple[int, ...], typed: tuple[int, ...], family: FimFamily) -> tuple[int, ...]:
    """Return ``ids`` with further typed text, which stands before the last marker in SPM."""
    if typed and family.order is Order.SPM and family.middle is not None:
        return (*ids[:-1], *typed, ids[-1])
    return (*ids, *typed)


def _cannot_infill(options: RemoteOptions, model: str) -> RemoteError:
    return RemoteError(
        f"the model {model!r} of the inference server {options.url} cannot fill in the middle (no "
        "infilling markers in its vocabulary): serve a base model that was trained to infill",
        is_lasting=True,
    )
