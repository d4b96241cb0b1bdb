"""The worker: serves requests of all connections with one model, one completion at a time.

Connections put requests in from their own threads: tokenizing and cancelling happen there at once,
even while the main thread decodes. A completion that somebody waits for overtakes and interrupts
warming; a long answer makes way for both, between two tokens, and goes on where it was.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum

import psutil

from infill_ls.engine import messages
from infill_ls.engine.base import Priority
from infill_ls.engine.decoding.decoder import Cancelled, Decoder
from infill_ls.engine.decoding.draft import Drafter
from infill_ls.engine.decoding.kv_tree import KvTree
from infill_ls.engine.decoding.run import DecodingTask
from infill_ls.engine.decoding.telling import Telling
from infill_ls.engine.llama.calibration import PREFILL_TOKENS, BatchCosts
from infill_ls.engine.llama.model import BATCH_TOKENS, SEQUENCES, LlamaModel
from infill_ls.types import Written
from infill_retrieval.common_length import common_length

log = logging.getLogger(__name__)

QUIET_PERCENT = 20.0
"""Of the processors' time is used by others on a machine that can be measured."""
LOOK_S = 15.0
LONGEST_LOOK_S = 3600.0


PREFILL_CHUNK_MS = 40.0
BACKGROUND_CHUNK_MS = 60.0
LEAST_BACKGROUND_CHUNK_TOKENS = 8

BATCH_COSTS: dict[str, BatchCosts | None] = {
    "auto": None,  # as measured
    "always": ((1, 1.0), (16, 1.0)),
    "never": ((1, 1.0), (16, 1000.0)),
}
"""What a batch is taken to cost, by :attr:`EngineOptions.draft`."""


class Turn(IntEnum):
    """Whose turn it is: the lowest first."""

    TYPING = 0
    WARMING = 1
    LONG = 2


@dataclass(eq=False, slots=True)
class QueuedRequest:
    """One request of a connection. ``cancelled`` is set by another thread than the one serving."""

    message: messages.Complete | messages.Warm
    tell: Callable[[messages.Answer | messages.SoFar], None]
    """Sends its answer, and what is to be heard before."""
    cancelled: bool = False
    telling: Telling = field(init=False)

    def __post_init__(self) -> None:
        def tell(written: Written) -> None:
            self.tell(messages.SoFar(id=self.id, written=written))

        self.telling = Telling(tell, tells_all=self.turn is Turn.LONG)

    @property
    def id(self) -> int:
        """The number that its answer has too."""
        return self.message.id

    @property
    def turn(self) -> Turn:
        """When it is served."""
        if isinstance(self.message, messages.Warm):
            return Turn.WARMING
        return Turn.LONG if self.message.priority is Priority.LONG else Turn.TYPING


