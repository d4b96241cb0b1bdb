"""The searchable state of a workspace. Every public method may be called from any thread."""

from __future__ import annotations

import contextlib
import logging
import math
import re
import struct
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from infill_retrieval import channels
from infill_retrieval.analysis import (
    Analysis,
    Details,
    from_bytes,
    imports_of,
    unpack_details,
)
from infill_retrieval.bm25 import PostingsBM25, Segment, Vocabulary, merge_segments, renumber
from infill_retrieval.crawl import Found, analyse_safely, crawl_here
from infill_retrieval.modules import ModuleTable, family_of
from infill_retrieval.pack import Candidate, in_stable_order, pack
from infill_retrieval.query import SearchQuery, search_query
from infill_retrieval.related import Related, receiver_types, related_files
from infill_retrieval.secrets import is_sensitive_name, sensitivity
from infill_retrieval.settings import DEFAULT_SETTINGS, RetrievalSettings
from infill_retrieval.sources import Source, find_source, is_wanted, read_source
from infill_retrieval.syntax import Outline, language_of
from infill_retrieval.types import NO_SNIPPETS, Channel, CountTokens, Query, Retrieval, Snippet
from infill_retrieval.worker import crawl_apart

log = logging.getLogger(__name__)

BATCH_FILES = 64
"""Files of a crawl that become searchable together."""
MANY_FILES = 64
"""More changed files than this are found by a crawl, in its own process."""
DETAILS_KEPT = 256
"""Unpacked files that are kept; a query shows snippets of some dozens."""
REFRESH_LIMIT_MS = 8.0
"""After this time a query answers from what is indexed; what is not will be at the next one."""
RECENT_FILES = 8
"""Files edited last that count as recently edited."""


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    details: bytes
    size_bytes: int = -1
    """With ``mtime_ns``, the state of the disk that this is; -1 for a buffer."""
    mtime_ns: int = -1


@dataclass(frozen=True, slots=True)
class _Buffer:
    text: str
    language_id: str


