"""The engine process: owns the model, serves frames on stdin, answers on stdout.

Two threads. The reader takes frames: it tokenizes and cancels at once, even while the other
thread decodes, and queues the rest. The main thread decodes, one request at a time; a completion
overtakes and interrupts warming.
"""

from __future__ import annotations

import argparse
import logging
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from infill_ls.engine import wire
from infill_ls.engine.decoder import Cancelled, Decoder, Task
from infill_ls.engine.draft import Drafter
from infill_ls.engine.kv_tree import KvTree
from infill_ls.engine.llama import SEQUENCES, LlamaModel
from infill_ls.errors import ModelError
from infill_ls.types import Sampling, StopRule

log = logging.getLogger(__name__)


class Worker:
    """Serves one parent until its stream ends."""

    def __init__(self, model: LlamaModel, requests: BinaryIO, replies: BinaryIO) -> None:
        self._model = model
        stop_ids = model.info.fim.stops
        self._decoder = Decoder(
            model,
            KvTree(model, cell_budget=model.kv_cells, sequences=SEQUENCES),
            model.vocab.pieces,
            Drafter(stop_ids, model.calibration.batch_costs),
            stop_ids,
        )
        self._requests = requests
        self._replies = replies
        self._reply_lock = threading.Lock()
        self._queue: queue.SimpleQueue[wire.Message | None] = queue.SimpleQueue()
        # Shared by both threads. A set changes in one bytecode under the interpreter lock, so
        # no further lock is needed. Ids of requests that are queued or being served, those of
        # them that were cancelled, and the completions still in the queue.
        self._pending: set[int] = set()
        self._cancelled: set[int] = set()
        self._waiting_completions: set[int] = set()

    def run(self) -> None:
        """Serve until the parent closes the stream."""
        threading.Thread(target=self._read, name="engine-reader", daemon=True).start()
        while (request := self._queue.get()) is not None:
            self._serve(request)

    def _read(self) -> None:
        try:
            while (request := wire.read_frame(self._requests)) is not None:
                match request["op"]:
                    case "tokenize":
                        ids = [self._model.vocab.tokenize(text) for text in request["texts"]]
                        self._reply(request["id"], {"ids": ids})
                    case "cancel":
                        if request["target"] in self._pending:
                            self._cancelled.add(request["target"])
                    case operation:
                        self._pending.add(request["id"])
                        if operation == "complete":
                            self._waiting_completions.add(request["id"])
                        self._queue.put(request)
        except Exception:
            log.exception("the stream from the language server broke")
        finally:
            self._queue.put(None)

    def _serve(self, request: wire.Message) -> None:
        request_id = request["id"]
        is_warming = request["op"] == "warm"
        self._waiting_completions.discard(request_id)

        def is_cancelled() -> bool:
            return request_id in self._cancelled or (is_warming and bool(self._waiting_completions))

        try:
            if is_warming:
                self._decoder.prefill(request["token_ids"], is_cancelled)
                self._reply(request_id, {})
            else:
                completions = self._decoder.complete(_task_of(request), is_cancelled)
                data = [wire.completion_to_wire(completion) for completion in completions]
                self._reply(request_id, {"completions": data})
        except Cancelled:
            self._reply(request_id, {"cancelled": True})
        except Exception as error:
            log.exception("request %s failed", request_id)
            self._reply(request_id, {"error": f"{type(error).__name__}: {error}"})
        finally:
            self._pending.discard(request_id)
            self._cancelled.discard(request_id)

    def _reply(self, request_id: int, content: wire.Message) -> None:
        send(self._replies, {"id": request_id, **content}, self._reply_lock)


def _task_of(request: wire.Message) -> Task:
    return Task(
        token_ids=request["token_ids"],
        anchor_tokens=request["anchor_tokens"],
        fragment=request["fragment"].encode("utf-8", "replace"),
        stop=StopRule(**request["stop"]),
        sampling=Sampling(**request["sampling"]),
        candidates=request["candidates"],
    )


def send(stream: BinaryIO, message: wire.Message, lock: threading.Lock) -> None:
    """Write one frame; a parent that has gone is no error, the reader will see it too."""
    try:
        with lock:
            stream.write(wire.encode(message))
            stream.flush()
    except BrokenPipeError:
        log.debug("the language server has gone")


def main() -> None:
    """Load the model named on the command line and serve it."""
    parser = argparse.ArgumentParser(prog="infill-ls engine")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--gpu-layers", type=int, default=-1)
    parser.add_argument("--log-level", default="WARNING")
    arguments = parser.parse_args()
    logging.basicConfig(
        level=arguments.log_level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which closes us
    # Frames go out on a copy of stdout; whatever a library prints goes to stderr.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    lock = threading.Lock()
    steps_sent: set[int] = set()

    def report_loading(fraction: float) -> None:
        step = int(fraction * 10)
        if step not in steps_sent:
            steps_sent.add(step)
            send(replies, {"event": "loading", "fraction": fraction}, lock)

    try:
        model = LlamaModel(
            arguments.model,
            threads=arguments.threads,
            gpu_layers=arguments.gpu_layers,
            on_progress=report_loading,
        )
    except ModelError as error:
        send(replies, {"event": "failed", "message": str(error)}, lock)
        return
    send(replies, {"event": "ready", "info": wire.info_to_wire(model.info)}, lock)
    try:
        Worker(model, sys.stdin.buffer, replies).run()
    finally:
        model.close()


if __name__ == "__main__":
    main()
