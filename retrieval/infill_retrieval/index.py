"""The searchable state of a workspace. Every public method may be called from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from rank_bm25 import BM25Okapi

from infill_retrieval.chunk import Chunk, split_windows
from infill_retrieval.crawl import find_sources, read_source
from infill_retrieval.pack import pack
from infill_retrieval.types import Channel, CountTokens, Query, Retrieval, Snippet
from infill_retrieval.words import search_terms

QUERY_PREFIX_LINES = 10
QUERY_SUFFIX_LINES = 5
CANDIDATES = 24


class WorkspaceIndex:
    """Files of the workspace folders and of open buffers, cut into chunks and ranked by BM25."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._lock = threading.Lock()
        self._folders = [Path(folder).resolve() for folder in folders]
        self._chunks: dict[Path, list[Chunk]] = {}
        self._open: set[Path] = set()
        self._ranking: tuple[BM25Okapi, list[tuple[Path, Chunk]]] | None = None

    @property
    def file_count(self) -> int:
        """Number of files that are searched."""
        return len(self._chunks)

    def crawl(
        self,
        on_progress: Callable[[int], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> None:
        """Read all folders; blocks, so call it from a thread. Open buffers win over the disk.

        ``on_progress`` gets the number of files read so far.
        """
        done = 0
        for folder in self._folders:
            for path in find_sources(folder):
                if stop is not None and stop.is_set():
                    return
                self._put_from_disk(path)
                done += 1
                on_progress(done)

    def open_buffer(self, path: Path, text: str, language_id: str = "") -> None:  # noqa: ARG002
        """Search the text of an editor's buffer in place of the file on disk."""
        with self._lock:
            self._open.add(path)
            self._put(path, text)

    def close_buffer(self, path: Path) -> None:
        """Go back to the file on disk."""
        with self._lock:
            self._open.discard(path)
        self._put_from_disk(path)

    def files_changed(self, paths: Iterable[Path]) -> None:
        """Read again what changed on disk; files that are gone are forgotten."""
        for path in paths:
            self._put_from_disk(path)

    def set_folders(self, folders: Sequence[Path]) -> None:
        """Replace the workspace folders; call :meth:`crawl` afterwards to read new ones."""
        with self._lock:
            self._folders = [Path(folder).resolve() for folder in folders]
            gone = [p for p in self._chunks if self._name(p) is None and p not in self._open]
            for path in gone:
                del self._chunks[path]
            self._ranking = None

    def retrieve(self, query: Query, budget_tokens: int, count_tokens: CountTokens) -> Retrieval:
        """Return the snippets for ``query`` that fit into ``budget_tokens``, best last.

        ``count_tokens`` may block; it is called once, with no lock held.
        """
        started = time.perf_counter()
        candidates = self._rank(query)
        ranked = time.perf_counter()
        retrieval = pack(candidates, budget_tokens, count_tokens)
        packed = time.perf_counter()
        steps = {"rank": (ranked - started) * 1000, "pack": (packed - ranked) * 1000}
        return Retrieval(retrieval.snippets, retrieval.tokens, retrieval.considered, steps)

    def _rank(self, query: Query) -> list[Snippet]:
        terms = search_terms("\n".join(_query_lines(query)))
        with self._lock:
            if self._ranking is None:
                pairs = [(p, chunk) for p, chunks in self._chunks.items() for chunk in chunks]
                words = [search_terms(chunk.text) for _, chunk in pairs]
                self._ranking = (BM25Okapi(words), pairs) if any(words) else None
            if self._ranking is None or not terms:
                return []
            bm25, pairs = self._ranking
        scores = np.asarray(bm25.get_scores(terms))
        wanted = set(terms)
        candidates = []
        for position in np.argsort(-scores, kind="stable"):
            path, chunk = pairs[position]
            # rank_bm25 gives zero or less to matches in a tiny corpus: ask for a shared word.
            if path == Path(query.path) or wanted.isdisjoint(bm25.doc_freqs[position]):
                continue
            score = float(scores[position])
            candidates.append(
                Snippet(chunk.path, chunk.text, chunk.first_line, Channel.USAGE, score, 0)
            )
            if len(candidates) == CANDIDATES:
                break
        return candidates

    def _put_from_disk(self, path: Path) -> None:
        text = read_source(path)
        with self._lock:
            if path in self._open:
                return
            if text is None:
                self._chunks.pop(path, None)
                self._ranking = None
            else:
                self._put(path, text)

    def _put(self, path: Path, text: str) -> None:
        name = self._name(path) or path.name
        self._chunks[path] = split_windows(name, text)
        self._ranking = None

    def _name(self, path: Path) -> str | None:
        for folder in self._folders:
            if path.is_relative_to(folder):
                return path.relative_to(folder).as_posix()
        return None


def _query_lines(query: Query) -> list[str]:
    before = [line for line in query.prefix.split("\n") if line.strip()][-QUERY_PREFIX_LINES:]
    after = [line for line in query.suffix.split("\n") if line.strip()][:QUERY_SUFFIX_LINES]
    return before + after