class WorkspaceIndex:
    """Files of the workspace folders and of open buffers, found by import and by BM25.

    Telling the index about an edit is cheap; the text is looked at when a query for another file
    needs it, or when :meth:`settle` is called.
    """

    def __init__(
        self, folders: Sequence[Path], settings: RetrievalSettings = DEFAULT_SETTINGS
    ) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        """Guards everything below. Never held while a file is read or parsed."""
        self._crawling = threading.Lock()
        self._folders = [Path(folder).resolve() for folder in folders]
        self._files: dict[str, _File] = {}
        self._buffers: dict[str, _Buffer] = {}
        self._stale: dict[str, None] = {}
        """Files and buffers that have changed since they were indexed, the oldest first."""
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._vocabulary = Vocabulary()
        self._windows: PostingsBM25[str] = PostingsBM25(vocabulary=self._vocabulary)
        self._declarations: PostingsBM25[str] = PostingsBM25(vocabulary=self._vocabulary)
        self._modules = ModuleTable()
        self._unpacked: OrderedDict[str, tuple[bytes, Details]] = OrderedDict()
        self._outlines: OrderedDict[str, tuple[int, Outline]] = OrderedDict()
        self._last: tuple[str, tuple[Snippet, ...]] = ("", ())

    # -- the life of the index -------------------------------------------------------------

    @property
    def file_count(self) -> int:
        """Number of files that are searched."""
        return len(self._files)

    @property
    def chunk_count(self) -> int:
        """Number of windows and declarations that are searched."""
        return self._windows.corpus_size + self._declarations.corpus_size

    def crawl(
        self,
        on_progress: Callable[[int], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> None:
        """Read all folders; blocks, so call it from a thread. Open buffers win over the disk.

        ``on_progress`` gets the number of files read so far. Setting ``stop`` ends the crawl, and
        what it has found until then stays. A second crawl waits for the first.
        """
        with self._crawling:
            self._crawl(on_progress, stop)

    def _crawl(self, on_progress: Callable[[int], None], stop: threading.Event | None) -> None:
        settings = self._settings
        with self._lock:
            folders = list(self._folders)
            known = set(self._files)
        seen: set[str] = set()
        for folder in folders:
            if settings.crawl_in_process:
                found = crawl_apart(folder, settings, stop)
            else:
                found = crawl_here(folder, settings)
            with contextlib.closing(found):
                for batch in _batches(found):
                    if stop is not None and stop.is_set():
                        return
                    seen.update(one.source.path for one in batch)
                    self._put_many(batch)
                    on_progress(len(seen))
        if stop is not None and stop.is_set():
            return
        with self._lock:
            for path in known - seen - set(self._buffers):
                self._remove(path)
        self.settle(stop)

    def settle(self, stop: threading.Event | None = None) -> None:
        """Index pending edits and tidy up, so that the next query need not; may take a second."""
        self._refresh()
        self._merge(stop)

    def _merge(self, stop: threading.Event | None = None) -> None:
        for bm25 in (self._windows, self._declarations):
            while stop is None or not stop.is_set():
                with self._lock:
                    old = bm25.wanted_merge()
                if not old:
                    break
                # The slow part needs no lock: living blocks of a segment never change.
                merged = merge_segments(old)
                with self._lock:
                    if not bm25.replace(old, merged):
                        break

    def open_buffer(self, path: Path, text: str, language_id: str = "") -> None:
        """Search the text of an editor's buffer in place of the file on disk.

        Call it for every change as well: it only takes note.
        """
        key = str(path)
        with self._lock:
            edited = key in self._buffers
            self._buffers[key] = _Buffer(text, language_id)
            self._stale[key] = None
            if edited:
                self._recent[key] = None
                self._recent.move_to_end(key)
                if len(self._recent) > RECENT_FILES:
                    self._recent.popitem(last=False)

    def close_buffer(self, path: Path) -> None:
        """Go back to the file on disk."""
        with self._lock:
            self._buffers.pop(str(path), None)
            self._stale[str(path)] = None

    def note_changes(self, paths: Sequence[Path]) -> None:
        """Have the next query look at files again; does not block, and does not look into folders.

        More than a crawl would be better for are left to :meth:`files_changed`, which is to be
        called in any case.
        """
        if len(paths) <= MANY_FILES:
            with self._lock:
                self._stale.update(dict.fromkeys(map(str, paths)))

    def files_changed(self, paths: Iterable[Path]) -> None:
        """Read again what changed on disk; files that are gone are forgotten.

        A folder stands for all that is in it. Blocks while it reads: call it from a thread. Many
        files at once, as after a switch of branches, are left to a crawl.
        """
        paths = list(paths)
        if len(paths) > MANY_FILES:
            self.crawl()
            return
        for path in paths:
            key = str(path)
            with self._lock:
                inside = [known for known in self._files if known.startswith(f"{key}/")]
                self._stale.update(dict.fromkeys([*inside, key]))
        self.settle()

    def set_folders(self, folders: Sequence[Path]) -> None:
        """Replace the workspace folders; call :meth:`crawl` afterwards to read new ones."""
        with self._lock:
            self._folders = [Path(folder).resolve() for folder in folders]
            for path in list(self._files):
                if self._folder_of(path) is None and path not in self._buffers:
                    self._remove(path)

    def sensitivity(self, path: Path, text: str = "") -> str | None:
        """Return why nothing may be completed inside a file, or ``None`` if all is well."""
        return sensitivity(str(path), text, self._settings.sensitive_names)

    def close(self) -> None:
        """Let go of everything. The index is empty afterwards."""
        with self._lock:
            for path in list(self._files):
                self._remove(path)
            self._buffers.clear()
            self._stale.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- queries ---------------------------------------------------------------------------

    def retrieve(self, query: Query, budget_tokens: int, count_tokens: CountTokens) -> Retrieval:
        """Return the snippets for ``query`` that fit into ``budget_tokens``, best last.

        ``count_tokens`` may block; it is called with no lock held, once for lines and once or
        twice for whole snippets. Never raises for any text or path.
        """
        if budget_tokens <= 0 or is_sensitive_name(query.path, self._settings.sensitive_names):
            return NO_SNIPPETS
        steps: dict[str, float] = {}
        with _timed(steps, "refresh"):
            self._refresh(without=query.path, limit_ms=REFRESH_LIMIT_MS)
        with _timed(steps, "query"):
            search = search_query(query)
            outline = self._outline_of(query)
        with _timed(steps, "rank"), self._lock:
            candidates = self._candidates(query, search, outline, budget_tokens)
            last = self._last[1] if self._last[0] == query.path else ()
        with _timed(steps, "pack"):
            shares = dict(zip(Channel, self._settings.shares, strict=True))
            packed = pack(
                candidates, budget_tokens, _timing(count_tokens, steps), shares, search.visible
            )
            snippets = in_stable_order(packed.snippets, last)
        with self._lock:
            self._last = query.path, snippets
        steps["pack"] -= steps.get("tokenize", 0.0)
        tokens = sum(snippet.tokens for snippet in snippets)
        return Retrieval(snippets, tokens, packed.considered, steps, budget_tokens)

    def _candidates(
        self, query: Query, search: SearchQuery, outline: Outline, budget_tokens: int
    ) -> dict[Channel, list[Candidate]]:
        shelf = channels.Shelf(
            self._details_of, lambda key: self._files[key].name, self._boosts(query.path)
        )
        language = language_of(query.path, query.language_id)
        related = related_files(
            outline, query.path, language, self._modules, self._details_of, search
        )
        family = family_of(language)
        for name, path in receiver_types(
            search, lambda folded: self._modules.types_called(folded, query.path)
        ):
            if family_of(language_of(path)) == family:
                related.setdefault(path, Related()).receivers.add(name)
        if not search.terms and not related:
            return {}
        ranking = self._declarations.rank(search.terms)
        imported, seen = channels.imported(related, ranking, shelf, search.partial)
        return {
            Channel.IMPORTED: imported,
            Channel.DECLARATION: channels.declarations(ranking, shelf, seen | {query.path}),
            Channel.USAGE: channels.usages(
                self._windows.rank(search.terms), shelf, {query.path}, budget_tokens
            ),
        }

    def _boosts(self, path: str) -> Callable[[str], float]:
        settings = self._settings
        folder = path.rpartition("/")[0]

        def boost(key: str) -> float:
            factor = settings.open_boost if key in self._buffers else 1.0
            if key in self._recent:
                factor *= settings.recent_boost
            if key.rpartition("/")[0] == folder:
                factor *= settings.same_folder_boost
            return factor

        return boost

    def _outline_of(self, query: Query) -> Outline:
        """Return the imports of the file being edited, parsed again only if they may differ."""
        language = language_of(query.path, query.language_id)
        with self._lock:
            buffer = self._buffers.get(query.path)
        text = buffer.text if buffer is not None else query.prefix + query.suffix
        if len(text) > self._settings.max_file_bytes:
            text = text[: self._settings.max_file_bytes // 4]
        mark = hash((language.name, *_import_texts(text)))
        with self._lock:
            known = self._outlines.get(query.path)
        if known is not None and known[0] == mark:
            return known[1]
        outline = imports_of(language, text)
        with self._lock:
            self._outlines[query.path] = mark, outline
            if len(self._outlines) > RECENT_FILES:
                self._outlines.popitem(last=False)
        return outline

    def _details_of(self, key: str) -> Details | None:
        file = self._files.get(key)
        if file is None:
            return None
        known = self._unpacked.get(key)
        if known is not None and known[0] is file.details:
            self._unpacked.move_to_end(key)
            return known[1]
        details = unpack_details(file.details)
        self._unpacked[key] = file.details, details
        if len(self._unpacked) > DETAILS_KEPT:
            self._unpacked.popitem(last=False)
        return details

    # -- changes ---------------------------------------------------------------------------

    def _refresh(self, without: str = "", limit_ms: float = math.inf) -> None:
        """Index what changed, but not the file being edited: nothing of it is searched."""
        deadline = time.monotonic() + limit_ms / 1000
        with self._lock:
            paths = [path for path in self._stale if path != without]
        for path in paths:
            if time.monotonic() > deadline:
                break
            with self._lock:
                buffer = self._buffers.get(path)
            found = self._read(path, buffer)
            with self._lock:
                if self._buffers.get(path) is not buffer:
                    continue  # It changed again meanwhile and is still on the list.
                self._stale.pop(path, None)
                if found is None:
                    self._remove(path)
                else:
                    self._put(*found)

    def _read(self, path: str, buffer: _Buffer | None) -> tuple[Source, Analysis] | None:
        settings = self._settings
        folder = self._folder_of(path)
        source = None
        if buffer is None:
            source = find_source(Path(path), folder, settings) if folder is not None else None
            text = read_source(path, settings.max_file_bytes) if source is not None else None
            language = language_of(path)
        else:
            wanted = is_wanted(Path(path), folder, settings)
            small = len(buffer.text) <= settings.max_file_bytes
            text = buffer.text if wanted and small else None
            language = language_of(path, buffer.language_id)
        if text is None:
            return None
        if source is None:
            name = path.removeprefix(f"{folder}/") if folder is not None else Path(path).name
            source = Source(path, name, -1, -1)
        return source, analyse_safely(language, path, text)

    def _put_many(self, batch: Sequence[Found]) -> None:
        with self._lock:
            new = [found.source for found in batch if self._is_news(found.source)]
            room = self._settings.max_files - len(self._files)
            added = [source for source in new if source.path not in self._files]
            wanted = set(new) - set(added[max(room, 0) :])
        analyses: list[tuple[Source, Analysis]] = []
        windows = []
        declarations = []
        for found in batch:
            if found.source not in wanted or (analysis := _unpack(found.data)) is None:
                continue
            path = found.source.path
            with self._lock:
                terms = self._vocabulary.number(analysis.vocabulary)
            analyses.append((found.source, analysis))
            windows.append((path, renumber(analysis.windows, terms)))
            declarations.append((path, renumber(analysis.declarations, terms)))
            # Whoever waits for Python's lock gets it now and not in five milliseconds.
            time.sleep(0)
        # Inverting takes the time here, and numpy does it without holding up other threads.
        segments = Segment(windows), Segment(declarations)
        with self._lock:
            for source, analysis in analyses:
                self._keep(source, analysis)
            paths = [source.path for source, _ in analyses]
            self._windows.put_segment(segments[0], paths)
            self._declarations.put_segment(segments[1], paths)
            self._stale.update((path, None) for path in paths if path in self._buffers)
        self._merge()

    def _is_news(self, source: Source) -> bool:
        if source.path in self._buffers or self._folder_of(source.path) is None:
            return False
        file = self._files.get(source.path)
        now = source.size_bytes, source.mtime_ns
        return file is None or (file.size_bytes, file.mtime_ns) != now

    def _put(self, source: Source, analysis: Analysis) -> None:
        path = source.path
        if path not in self._files and len(self._files) >= self._settings.max_files:
            return
        numbers = self._vocabulary.number(analysis.vocabulary)
        self._keep(source, analysis)
        self._windows.put(path, analysis.windows, numbers)
        self._declarations.put(path, analysis.declarations, numbers)

    def _keep(self, source: Source, analysis: Analysis) -> None:
        self._files[source.path] = _File(
            source.name, analysis.details, source.size_bytes, source.mtime_ns
        )
        self._modules.add(source.path, analysis.package, analysis.types)

    def _remove(self, path: str) -> None:
        self._files.pop(path, None)
        self._modules.remove(path)
        self._windows.remove(path)
        self._declarations.remove(path)

    def _folder_of(self, path: str) -> Path | None:
        inside = [folder for folder in self._folders if Path(path).is_relative_to(folder)]
        return max(inside, key=lambda folder: len(folder.parts), default=None)


_IMPORT = re.compile(
    r"\b(?:import|from|include|require\w*|use|using|package|namespace|alias|mod|export|source|"
    r"library)\b[^\n({]*(?:[({][^)}]*)?"
)


def _import_texts(text: str) -> list[str]:
    """Return what may be imports in some language: while it is the same, so are the imports."""
    return _IMPORT.findall(text)


def _unpack(data: bytes) -> Analysis | None:
    try:
        return from_bytes(data)
    except (ValueError, struct.error, zlib.error) as error:
        log.debug("an analysis is damaged: %s", type(error).__name__)
        return None


def _batches(found: Iterable[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    for item in found:
        batch.append(item)
        if len(batch) == BATCH_FILES:
            yield batch
            batch = []
    if batch:
        yield batch


def _timing(count_tokens: CountTokens, steps_ms: dict[str, float]) -> CountTokens:
    """Return ``count_tokens`` with its time as a step of its own."""

    def count(texts: Sequence[str]) -> list[int]:
        with _timed(steps_ms, "tokenize"):
            return count_tokens(texts)

    return count


@contextmanager
def _timed(steps_ms: dict[str, float], step: str) -> Iterator[None]:
    """Add the time that the body takes to ``step``."""
    started = time.perf_counter()
    yield
    steps_ms[step] = steps_ms.get(step, 0.0) + (time.perf_counter() - started) * 1000