class RequestLine:
    """The requests that wait, each behind those that come first."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._waiting: dict[Turn, deque[QueuedRequest]] = {turn: deque() for turn in Turn}
        self._is_closed = False

    def join(self, asked: QueuedRequest) -> None:
        """Put a request in; from any thread."""
        with self._news:
            self._waiting[asked.turn].append(asked)
            self._news.notify()

    def close(self) -> None:
        """Let nobody wait any more; from any thread."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()

    @property
    def is_closed(self) -> bool:
        """Whether there is an end to it."""
        return self._is_closed

    def has_before(self, turn: Turn) -> bool:
        """Tell whether a request waits that comes before those of ``turn``; from any thread."""
        return any(self._waiting[each] for each in Turn if each < turn)

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits."""
        return not any(self._waiting.values())

    def take(self, timeout_s: float | None) -> QueuedRequest | None:
        """Return whose turn it is; ``None`` at the end of the line or after the time."""
        with self._news:
            self._news.wait_for(lambda: self._is_closed or not self.is_empty, timeout_s)
            return None if self._is_closed else self._next()

    def take_before(self, turn: Turn) -> QueuedRequest | None:
        """Return a request that comes before those of ``turn``, if one waits."""
        with self._news:
            return self._next() if self.has_before(turn) else None

    def _next(self) -> QueuedRequest | None:
        waiting = next((each for each in self._waiting.values() if each), None)
        return waiting.popleft() if waiting else None


class QuietHours:
    """When nobody asks for anything and the machine is quiet.

    Looks after a time that doubles, so that a machine that is never quiet is not bothered.
    ``cpu_percent`` says what was used since it was last called. While ``saves_power``, there are none: a
    measurement takes as much as a thousand keys do then, and one of a processor on battery is not the one to
    keep.
    """

    def __init__(self, cpu_percent: Callable[[], float], saves_power: Callable[[], bool]) -> None:
        self._cpu_percent = cpu_percent
        self._saves_power = saves_power
        self._is_counting = False
        self.look_in_s = LOOK_S

    def are_over(self) -> None:
        """Take note of a request."""
        self._is_counting = False

    def have_come(self) -> bool:
        """Tell whether the machine was quiet since the last call, and nobody has asked."""
        if self._saves_power():
            self._is_counting = False
            return False
        used = self._cpu_percent()
        was_counting, self._is_counting = self._is_counting, True
        if was_counting:
            self.look_in_s = min(self.look_in_s * 2, LONGEST_LOOK_S)
        return was_counting and used <= QUIET_PERCENT


class Worker:
    """The model and the queue before it."""

    def __init__(
        self,
        model: LlamaModel,
        batch_costs: BatchCosts | None = None,
        saves_power: Callable[[], bool] = lambda: False,
    ) -> None:
        stop_ids = model.info.stop_ids
        costs = batch_costs or model.calibration.batch_costs
        self._model = model
        self._tree = KvTree(
            model,
            cell_budget=model.kv_cells,
            sequences=SEQUENCES,
            parked_budget=model.parked_tokens,
            shelf=model.kept_prompts,
        )
        self._background_chunk_tokens = first_chunk_tokens(model.calibration.batch_costs)
        self._decoder = Decoder(
            model,
            self._tree,
            model.vocab.pieces,
            Drafter(stop_ids, costs, learns_costs=batch_costs is None),
            stop_ids,
            prefill_chunk_tokens=prefill_chunk_tokens(model.calibration.batch_costs),
        )
        self._saves_power = saves_power
        """Tells whether nothing may be done unasked."""
        self._line = RequestLine()
        self._lock = threading.Lock()
        self._serving: QueuedRequest | None = None
        self.last_used = time.monotonic()

    def tokenize(
        self, texts: Sequence[str], *, reads_markers: bool = False
    ) -> list[tuple[int, ...]]:
        """Return the token ids of each text; from any thread."""
        self.last_used = time.monotonic()
        if reads_markers:
            return [self._model.vocab.tokenize(text, reads_markers=True) for text in texts]
        return self._model.vocab.tokenize_all(texts)

    def submit(self, asked: QueuedRequest) -> None:
        """Queue a request; from any thread. Its answer comes from the thread in :meth:`run`."""
        with self._lock:
            self._line.join(asked)
            serving = self._serving
            if (
                serving is not None
                and serving.turn is not Turn.TYPING
                and (asked.turn is Turn.TYPING or serving.cancelled)
                and not self._needs_what_is_read(asked, serving)
            ):
                self._model.interrupt()

    def _needs_what_is_read(self, asked: QueuedRequest, serving: QueuedRequest) -> bool:
        """Tell whether the chunk that is being read for warming is one of the prompt that is asked for."""
        return (
            isinstance(serving.message, messages.Warm)
            and common_length(asked.message.token_ids, serving.message.token_ids)
            >= self._decoder.reads_until
        )

    def cancel(self, asked: QueuedRequest) -> None:
        """Give a request up, at once if it is being served; from any thread.

        Warming ends its chunk, which may be one of what is asked for next: whoever does not need it interrupts.
        """
        asked.cancelled = True
        with self._lock:
            if asked is self._serving and asked.turn is not Turn.WARMING:
                self._model.interrupt()

    def is_serving(self, asked: QueuedRequest) -> bool:
        """Tell whether it is ``asked`` that the model is at; from any thread."""
        with self._lock:
            return asked is self._serving

    def stop(self) -> None:
        """Make :meth:`run` return after the request it serves."""
        self._line.close()

    def keep_prompts(self) -> None:
        """Save the latest prompts for the next engine, after :meth:`run` has returned."""
        self._model.kept_prompts.keep(self._tree.prompts())

    def run(self) -> None:
        """Serve until :meth:`stop`; while nothing is asked, measure again what is not certain."""
        quiet = QuietHours(psutil.cpu_percent, self._saves_power)
        while not self._line.is_closed:
            is_certain = self._model.calibration.is_steady
            asked = self._line.take(None if is_certain else quiet.look_in_s)
            if asked is not None:
                quiet.are_over()
                self._serve(asked)
                self.last_used = time.monotonic()
            elif not self._line.is_closed and quiet.have_come():
                self._calibrate_again()

    def _calibrate_again(self) -> None:
        if not self._model.calibration.is_whole and (
            self._tree.park_all() or not self._model.parked_tokens
        ):
            self._calibrate_whole()
            return
        branch = self._tree.newest
        held = len(branch.tokens)
        if not held or self._tree.cells_used + PREFILL_TOKENS > self._model.kv_cells:
            return  # nobody has asked for anything, or there is no room
        if self._model.calibrate_again(branch.id, held, self._may_not_measure):
            self._use_calibration()

    def _calibrate_whole(self) -> None:
        """Measure all there is to choose in empty cells; then have the latest prompt ready again.

        In another kind of attention it must be read anew, which is done while nobody waits. Prompts that
        could not be parked are lost, once.
        """
        latest = next((p for p in self._tree.prompts()), None)
        if self._tree.cells_used:
            self._tree.clear()
        if not self._model.calibrate_whole(self._may_not_measure):
            return
        self._use_calibration()
        if latest is not None:
            tokens, document = tuple(latest.tokens), latest.document
            warm = messages.Warm(
                id=0, token_ids=tokens, anchor_tokens=len(tokens), document=document
            )
            # Served like any other, so that whoever needs something else breaks its chunk off.
            former = self._begin(QueuedRequest(warm, lambda _: None))
            with suppress(Cancelled):
                self._decoder.warm(tokens, self._is_wanted, self._background_chunk_tokens, document)
            self._begin(former)

    def _is_wanted(self) -> bool:
        """Tell whether somebody waits, or the engine is to end: then the next one waits for that."""
        return not self._line.is_empty or self._line.is_closed

    def _may_not_measure(self) -> bool:
        return self._is_wanted() or self._saves_power()

    def _use_calibration(self) -> None:
        costs = self._model.calibration.batch_costs
        self._decoder.read_in_chunks_of(prefill_chunk_tokens(costs))
        self._background_chunk_tokens = first_chunk_tokens(costs)

    def _serve(self, asked: QueuedRequest) -> None:
        former = self._begin(asked)
        try:
            asked.tell(self._answer(asked))
        except Cancelled:
            asked.tell(messages.GaveWay(id=asked.id))
        except Exception as error:
            log.exception("a request failed")
            asked.tell(messages.Refused(id=asked.id, error=f"{type(error).__name__}: {error}"))
        finally:
            self._begin(former)

    def _begin(self, asked: QueuedRequest | None) -> QueuedRequest | None:
        """Be at a request, or at none; return what was served before."""
        with self._lock:
            self._model.resume()
            former, self._serving = self._serving, asked
        return former

    def _answer(self, asked: QueuedRequest) -> messages.Answer:
        message = asked.message
        if isinstance(message, messages.Warm):

            def gives_way() -> bool:
                return asked.cancelled or self._line.has_before(Turn.WARMING)

            self._decoder.warm(
                message.token_ids,
                gives_way,
                self._background_chunk_tokens,
                message.document,
                message.anchor_tokens,
            )
            return messages.Warmed(id=message.id)

        completions = self._decoder.complete(
            _task_of(message),
            lambda: asked.cancelled,
            asked.telling.hear if message.tells else lambda _: None,
            self._make_way if asked.turn is Turn.LONG else None,
            self._background_chunk_tokens,
        )
        return messages.Completions(id=message.id, completions=tuple(completions))

    def _make_way(self) -> bool:
        """Serve requests with priority over a long answer; tell whether there were any."""
        has_served = False
        self._model.resume()  # whoever interrupts from now on is in the line
        while (asked := self._line.take_before(Turn.LONG)) is not None:
            self._serve(asked)
            has_served = True
        return has_served


def prefill_chunk_tokens(batch_costs: BatchCosts) -> int:
    """Return how many tokens of a prompt to decode between two looks at the cancel flag.

    The calibration's largest batch, which is a large one where that is read at a higher rate; as many of
    those as are read in :data:`PREFILL_CHUNK_MS`. Small ones leave a GPU half idle: 4 820 tokens/s in
    chunks of 64 and 6 020 in chunks of 128 were measured on an H100, where llama-bench has 7 520.
    """
    tokens, milliseconds = batch_costs[-1]
    at_once = max(1, int(PREFILL_CHUNK_MS / milliseconds))
    return min(at_once * tokens, BATCH_TOKENS)


def first_chunk_tokens(batch_costs: BatchCosts) -> int:
    """Return how many tokens to decode at a time in the background, to begin with.

    A key interrupts the chunk under way and its work is lost, so that it must be done between two
    keys.
    """
    short = [tokens for tokens, ms in batch_costs if ms <= BACKGROUND_CHUNK_MS]
    return max([LEAST_BACKGROUND_CHUNK_TOKENS, *short])


def _task_of(message: messages.Complete) -> DecodingTask:
    return DecodingTask(
        token_ids=message.token_ids,
        anchor_tokens=message.anchor_tokens,
        fragment=message.fragment.encode("utf-8", "replace"),
        stop=message.stop,
        sampling=message.sampling,
        candidates=message.candidates,
        document=message.document,
    )
