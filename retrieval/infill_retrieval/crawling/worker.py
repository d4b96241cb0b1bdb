"""Crawl in a process of its own, so that no keystroke waits for a parser.

Parsing holds Python's global lock for as long as the parser runs, and a crawl does little else.
The child writes what it finds to its standard output, frame by frame; a grammar that brings it
down costs one file, which the next child leaves out.

Frames are a head (lengths of the two parts that follow), a JSON list and bytes. The lists are
``["at", path]`` before a text is analysed, ``["segment", replaced]`` with the segment itself,
``["kept", replaced, path]`` with a byte for each file of it that says whether it lives, ``["end"]``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from infill_retrieval.crawling.crawl import Found, crawl_here
from infill_retrieval.indexing.segment import Segment
from infill_retrieval.indexing.store import load_segment
from infill_retrieval.processes.orphan import end_with_parent
from infill_retrieval.processes.own_python import python_command, stand_back, starting_options
from infill_retrieval.settings import RetrievalSettings

log = logging.getLogger(__name__)

HANG_LIMIT_S = 60.0
"""A child that has said nothing for so long, since it began with a file, is taken for crashed."""
MAX_CRASHES = 8
"""After so many crashes the rest of the folder is left alone: something else is wrong."""
NICENESS = 5
"""How far the child stands back behind the editor, the engine and everything else."""
_COMMAND = ("-m", "infill_retrieval.crawling.worker")
_HEAD = struct.Struct("<II")


def crawl_apart(
    folder: Path, settings: RetrievalSettings, stop: threading.Event | None = None
) -> Generator[Found, None, None]:
    """Yield what :func:`crawl_here` finds in ``folder``, found by a child process.

    Setting ``stop`` ends the child. Where no process can be started, the crawl runs here.
    """
    skip: set[str] = set()
    for _ in range(MAX_CRASHES):
        try:
            child = _start(folder, settings, skip)
        except OSError as error:
            log.info("crawling in this process: %s", error)
            yield from crawl_here(folder, settings, skip)
            return
        try:
            last = yield from _listen(child, stop)
        finally:
            child.kill()
            _close(child)
        if last is None or (stop is not None and stop.is_set()):
            return
        # Nothing is searched of the file at which the child ended. All others are found again.
        log.debug("the crawling process ended while it looked at a file, which is left out")
        skip.add(last)


def _start(folder: Path, settings: RetrievalSettings, skip: set[str]) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(  # noqa: S603  # ourselves
        python_command(*_COMMAND),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        **starting_options(),
    )
    options = asdict(settings)
    cache = settings.cache_folder
    options["cache_folder"] = str(cache.absolute()) if cache else None
    order = {
        "folder": str(folder.absolute()),
        "settings": options,
        "skip": sorted(skip),
        "parent": os.getpid(),
    }
    try:
        assert child.stdin is not None
        # It stays open: its end tells the child that we are gone.
        child.stdin.write(json.dumps(order).encode() + b"\n")
        child.stdin.flush()
    except OSError:
        child.kill()
        _close(child)
        raise
    return child


def _close(child: subprocess.Popen[bytes]) -> None:
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    child.wait()


def _listen(
    child: subprocess.Popen[bytes], stop: threading.Event | None
) -> Generator[Found, None, str | None]:
    """Yield what the child finds; return ``None`` if it came to its end, or where it was."""
    assert child.stdout is not None
    at = ""
    with _Watchdog(child) as watchdog:
        while stop is None or not stop.is_set():
            with watchdog.watching(at):
                frame = _read_frame(child.stdout)
            if frame is None:
                return at
            (kind, *rest), data = frame
            if kind == "end":
                return None
            at = rest[0] if kind == "at" else ""
            if at:
                continue
            try:
                yield _found(kind, rest, data)
            except (OSError, ValueError) as error:
                # Another server has tidied up the cache meanwhile.
                log.debug("a segment is gone: %s", type(error).__name__)
                return ""
    return None


class _Watchdog:
    """Ends a child that hangs: not every grammar looks at the time while it reads."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self._since = math.inf
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="crawl-watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @contextlib.contextmanager
    def watching(self, path: str) -> Iterator[None]:
        """Watch while the body waits for what the child says next, if it is at a file."""
        self._since = time.monotonic() if path else math.inf
        yield
        self._since = math.inf

    def _watch(self) -> None:
        while not self._done.wait(HANG_LIMIT_S / 8):
            if time.monotonic() - self._since > HANG_LIMIT_S:
                log.debug("the crawling process hangs")
                self._child.kill()
                return


def _found(kind: str, rest: list[Any], data: bytes) -> Found:
    replaced = tuple(rest[0])
    if kind == "segment":
        return Found(Segment.from_buffer(data), None, replaced)
    path = Path(rest[1])
    segment = load_segment(path)
    segment.remove(np.flatnonzero(np.frombuffer(data, np.uint8) == 0).tolist())
    return Found(segment, path, replaced)


def _read_frame(stream: IO[bytes]) -> tuple[list[Any], bytes] | None:
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    words_bytes, data_bytes = _HEAD.unpack(head)
    body = stream.read(words_bytes + data_bytes)
    if len(body) < words_bytes + data_bytes:
        return None
    return json.loads(body[:words_bytes]), body[words_bytes:]


def _write_frame(stream: IO[bytes], words: list[object], data: bytes = b"") -> None:
    encoded = json.dumps(words).encode()
    stream.write(_HEAD.pack(len(encoded), len(data)) + encoded + data)


def main() -> None:
    """Crawl as the line on standard input orders and write frames to standard output."""
    order = json.loads(sys.stdin.buffer.readline())
    end_with_parent(order["parent"], sys.stdin.fileno())
    options = order["settings"]
    for name in ("excluded", "sensitive_names", "shares"):
        options[name] = tuple(options[name])
    if options["cache_folder"] is not None:
        options["cache_folder"] = Path(options["cache_folder"])
    stand_back(NICENESS)
    out = sys.stdout.buffer

    def announce(path: str) -> None:
        _write_frame(out, ["at", path])
        out.flush()

    settings = RetrievalSettings(**options)
    try:
        for found in crawl_here(Path(order["folder"]), settings, set(order["skip"]), announce):
            segment, replaced = found.segment, list(found.replaced)
            if found.kept_at is None:
                _write_frame(out, ["segment", replaced], segment.to_bytes())
            else:
                living = segment.living.astype("u1").tobytes()
                _write_frame(out, ["kept", replaced, str(found.kept_at)], living)
            out.flush()
        _write_frame(out, ["end"])
        out.flush()
    except BrokenPipeError:
        # The server is gone. There is nobody to tell, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


if __name__ == "__main__":
    main()
