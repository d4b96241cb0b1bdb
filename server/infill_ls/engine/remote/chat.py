"""An instruct model on an inference server, by OpenAI's ``/v1/chat/completions``.

All servers that we know have it. They put the model's own template around what is said, so that no
markers of ours are sent, and nothing that people write is read as one. Tokens are estimated: only
how much fits is decided by them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

from infill_ls.engine.base import CompletionRequest, EngineInfo
from infill_ls.engine.remote.answer_clock import AnswerClock, TimeIsUpError
from infill_ls.engine.remote.dialect import Chunk, HttpCall, Message, count_at, get
from infill_ls.engine.remote.discover import discover
from infill_ls.engine.remote.link import Link
from infill_ls.engine.remote.options import RemoteOptions
from infill_ls.engine.remote.stream_reader import StreamReader
from infill_ls.engine.remote.transport import Transport
from infill_ls.errors import RemoteError
from infill_ls.types import (
    Completion,
    Conversation,
    OnWritten,
    Prompt,
    StopReason,
    StopRule,
    Written,
)
from infill_retrieval.syntax import TreeCache

log = logging.getLogger(__name__)

BYTES_PER_TOKEN = 2.5
"""Rather few: vocabularies of code have 3 to 3.5 on an average, and what does not fit is refused."""
UNKNOWN_CONTEXT_TOKENS = 8192
"""Of a server that does not say."""
PATH = "/v1/chat/completions"


class RemoteChat:
    """An :class:`~infill_ls.engine.base.Engine` for instructions alone, on a server.

    To cancel a call closes its connection, which all servers take as the end of the work.
    """

    def __init__(
        self, options: RemoteOptions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._options = options
        self._clock = clock
        self._link = Link(options, clock=clock)
        self._info: EngineInfo | None = None
        self._trees = TreeCache()

    @property
    def info(self) -> EngineInfo | None:
        """The model on the server, or ``None`` while nothing is known of it."""
        return self._info

    async def start(self) -> EngineInfo:
        """Look at the server if that has not happened; return what model it has."""
        self._link.check()
        if self._info is None:
            self._info = await self._link.guarded(self._look, is_first=True)
        return self._info

    async def tokenize(
        self,
        texts: Sequence[str],
        *,
        reads_markers: bool = False,  # noqa: ARG002 - they are for counting only
    ) -> list[tuple[int, ...]]:
        """Return as many ids for each text as it is estimated to have tokens."""
        sizes = (len(text.encode("utf-8", "replace")) for text in texts)
        return [(0,) * -int(-size // BYTES_PER_TOKEN) for size in sizes]

    async def complete(
        self, request: CompletionRequest, on_written: OnWritten | None = None
    ) -> tuple[Completion, ...]:
        """Return the model's answer."""
        info = await self.start()
        conversation = request.prompt.conversation
        assert conversation is not None
        call = _call(info, conversation, request)

        async def write() -> Completion:
            return await self._write(call, request, on_written or (lambda _: None))

        return (await self._guarded(write),)

    def look(self, on_written: OnWritten) -> bool:  # noqa: ARG002 - it hears of each token
        """Leave it at what the listener hears anyway."""
        return False

    async def warm(self, prompt: Prompt) -> None:
        """Let the server prefill the prompt up to an instruction, for its prefix cache."""
        info = await self.start()
        conversation = prompt.conversation
        assert conversation is not None
        rule = StopRule(max_tokens=1, max_lines=1)
        begun = Conversation(conversation.system, conversation.context, "")
        request = CompletionRequest(prompt=prompt, stop=rule)
        await self._guarded(lambda: self._write(_call(info, begun, request), request, _nobody))

    async def close(self) -> None:
        """Close the connections."""
        await self._link.close()

    async def _look(self) -> EngineInfo:
        options = self._options
        transport = await self._link.transport()
        dialect, facts, model = await discover(
            transport, options.api, options.model, options.settings[1]
        )
        log.info("%s is %s with %s, for instructions", options.url, dialect.name, model)
        return EngineInfo(
            model_name=model,
            context_tokens=facts.context_tokens or UNKNOWN_CONTEXT_TOKENS,
            stop_ids=frozenset(),
            fim=None,
            tokens_stay_in_line=True,
            takes_conversations=True,
        )

    async def _guarded(self, work: Callable[[], Any]) -> Any:
        try:
            return await self._link.guarded(work)
        except RemoteError:
            self._info = None  # it may come back with another model
            raise

    async def _write(
        self, call: HttpCall, request: CompletionRequest, on_written: OnWritten
    ) -> Completion:
        transport = await self._link.transport()
        stop = request.stop
        reader = StreamReader(stop, "", frozenset(), self._trees)
        clock = AnswerClock(
            transport,
            self._clock,
            begins_within_s=request.answer_within_s or stop.time_budget_ms / 1000,
            ends_within_s=stop.time_budget_ms / 1000,
        )
        chunk = Chunk()
        reason: StopReason | None = None
        async with aclosing(transport.stream(call)) as events:
            while reason is None:
                try:
                    event = await clock.next(events)
                except TimeIsUpError:
                    reason = StopReason.TIME
                    break
                except StopAsyncIteration:
                    raise _broken_off(transport, has_begun=clock.has_begun) from None
                except RemoteError as error:
                    if not clock.has_begun:
                        raise
                    # Not once more: half of the answer has been shown.
                    raise RemoteError(str(error), is_lasting=error.is_lasting) from None
                chunk = transport.read(_chunk, event)
                if chunk.text and not clock.has_begun:
                    clock.begin()
                reason = reader.take(chunk)
                if chunk.text:
                    on_written(Written(reader.text(), 0.0, reader.tokens))
        self._link.succeeded()
        timings = clock.timings(
            chunk, prompt_tokens=chunk.prompt_tokens, decode_tokens=reader.tokens
        )
        return Completion(reader.text(), reason, 0.0, timings)


def _call(info: EngineInfo, said: Conversation, request: CompletionRequest) -> HttpCall:
    sampling = request.sampling
    body: Message = {
        "model": info.model_name,
        "messages": [
            {"role": "system", "content": said.system},
            {"role": "user", "content": said.context + said.request},
        ],
        "max_tokens": request.stop.max_tokens,
        "stream": True,
        "temperature": sampling.temperature,
    }
    if not sampling.is_greedy:
        body |= {"top_p": sampling.top_p, "seed": sampling.seed}
    return HttpCall(PATH, body, holds_source=True)


def _chunk(event: Any) -> Chunk:
    """Read one event; one without choices only counts tokens."""
    choices = get(event, "choices")
    choice = choices[0] if choices else {}
    text = (choice.get("delta") or {}).get("content") or ""
    end = {None: None, "length": StopReason.TOKENS}.get(choice.get("finish_reason"), StopReason.END)
    return Chunk(
        text=str(text),
        end=end,
        prompt_tokens=count_at(event, "usage", "prompt_tokens"),
        reused_tokens=count_at(event, "usage", "prompt_tokens_details", "cached_tokens"),
    )


def _broken_off(transport: Transport, *, has_begun: bool) -> RemoteError:
    error = transport.broken_off_error()
    return RemoteError(str(error)) if has_begun else error


def _nobody(_: Written) -> None:
    """Nobody listens to an answer that is thrown away."""
