"""Stand-in for ``infill-ls`` in an editor that has the fork server (``forkserver.py``) start it.

usage: python -S -E start.py SOCKET ARGUMENT...

It imports as little as possible, as it is started for each test.
"""

import _socket
import array
import json
import os
import signal
import sys


def main() -> int:
    """Hand everything over, and wait for the exit status."""
    path, *arguments = sys.argv[1:]
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    connection.connect(path)
    order = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109
    body = json.dumps(order).encode()
    files = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", (0, 1, 2)))]
    data = b"%8d" % len(body) + body
    sent = connection.sendmsg([data], files)
    connection.sendall(data[sent:])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _: connection.sendall(bytes([received])))
    for file in (0, 1, 2):  # else the editor's end would stay open when the server closes its own
        os.close(file)
    lines = b""
    while lines.count(b"\n") < 2:
        data = connection.recv(64)
        if not data:
            return 1
        lines += data
    code = int(lines.split()[1])
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    # Standard output is closed: nothing is flushed any more.
    os._exit(main())
