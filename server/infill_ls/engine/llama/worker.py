"""Serves requests of all connections with one model, one completion at a time.

Connections put requests in from their own threads: tokenizing and cancelling happen there at once,
even while the main thread decodes. A completion overtakes and interrupts warming.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from infill_ls.engine import wire
from infill_ls.engine.decoding.decoder import Cancelled, Decoder
from infill_ls.engine.decoding.draft import Drafter
from infill_ls.engine.decoding.kv_tree import KvTree
from infill_ls.engine.decoding.run import Task
from infill_ls.engine.llama.calibration import PREFILL_TOKENS
from infill_ls.engine.llama.model import BATCH_TOKENS, SEQUENCES, LlamaModel
from infill_ls.types import Sampling, Written

log = logging.getLogger(__name__)

QUIET_PERCENT = 20.0
"""Of the processors' time is used by others on a machine that can be measured."""
LOOK_S = 15.0
LONGEST_LOOK_S = 3600.0

BatchCosts = tuple[tuple[int, float], ...]

PREFILL_CHUNK_MS = 40.0
BACKGROUND_CHUNK_MS = 60.0
LEAST_BACKGROUND_CHUNK_TOKENS = 8

BATCH_COSTS: dict[str, BatchCosts | None] = {
    "auto": None,  # as measured
    "always": ((1, 1.0), (16, 1.0)),
    "never": ((1, 1.0), (16, 1000.0)),
}
"""What a batch is taken to cost, by :attr:`EngineOptions.draft`."""


@dataclass(eq=False, slots=True)
class Request:
    """One request of a connection. ``cancelled`` is set by another thread than the one serving."""

    message: wire.Message
    reply: Callable[[wire.Message], None]
    tell: Callable[[wire.Message], None] = lambda _: None
    """Sends something before the reply."""
    cancelled: bool = False
    is_warming: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_warming = self.message["op"] == "warm"


class QuietHours:
    """When nobody asks for anything and the machine is quiet.

    Looks after a time that doubles, so that a machine that is never quiet is not bothered.
    ``cpu_percent`` says what was used since it was last called.
    """

    def __init__(self, cpu_percent: Callable[[], float]) -> None:
        self._cpu_percent = cpu_percent
        self._is_counting = False
        self.look_in_s = LOOK_S

    def are_over(self) -> None:
        """Take note of a request."""
        self._is_counting = False

    def have_come(self) -> bool:
        """Tell whether the machine was quiet since the last call, and nobody has asked."""
        used = self._cpu_percent()
        was_counting, self._is_counting = self._is_counting, True
        if was_counting:
            self.look_in_s = min(self.look_in_s * 2, LONGEST_LOOK_S)
        return was_counting and used <= QUIET_PERCENT


