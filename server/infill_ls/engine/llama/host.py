"""The engine process: accepts connections from language servers and serves them with one model.

It outlives the server that started it as long as another one is connected, and ends by itself
when the last has gone or nothing was asked for a while.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from infill_ls.engine import messages, wire
from infill_ls.engine.channel import listen_at, place_of
from infill_ls.engine.handshake import Handshake, is_proof, new_nonce, nonce_in
from infill_ls.engine.llama.model import LlamaModel
from infill_ls.engine.llama.vocabulary_worker import VocabularyModel, VocabularyWorker
from infill_ls.engine.llama.worker import BATCH_COSTS, QueuedRequest, Worker
from infill_ls.engine.peer import peer_of
from infill_ls.engine.rendezvous import (
    EXIT_ANOTHER_RUNS,
    EXIT_FAILURE_TOLD,
    EngineOptions,
    Rendezvous,
    rendezvous_for,
)
from infill_ls.errors import InfillError

log = logging.getLogger(__name__)

LINGER_S = 0.5
"""How long the engine waits for the next server when the last has gone."""
FIRST_CLIENT_S = 10.0
"""How long it waits for the server that started it."""
HELLO_LIMIT_S = 10.0
"""How long a peer may take to show that it knows the token."""
MOST_STRANGERS = 64
"""So many peers may be about to show it at once; more are turned away."""
SOCKET_LOOK_S = 1.0
"""How often the engine looks whether its socket is still there."""
HEARD_S = 0.1
"""Time for a client to read the last message before the connection ends."""


class Host:
    """Accepts connections, tells them how loading goes, passes their requests to the worker."""

    def __init__(self, meeting: Rendezvous, idle_s: float) -> None:
        self._meeting = meeting
        self._idle_s = idle_s
        self._token = meeting.read_token()
        self._lock = threading.Condition()
        """Notified when a connection comes or goes."""
        self._connections: set[_Connection] = set()
        self._savers: set[_Connection] = set()
        self._strangers = threading.BoundedSemaphore(MOST_STRANGERS)
        self._state: messages.State = messages.Loading(fraction=0.0)
        self._left_at = time.monotonic() + FIRST_CLIENT_S
        self._had_a_client = threading.Event()
        self.worker: Worker | VocabularyWorker | None = None
        self._lock_inode = meeting.lock.stat().st_ino
        self._closed = threading.Event()
        with suppress(FileNotFoundError):
            meeting.address.unlink()  # of an engine that was killed; we hold the lock
        self._listener = self._listen()
        threading.Thread(target=self._keep_socket, name="engine-socket", daemon=True).start()

    @property
    def saves_power(self) -> bool:
        """Whether any server wants nothing done that was not asked for; from any thread."""
        return bool(self._savers)

    def publish(self, state: messages.State) -> None:
        """Send ``state`` to every connection, and to each that comes later."""
        with self._lock:
            self._state = state
            connections = tuple(self._connections)
        for connection in connections:
            connection.send(state)

    def serve(self, worker: Worker | VocabularyWorker) -> None:
        """Serve until nobody needs the engine any more."""
        self.worker = worker
        threading.Thread(
            target=self._watch, args=(worker,), name="engine-watch", daemon=True
        ).start()
        worker.run()

    def close(self) -> None:
        """Take no more connections."""
        with self._lock:
            self._closed.set()
            with suppress(FileNotFoundError):
                self._meeting.address.unlink()
            self._listener.close()

    def wait_for_a_client(self) -> bool:
        """Return when somebody has heard the state, or nobody came; tell which."""
        was_heard = self._had_a_client.wait(FIRST_CLIENT_S)
        time.sleep(HEARD_S)
        return was_heard

    def shake_hands(self, stream: socket.socket, frames: BinaryIO) -> bool:
        """Tell whether who is at the other end knows the token, and show that we do."""
        body = wire.read_frame(frames, wire.MAX_HELLO_BYTES)
        if body is None:
            return False
        hello = wire.decode_hello(body)
        place = place_of(stream, is_ours=True)
        shake = Handshake(self._token, place, nonce_in(hello), new_nonce(), os.getpid())
        words = {"nonce": shake.engine_nonce, "pid": os.getpid(), "proof": shake.engine_proof()}
        stream.sendall(wire.encode(words))
        body = wire.read_frame(frames, wire.MAX_HELLO_BYTES)
        proof = wire.decode_hello(body).get("proof") if body is not None else None
        if not is_proof(proof, shake.server_proof()):
            log.warning("refused a connection that does not know the token")
            return False
        return True

    def join(self, connection: _Connection) -> bool:
        """Take a connection in, and tell whether that is done: not when the engine is just ending.

        Who hears nothing before the connection ends looks for another engine.
        """
        with self._lock:
            if self._closed.is_set():
                return False
            self._connections.add(connection)
            self._lock.notify_all()
            state = self._state
        connection.send(state)
        self._had_a_client.set()
        return True

    def leave(self, connection: _Connection) -> None:
        """Forget a connection."""
        with self._lock:
            self._connections.discard(connection)
            self._savers.discard(connection)
            self._left_at = time.monotonic() + LINGER_S
            self._lock.notify_all()

    def save_power(self, connection: _Connection, *, saves: bool) -> None:
        """Do nothing unasked as long as a connection wants that."""
        with self._lock:
            if saves:
                self._savers.add(connection)
            else:
                self._savers.discard(connection)

    def _listen(self) -> socket.socket:
        listener = listen_at(self._meeting)
        threading.Thread(
            target=self._accept, args=(listener,), name="engine-accept", daemon=True
        ).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                stream, _ = listener.accept()
                try:
                    is_ours = peer_of(stream).is_ours
                except OSError:
                    is_ours = False
                if is_ours and self._strangers.acquire(blocking=False):
                    _Connection(self, stream, self._strangers.release).start()
                else:
                    stream.close()

    def _keep_socket(self) -> None:
        """Make the socket again when somebody has deleted it: we still hold the lock."""
        while not self._closed.wait(SOCKET_LOOK_S):
            if self._meeting.address.exists():
                continue
            with self._lock, suppress(OSError):
                # With another lock in its place, the folder is another engine's now.
                same_place = self._meeting.lock.stat().st_ino == self._lock_inode
                if same_place and not self._closed.is_set():
                    former, self._listener = self._listener, self._listen()
                    log.warning("the socket was deleted and has been made again")
                    with suppress(OSError):
                        former.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
                    former.close()

    def _watch(self, worker: Worker | VocabularyWorker) -> None:
        """End the engine when the last server has left, or when it has been idle for long."""
        with self._lock:
            while True:
                ends_at = worker.last_used + self._idle_s
                if not self._connections:
                    ends_at = min(ends_at, self._left_at)
                wait_s = ends_at - time.monotonic()
                if wait_s <= 0:
                    break
                self._lock.wait(wait_s)
            is_idle = bool(self._connections)
            self._closed.set()  # with the lock that decided: nobody may join any more
        if is_idle:
            self.publish(messages.Unloaded())
        self.close()
        worker.stop()


class _Connection(threading.Thread):
    """One language server. Reads its frames in a thread of its own."""

    def __init__(self, host: Host, stream: socket.socket, on_known: Callable[[], None]) -> None:
        super().__init__(name="engine-connection", daemon=True)
        self._host = host
        self._stream = stream
        self._on_known = on_known
        """Called when it is known whose the connection is."""
        self._lock = threading.Lock()
        self._asked: dict[int, QueuedRequest] = {}

    def send(self, message: messages.FromEngine) -> None:
        """Send a frame; a server that has gone is no error, its reader will see it too."""
        with self._lock, suppress(OSError):
            self._stream.sendall(wire.encode(message))

    def run(self) -> None:
        """Serve the connection until it ends."""
        joined = False
        try:
            with self._stream.makefile("rb") as frames:
                try:
                    with self._limited():
                        is_known = self._host.shake_hands(self._stream, frames)
                finally:
                    self._on_known()
                joined = is_known and self._host.join(self)
                while joined and (body := wire.read_frame(frames)) is not None:
                    self._take(wire.decode_to_engine(body))
        except Exception as error:  # noqa: BLE001 - whatever a peer says, it ends its connection only
            log.warning("a connection broke: %s: %s", type(error).__name__, error)
        finally:
            for asked in tuple(self._asked.values()):
                self._cancel(asked)
            if joined:
                self._host.leave(self)
            self._stream.close()

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """End the connection if the body takes too long, however steadily it gets bytes."""

        def end() -> None:
            with suppress(OSError):
                self._stream.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(HELLO_LIMIT_S, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cancel(self, asked: QueuedRequest) -> None:
        if self._host.worker is not None:
            self._host.worker.cancel(asked)

    def _take(self, message: messages.ToEngine) -> None:
        worker = self._host.worker
        if isinstance(message, messages.Cancel):
            if (asked := self._asked.get(message.target)) is not None:
                self._cancel(asked)
        elif isinstance(message, messages.Look):
            if (asked := self._asked.get(message.target)) is not None:
                asked.telling.look()
        elif isinstance(message, messages.SavePower):
            self._host.save_power(self, saves=message.saves)
        elif worker is None:
            self.send(messages.Refused(id=message.id, error="the model is not loaded yet"))
        elif isinstance(message, messages.Ping):
            target = self._asked.get(message.target)
            is_served = target is not None and worker.is_serving(target)
            self.send(messages.Served(id=message.id, is_served=is_served))
        elif isinstance(message, messages.Tokenize):
            ids = tuple(worker.tokenize(message.texts, reads_markers=message.reads_markers))
            self.send(messages.Tokens(id=message.id, ids=ids))
        else:
            self._asked[message.id] = asked = QueuedRequest(message, self._tell)
            worker.submit(asked)

    def _tell(self, message: messages.Answer | messages.SoFar) -> None:
        if not isinstance(message, messages.SoFar):
            self._asked.pop(message.id, None)
        self.send(message)


def main() -> int:
    """Load the model that the command line's options name and serve it."""
    parser = argparse.ArgumentParser(prog="infill-ls engine")
    parser.add_argument("--options", type=EngineOptions.from_json, required=True)
    parser.add_argument("--log-level", default="WARNING")
    arguments = parser.parse_args()
    logging.basicConfig(
        level=arguments.log_level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    options: EngineOptions = arguments.options
    meeting = rendezvous_for(options)
    lock = meeting.try_lock()  # held as long as we refer to it
    if lock is None:
        return EXIT_ANOTHER_RUNS
    host = Host(meeting, options.idle_minutes * 60)
    steps_sent: set[int] = set()

    def report_loading(fraction: float) -> None:
        step = int(fraction * 10)
        if step not in steps_sent:
            steps_sent.add(step)
            host.publish(messages.Loading(fraction=fraction))

    model: LlamaModel | VocabularyModel
    worker: Worker | VocabularyWorker
    try:
        if options.vocabulary_only:
            model = VocabularyModel(options.model_path)
            worker = VocabularyWorker(model)
        else:
            model = LlamaModel(options, on_progress=report_loading)
            worker = Worker(model, BATCH_COSTS[options.draft], lambda: host.saves_power)
    except InfillError as error:
        host.publish(messages.Failed(message=str(error)))
        was_heard = host.wait_for_a_client()
        host.close()
        return EXIT_FAILURE_TOLD if was_heard else 1
    host.worker = worker
    host.publish(messages.Ready(info=model.info, pid=os.getpid()))
    try:
        host.serve(worker)
        worker.keep_prompts()
    finally:
        host.close()
        model.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
