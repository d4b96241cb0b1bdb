"""Fork server: starts language servers and commands as forks of a process that has imported everything.

usage: python -P forkserver.py SOCKET

Most of what a test of an editor costs is the second of imports before the server answers, the tenth of a second in
which it makes what reads its messages, and the half second of the process that reads the workspace, which such a
server has started in the same way, as a command (``infill-ls complete``) has its server. A client (``start.py``,
``process.py``) connects to SOCKET, sends its arguments, folder and environment with its standard input, output and
error, and gets a line with the server's process id, and one with its exit status in the end. What else it sends are
numbers of signals for the server, which is killed when the client is gone.

Some names are looked up where tests/fixtures/no_posix does not hide them.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import posix
import selectors
import signal
import socket
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

HEAD_BYTES = 8
"""The length of a message, in decimal."""
SIGNALS = (signal.Signals.SIGTERM, signal.Signals.SIGINT, signal.Signals.SIGHUP)
MODULES = (
    "infill_ls.cli.serve",
    "infill_ls.cli.show",
    "infill_ls.engine.fallback",
    "infill_ls.engine.scripted",
    "infill_ls.lsp.client",
    "infill_ls.lsp.handlers",
    "infill_retrieval.crawling.worker",
    "pygls.progress",
)
COMMON_MESSAGES = (
    "initialize",
    "textDocument/didOpen",
    "textDocument/didChange",
    "textDocument/inlineCompletion",
    "textDocument/completion",
)
CRAWL = "--crawl"
"""In place of the server's arguments: what is wanted is the process that reads a workspace."""


@dataclass
class Request:
    """What a client has sent so far, and the server that was started for it."""

    connection: socket.socket
    data: bytes = b""
    files: list[int] = field(default_factory=list)
    server: int | None = None
    pidfd: int | None = None


def main() -> int:
    """Fork a server for each request, until it is told to end; return a server's exit status in a fork."""
    _import_the_server()
    _learn_the_messages()
    gc.collect()
    gc.freeze()  # what is shared by all stays so
    listener = socket.socket(socket.AddressFamily.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(f"{sys.argv[1]}.new")
    listener.listen(64)
    os.rename(f"{sys.argv[1]}.new", sys.argv[1])  # whoever sees it may connect  # noqa: PTH104
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            request: Request | None = key.data
            if request is None:
                connection, _ = listener.accept()
                selector.register(connection, selectors.EVENT_READ, Request(connection))
            elif key.fd not in selector.get_map():
                continue  # what came with it has ended the request
            elif key.fileobj == request.pidfd:
                _finish(request, selector)
            elif not _read(request):
                _abandon(request, selector)
            elif request.server is None and (order := _order(request)) is not None:
                request.server = posix.fork()
                if request.server == 0:
                    _close_all(selector)
                    return _serve(request, order)
                _watch(request, selector)


def _import_the_server() -> None:
    for name in MODULES:
        importlib.import_module(name)
    vars(sys.modules["infill_ls.cli"])["_parser"]()  # imports the commands


def _learn_the_messages() -> None:
    """Have all servers share what reads and writes messages, which is made at first need otherwise."""
    from lsprotocol import types as lsp

    from infill_ls.lsp import pygls_fixes

    converter = pygls_fixes.plain_converter()
    for method in COMMON_MESSAGES:
        request, response, params, _ = lsp.METHOD_TO_TYPES[method]
        for received in filter(None, (request, params)):
            converter.get_structure_hook(received)
        if response is not None:
            converter.get_unstructure_hook(response)
    converter.unstructure(lsp.InitializeResult(lsp.ServerCapabilities()))
    vars(pygls_fixes)["plain_converter"] = lambda: converter


def _read(request: Request) -> bool:
    """Take in what has come; false at the end."""
    try:
        data, files, _, _ = socket.recv_fds(request.connection, 65_536, 3)
    except ConnectionResetError:
        return False
    request.files += files
    if request.server is None:
        request.data += data
    else:
        for number in data:
            os.kill(request.server, number)
    return bool(data)


def _order(request: Request) -> dict[str, object] | None:
    """Return what is to be started, as soon as all of it has been read."""
    if len(request.data) < HEAD_BYTES:
        return None
    body = request.data[HEAD_BYTES:]
    return json.loads(body) if len(body) == int(request.data[:HEAD_BYTES]) else None


def _close_all(selector: selectors.BaseSelector) -> None:
    """Leave what is not the forked server's."""
    for key in list(selector.get_map().values()):
        os.close(key.fileobj) if isinstance(key.fileobj, int) else key.fileobj.close()  # type: ignore[attr-defined]
    selector.close()


def _watch(request: Request, selector: selectors.BaseSelector) -> None:
    """Tell the client which process its server is, and wait for its end."""
    assert request.server is not None
    for file in request.files:
        os.close(file)
    request.pidfd = os.pidfd_open(request.server)
    selector.register(request.pidfd, selectors.EVENT_READ, request)
    with contextlib.suppress(OSError):
        request.connection.sendall(b"%d\n" % request.server)


def _finish(request: Request, selector: selectors.BaseSelector) -> None:
    """Tell the client how its server has ended."""
    assert request.server is not None
    assert request.pidfd is not None
    _, status = os.waitpid(request.server, 0)
    selector.unregister(request.pidfd)
    os.close(request.pidfd)
    with contextlib.suppress(KeyError, ValueError, OSError):  # unless it has gone before
        selector.unregister(request.connection)
        request.connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    request.connection.close()


def _abandon(request: Request, selector: selectors.BaseSelector) -> None:
    """The client has gone, so its server goes too; its end is waited for as any other."""
    selector.unregister(request.connection)
    if request.server is None:
        request.connection.close()
    else:
        os.kill(request.server, signal.SIGKILL)


def _serve(request: Request, order: dict[str, object]) -> int:
    """Become the server, in the forked process."""
    from infill_ls.cli import main as command_line

    for number in SIGNALS:
        signal.signal(
            number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        )
    for target, file in enumerate(request.files):
        os.dup2(file, target)
        os.close(file)
    # Python has looked at what they were before.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(  # noqa: SIM115
        2, "w", buffering=1, errors="backslashreplace", closefd=False
    )
    os.environ.clear()
    environment, arguments = order["environment"], order["arguments"]
    assert isinstance(environment, dict)
    assert isinstance(arguments, list)
    os.environ.update(environment)
    os.chdir(str(order["folder"]))
    if arguments == [CRAWL]:
        return _crawl()
    _start_others_in_forks(sys.argv[1])
    sys.argv = ["infill-ls", *arguments]
    return command_line()


def _start_others_in_forks(server: str) -> None:
    """Have this server's workspaces read, and a command's server run, by processes that are forked too."""
    from infill_ls.lsp import client
    from infill_retrieval.crawling import worker

    start = (sys.executable, "-S", "-E", str(Path(__file__).with_name("start.py")), server)
    vars(worker)["python_command"] = lambda *_: [*start, CRAWL]
    # Without "-m infill_ls".
    vars(client)["python_command"] = lambda *arguments: [*start, *arguments[2:]]


def _crawl() -> int:
    """Read a workspace, in the forked process."""
    from infill_retrieval.crawling import worker
    from infill_retrieval.processes import orphan

    # It is not the child of the server that it works for, and ends with the pipe from there.
    def end_with_pipe(_: int, pipe: int) -> None:
        threading.Thread(target=orphan._wait_for_end, args=(pipe,), daemon=True).start()

    vars(worker)["end_with_parent"] = end_with_pipe
    worker.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
