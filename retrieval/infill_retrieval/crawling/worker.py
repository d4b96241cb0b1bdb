"""The crawling process, so that no keystroke waits for a parser.

Parsing holds Python's global lock for as long as the parser runs, and a crawl does little else.
The child writes what it finds to its standard output, frame by frame; a grammar that brings it
down costs one file, which the next child leaves out.

Frames are a head (lengths of the two parts that follow), a JSON list and bytes. The lists are
``["read", path]`` before a file is read and ``["at", path]`` before its text is analysed, ``["walking"]`` now and then while the folder is walked,
``["segment", replaced]`` with the segment itself, ``["kept", replaced, path]`` with a byte for each
file of it that says whether it lives, ``["sources", list]`` if it is only to look, and
``["end", is_whole]``, which is no whole walk if it was left where it stood still.
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
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, astuple
from pathlib import Path
from typing import IO, Any

import numpy as np

from infill_retrieval.crawling.crawl import CrawlStep, crawl_here
from infill_retrieval.crawling.walk import Walk, walk
from infill_retrieval.files.sources import Source
from infill_retrieval.indexing.segment import Segment
from infill_retrieval.indexing.store import load_segment
from infill_retrieval.processes.orphan import end_with_parent
from infill_retrieval.processes.own_python import python_command, stand_back, starting_options
from infill_retrieval.settings import RetrievalSettings

log = logging.getLogger(__name__)

HANG_LIMIT_S = 60.0
"""A child that has said nothing for so long is ended; if it was at a file, that is left out."""
MAX_CRASHES = 8
"""After so many crashes the rest of the folder is left alone: something else is wrong."""
NICENESS = 5
"""How far the child stands back behind the editor, the engine and everything else."""
LOOK_EVERY_S = 0.2
"""How often it is looked whether the child hangs, or is not wanted any more."""
LAST_WAIT_S = 5.0
"""How long a child that was killed is waited for: one in a system call that hangs ends with that."""
_now = time.monotonic
_SOURCES_AT_ONCE = 1000
_COMMAND = ("-m", "infill_retrieval.crawling.worker")
_HEAD = struct.Struct("<II")


def crawl_apart(
    folder: Path, settings: RetrievalSettings, stop: threading.Event | None = None
) -> Generator[CrawlStep, None, bool]:
    """Yield what :func:`crawl_here` finds in ``folder``, found by a child process.

    Setting ``stop`` ends the child. Where no process can be started, the crawl runs here. Returns
    whether all was seen: what was not is neither found nor gone.
    """
    skip: set[str] = set()
    unread: set[str] = set()
    for _ in range(MAX_CRASHES):
        try:
            child = _start(folder, settings, skip, unread)
        except OSError as error:
            log.info("crawling in this process: %s", error)
            return (yield from crawl_here(folder, settings, skip, unread))
        with _ended(child):
            listener = _Listener(child, stop)
            yield from listener.steps()
        if listener.has_ended or (stop is not None and stop.is_set()):
            return listener.is_whole
        if listener.was_killed and not listener.at:
            return False  # It would hang again, and not at a file that could be left out.
        # Nothing is searched of the file at which the child ended. All others are found again.
        log.debug("the crawling process ended while it read a file; the file is left out")
        (unread if listener.was_reading else skip).add(listener.at)
    return False


def look_apart(
    folder: Path, settings: RetrievalSettings, stop: threading.Event | None = None
) -> Walk | None:
    """Return the files of ``folder`` as they are now, looked up by a child that reads none of them.

    ``None`` if that failed, or ``stop`` was set.
    """
    try:
        child = _start(folder, settings, set(), set(), only_looks=True)
    except OSError as error:
        log.info("cannot check for changes: %s", error)
        return None
    with _ended(child):
        listener = _Listener(child, stop)
        for _ in listener.steps():
            pass
    return Walk(listener.sources, listener.is_whole) if listener.has_ended else None


def _start(
    folder: Path,
    settings: RetrievalSettings,
    skip: set[str],
    unread: set[str],
    *,
    only_looks: bool = False,
) -> subprocess.Popen[bytes]:
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
        "unread": sorted(unread),
        "parent": os.getpid(),
        "only_looks": only_looks,
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
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(LAST_WAIT_S)


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        child.kill()
        _close(child)


class _Listener:
    """Takes what one child says, and ends one that says nothing: it may hang in a system call."""

    def __init__(self, child: subprocess.Popen[bytes], stop: threading.Event | None) -> None:
        self._child = child
        self._stop = stop
        self._heard_at = math.inf
        self._done = threading.Event()
        self.at = ""
        """The file that it is at."""
        self.was_reading = False
        self.has_ended = False
        """Whether it came to its end."""
        self.is_whole = False
        self.was_killed = False
        self.sources: list[Source] = []

    def steps(self) -> Generator[CrawlStep, None, None]:
        """Yield what the child finds until it ends, or is ended."""
        watchdog = threading.Thread(target=self._watch, name="crawl-watchdog", daemon=True)
        watchdog.start()
        try:
            yield from self._listen()
        finally:
            self._done.set()
            watchdog.join()

    def _listen(self) -> Generator[CrawlStep, None, None]:
        assert self._child.stdout is not None
        while self._stop is None or not self._stop.is_set():
            self._heard_at = _now()
            frame = _read_frame(self._child.stdout)
            self._heard_at = math.inf
            if frame is None:
                return
            (kind, *rest), data = frame
            self.at = rest[0] if kind in ("read", "at") else ""
            self.was_reading = kind == "read"
            if kind == "end":
                self.has_ended, self.is_whole = True, rest[0]
                return
            if kind == "sources":
                self.sources += [Source(*fields) for fields in rest[0]]
            elif kind in ("segment", "kept"):
                try:
                    yield _found(kind, rest, data)
                except (OSError, ValueError) as error:
                    # Another server has tidied up the cache meanwhile.
                    log.debug("a segment is missing: %s", type(error).__name__)
                    return

    def _watch(self) -> None:
        while not self._done.wait(LOOK_EVERY_S):
            is_unwanted = self._stop is not None and self._stop.is_set()
            if is_unwanted or _now() - self._heard_at > HANG_LIMIT_S:
                log.debug("stopping the crawling process")
                self.was_killed = True
                self._child.kill()
                return


def _found(kind: str, rest: list[Any], data: bytes) -> CrawlStep:
    replaced = tuple(rest[0])
    if kind == "segment":
        return CrawlStep(Segment.from_buffer(data), None, replaced)
    path = Path(rest[1])
    segment = load_segment(path)
    segment.remove(np.flatnonzero(np.frombuffer(data, np.uint8) == 0).tolist())
    return CrawlStep(segment, path, replaced)


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
    for name in ("excluded", "sensitive_names"):
        options[name] = tuple(options[name])
    if options["cache_folder"] is not None:
        options["cache_folder"] = Path(options["cache_folder"])
    stand_back(NICENESS)
    out = sys.stdout.buffer

    def say(*words: object, data: bytes = b"") -> None:
        _write_frame(out, list(words), data)
        out.flush()

    settings = RetrievalSettings(**options)
    folder = Path(order["folder"])
    try:
        if order["only_looks"]:
            walked = walk(folder, settings, lambda: say("walking"))
            for first in range(0, len(walked.sources), _SOURCES_AT_ONCE):
                some = walked.sources[first : first + _SOURCES_AT_ONCE]
                say("sources", [astuple(source) for source in some])
            say("end", walked.is_whole)
        else:
            say("end", _crawl(folder, settings, order, say))
    except BrokenPipeError:
        # The server is gone. There is nobody to tell, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    # Not by the interpreter's own end: that would wait for a walk that stands still.
    os._exit(0)


def _crawl(
    folder: Path, settings: RetrievalSettings, order: dict[str, Any], say: Callable[..., None]
) -> bool:
    crawl = crawl_here(
        folder,
        settings,
        skip=set(order["skip"]),
        unread=set(order["unread"]),
        on_read=lambda path: say("read", path),
        on_analysis=lambda path: say("at", path),
        on_beat=lambda: say("walking"),
    )
    while True:
        try:
            found = next(crawl)
        except StopIteration as end:
            return bool(end.value)
        segment, replaced = found.segment, list(found.replaced)
        if found.kept_at is None:
            say("segment", replaced, data=segment.to_bytes())
        else:
            living = segment.living.astype("u1").tobytes()
            say("kept", replaced, str(found.kept_at), data=living)


if __name__ == "__main__":
    main()