class Worker:
    """The model and the queue before it."""

    def __init__(self, model: LlamaModel, batch_costs: BatchCosts | None = None) -> None:
        stop_ids = model.info.fim.stops
        costs = batch_costs or model.calibration.batch_costs
        self._model = model
        self._tree = KvTree(
            model,
            cell_budget=model.kv_cells,
            sequences=SEQUENCES,
            parked_budget=model.parked_tokens,
        )
        self._background_chunk_tokens = background_chunk_tokens(model.calibration.batch_costs)
        self._decoder = Decoder(
            model,
            self._tree,
            model.vocab.pieces,
            Drafter(stop_ids, costs, learns_costs=batch_costs is None),
            stop_ids,
            prefill_chunk_tokens=prefill_chunk_tokens(model.calibration.batch_costs),
        )
        self._queue: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting_completions = 0
        self._serving: Request | None = None
        self.last_used = time.monotonic()

    def tokenize(self, texts: list[str]) -> list[tuple[int, ...]]:
        """Return the token ids of each text; from any thread."""
        self.last_used = time.monotonic()
        return self._model.vocab.tokenize_all(texts)

    def submit(self, request: Request) -> None:
        """Queue a request; from any thread. Its reply comes from the thread in :meth:`run`."""
        if not request.is_warming:
            with self._lock:
                self._waiting_completions += 1
                if self._serving is not None and self._serving.is_warming:
                    self._model.interrupt()
        self._queue.put(request)

    def cancel(self, request: Request) -> None:
        """Give a request up, at once if it is being served; from any thread."""
        request.cancelled = True
        with self._lock:
            if request is self._serving:
                self._model.interrupt()

    def is_serving(self, request: Request) -> bool:
        """Tell whether it is ``request`` that the model is at; from any thread."""
        with self._lock:
            return request is self._serving

    def stop(self) -> None:
        """Make :meth:`run` return after the request it serves."""
        self._queue.put(None)

    def run(self) -> None:
        """Serve until :meth:`stop`; while nothing is asked, measure again what is not certain."""
        quiet = QuietHours(psutil.cpu_percent)
        while True:
            is_certain = self._model.calibration.is_steady
            try:
                request = self._queue.get(timeout=None if is_certain else quiet.look_in_s)
            except queue.Empty:
                if quiet.have_come():
                    self._calibrate_again()
                continue
            if request is None:
                return
            quiet.are_over()
            self._serve(request)
            self.last_used = time.monotonic()

    def _calibrate_again(self) -> None:
        branch = self._tree.newest
        held = len(branch.tokens)
        if not held or self._tree.cells_used + PREFILL_TOKENS > self._model.kv_cells:
            return  # nobody has asked for anything, or there is no room
        if self._model.calibrate_again(branch.id, held, lambda: not self._queue.empty()):
            costs = self._model.calibration.batch_costs
            self._decoder.read_in_chunks_of(prefill_chunk_tokens(costs))
            self._background_chunk_tokens = background_chunk_tokens(costs)

    def _serve(self, request: Request) -> None:
        with self._lock:
            self._model.resume()
            self._serving = request
            if not request.is_warming:
                self._waiting_completions -= 1

        def is_cancelled() -> bool:
            return request.cancelled or (request.is_warming and self._waiting_completions > 0)

        try:
            if request.is_warming:
                self._decoder.warm(
                    request.message["token_ids"],
                    is_cancelled,
                    self._background_chunk_tokens,
                    request.message["document"],
                )
                request.reply({})
            else:

                def tell(written: Written) -> None:
                    request.tell({"written": wire.record_to_wire(written)})

                completions = self._decoder.complete(
                    _task_of(request.message),
                    is_cancelled,
                    tell if request.message["tells"] else lambda _: None,
                )
                data = [wire.completion_to_wire(completion) for completion in completions]
                request.reply({"completions": data})
        except Cancelled:
            request.reply({"cancelled": True})
        except Exception as error:
            log.exception("a request failed")
            request.reply({"error": f"{type(error).__name__}: {error}"})


def prefill_chunk_tokens(batch_costs: BatchCosts) -> int:
    """Return how many tokens of a prompt to decode between two looks at the cancel flag.

    The calibration's largest batch, where that takes its time; as many of those as are read in
    :data:`PREFILL_CHUNK_MS` on a GPU, which small batches leave half idle: 4 820 tokens/s in chunks
    of 64 and 6 020 in chunks of 128 were measured on an H100.
    """
    tokens, milliseconds = batch_costs[-1]
    at_once = max(1, int(PREFILL_CHUNK_MS / milliseconds))
    return min(at_once * tokens, BATCH_TOKENS)


def background_chunk_tokens(batch_costs: BatchCosts) -> int:
    """Return how many tokens to decode at a time in the background.

    A key interrupts the chunk under way and its work is lost, so that it must be done between two
    keys; larger ones cost less per token.
    """
    short = [tokens for tokens, ms in batch_costs if ms <= BACKGROUND_CHUNK_MS]
    return max([LEAST_BACKGROUND_CHUNK_TOKENS, *short])


def _task_of(message: wire.Message) -> Task:
    return Task(
        token_ids=message["token_ids"],
        anchor_tokens=message["anchor_tokens"],
        fragment=message["fragment"].encode("utf-8", "replace"),
        stop=wire.stop_rule_from_wire(message["stop"]),
        sampling=Sampling(**message["sampling"]),
        candidates=message["candidates"],
        document=message["document"],
    )
