"""The searchable state of a workspace. Every public method may be called from any thread."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from infill_retrieval.crawling.crawl import CrawlStep, analyse_safely, crawl_here
from infill_retrieval.crawling.walk import walk
from infill_retrieval.crawling.worker import crawl_apart, look_apart
from infill_retrieval.files.paths import inside, spelled
from infill_retrieval.files.sources import (
    Source,
    find_source,
    is_generated,
    is_wanted,
    read_exactly,
    read_source,
)
from infill_retrieval.indexing.analysis import Draft, digest_of
from infill_retrieval.indexing.corpus import Corpus
from infill_retrieval.indexing.words import terms_of_word
from infill_retrieval.searching.modules import ModuleTable
from infill_retrieval.searching.recent_edits import RecentEdits
from infill_retrieval.searching.search import Search, SearchedWorkspace, timed
from infill_retrieval.secrets.judgement import is_sensitive_name, sensitivity
from infill_retrieval.settings import DEFAULT_SETTINGS, RetrievalSettings
from infill_retrieval.syntax import language_of
from infill_retrieval.types import NO_SNIPPETS, CountTokens, Query, Retrieval

log = logging.getLogger(__name__)

MANY_FILES = 64
"""More changed files than this are found by a crawl, in its own process."""
REFRESH_LIMIT_MS = 8.0
"""After this time a query answers from what is indexed; what is not will be at the next one."""
_WINDOWS_ASKED = 256
"""Windows of files, the best first, among which are the files that have a word."""
_SLICE_FILES = 64
"""Files of a segment that are taken over without a pause for whoever waits."""


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
        self._buffers: dict[str, _Buffer] = {}
        self._stale: dict[str, None] = {}
        """Files and buffers that have changed since they were indexed, the oldest first."""
        self._recent = RecentEdits()
        self.not_seen_whole: tuple[Path, ...] = ()
        """Folders of which the last crawl has not seen all: it hung, or took too long."""
        self._odd: dict[str, Source] = {}
        """Files that are otherwise on disk than in the index, for good: what is no text, say."""
        self._corpus = Corpus()
        self._modules = ModuleTable()
        self._search = Search(
            SearchedWorkspace(
                self._lock,
                self._corpus,
                self._modules,
                self._buffer_text,
                self._boosts_for,
                self._edit_boost,
            ),
            settings,
        )

    # -- the life of the index -------------------------------------------------------------

    @property
    def file_count(self) -> int:
        """Number of files that are searched."""
        return len(self._corpus)

    @property
    def chunk_count(self) -> int:
        """Number of windows and declarations that are searched."""
        return self._corpus.windows.corpus_size + self._corpus.declarations.corpus_size

    @property
    def corpus(self) -> Corpus:
        """What is searched. For measurements: nothing guards it from other threads."""
        return self._corpus

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
            known = set(self._corpus)
        seen: set[str] = set()

        def take(found: Generator[CrawlStep, None, bool]) -> Generator[CrawlStep, None, None]:
            if not (yield from found):
                unseen.append(folder)

        unseen: list[Path] = []
        for folder in folders:
            if settings.crawl_in_process:
                found = crawl_apart(folder, settings, stop)
            else:
                found = crawl_here(folder, settings)
            with contextlib.closing(take(found)) as steps:
                for step in steps:
                    if stop is not None and stop.is_set():
                        return
                    living = np.flatnonzero(step.segment.living).tolist()
                    seen.update(step.segment.sources[number].path for number in living)
                    self._adopt(step)
                    on_progress(len(seen))
        if stop is not None and stop.is_set():
            return
        with self._lock:
            self.not_seen_whole = tuple(unseen)
            gone = known - seen - set(self._buffers)
            self._remove([path for path in gone if self._folder_of(path) not in unseen])
        self.settle()

    def look(self, stop: threading.Event | None = None) -> int:
        """Find what has changed on disk, for editors that do not report it; return how much.

        Nothing is read of what has not. Blocks: call it from a thread.
        """
        with self._lock:
            folders = list(self._folders)
        changed: list[str] = []
        odd: dict[str, Source] = {}
        for folder in folders:
            if self._settings.crawl_in_process:
                walked = look_apart(folder, self._settings, stop)
            else:
                walked = walk(folder, self._settings)
            if walked is None:
                return 0
            with self._lock:
                for source in walked.sources:
                    if source.path in self._buffers:
                        continue
                    if self._corpus.source_of(source.path) != source:
                        odd[source.path] = source
                        if self._odd.get(source.path) != source:
                            changed.append(source.path)
                if walked.is_whole:
                    seen = {source.path for source in walked.sources}
                    changed += [
                        path
                        for path in self._corpus
                        if path not in seen
                        and path not in self._buffers
                        and self._folder_of(path) == folder
                    ]
        self._odd = odd
        if changed:
            self.files_changed([Path(path) for path in changed])
        return len(changed)

    def settle(self) -> None:
        """Index pending edits, so that the next query need not; may take a second."""
        self._refresh()

    def open_buffer(self, path: Path, text: str, language_id: str = "") -> None:
        """Search the text of an editor's buffer in place of the file on disk.

        Call it for every change as well: it only takes note.
        """
        key = self._key_of(path)
        with self._lock:
            before = self._buffers.get(key)
            self._buffers[key] = _Buffer(text, language_id)
            self._stale[key] = None
            if before is not None and before.text != text:
                self._recent.note(key, before.text, text)

    def close_buffer(self, path: Path) -> None:
        """Go back to the file on disk."""
        key = self._key_of(path)
        with self._lock:
            self._buffers.pop(key, None)
            self._stale[key] = None

    def note_changes(self, paths: Sequence[Path]) -> None:
        """Have the next query look at files again; does not block, and does not look into folders.

        More than a crawl would be better for are left to :meth:`files_changed`, which is to be
        called in any case.
        """
        if len(paths) <= MANY_FILES:
            keys = [_place_of(path) for path in paths]
            with self._lock:
                self._stale.update(dict.fromkeys(keys))

    def files_changed(self, paths: Iterable[Path]) -> None:
        """Read again what changed on disk; files that are gone are forgotten.

        A folder stands for all that is in it. Blocks while it reads: call it from a thread. Many
        files at once, as after a switch of branches, are left to a crawl, and so are folders that
        are there: one may have got a new name.
        """
        paths = list(paths)
        if len(paths) > MANY_FILES or any(map(_is_folder, paths)):
            self.crawl()
            return
        for path in paths:
            key = _place_of(path)
            with self._lock:
                below = [known for known in self._corpus if known.startswith(f"{key}/")]
                self._stale.update(dict.fromkeys([*below, key]))
        self.settle()

    def set_folders(self, folders: Sequence[Path]) -> None:
        """Replace the workspace folders; call :meth:`crawl` afterwards to read new ones."""
        with self._lock:
            self._folders = [Path(folder).resolve() for folder in folders]
            gone = [
                p for p in self._corpus if self._folder_of(p) is None and p not in self._buffers
            ]
            self._remove(gone)

    def sensitivity(self, path: Path, text: str = "") -> str | None:
        """Return why nothing may be completed inside a file, or ``None`` if all is well."""
        return sensitivity(str(path), text, self._settings.sensitive_names)

    def close(self) -> None:
        """Let go of everything. The index is empty afterwards."""
        with self._lock:
            self._remove(list(self._corpus))
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
        query = replace(query, path=self._key_of(Path(query.path)))
        steps_ms: dict[str, float] = {}
        with timed(steps_ms, "refresh"):
            self._refresh(without=query.path, limit_ms=REFRESH_LIMIT_MS)
        return self._search.retrieve(query, budget_tokens, count_tokens, steps_ms)

    def closed_files_with(self, word: str, most: int) -> list[Path]:
        """Return up to ``most`` files that are not open and have a word, whatever its case.

        Those come first that say it most; lines too long to be searched do not count. Reads nothing.
        """
        terms = terms_of_word(word)[:1]
        with self._lock:
            hits = self._corpus.windows.rank(terms).top(_WINDOWS_ASKED, self._buffers)
        return [Path(key) for key in islice(dict.fromkeys(hit.key for hit in hits), most)]

    def read_closed(self, path: Path) -> str | None:
        """Return the text of a file on disk that may be shown and changed, ``None`` for any other.

        It is in the index, in a folder of the workspace, and no link leads to it; it is not open, no
        tool wrote it, it is UTF-8, and it holds no secret.
        """
        key, settings = spelled(path), self._settings
        with self._lock:
            folder = self._folder_of(key)
            is_wanted_now = key in self._corpus and key not in self._buffers
        if folder is None or not is_wanted_now or find_source(path, folder, settings) is None:
            return None
        text = read_exactly(key, settings.max_file_bytes)
        if text is None or "\0" in text or is_generated(key, text):
            return None
        return text if self.sensitivity(path, text) is None else None

    def prepare(self, query: Query) -> None:
        """Look at all of the file being edited, so that the next query for it need not.

        Call it from a thread when a file is opened and in pauses: what is declared anew in a file is
        known from then on.
        """
        self._search.prepare(replace(query, path=self._key_of(Path(query.path))))

    def _key_of(self, path: Path) -> str:
        """Return the one name under which an open file is known, whatever links lead to it.

        A link with a sensitive name keeps it: what it points to may have a harmless one.
        """
        if is_sensitive_name(spelled(path), self._settings.sensitive_names):
            return spelled(path)
        return _real(path)

    def _buffer_text(self, path: str) -> str | None:
        with self._lock:
            buffer = self._buffers.get(path)
        return buffer.text if buffer is not None else None

    def _boosts_for(self, path: str) -> Callable[[str], float]:
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

    def _edit_boost(self, path: str, first_line: int, last_line: int) -> float:
        """Return by what the score of lines is multiplied, if they were edited lately."""
        touched = self._recent.touches(path, first_line, last_line)
        return self._settings.edited_lines_boost if touched else 1.0

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
                    self._remove([path])
                else:
                    self._put(found)

    def _read(self, path: str, buffer: _Buffer | None) -> Draft | None:
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
            name = path.removeprefix(inside(folder)) if folder is not None else Path(path).name
            source = Source(path, name, -1, -1)
        return Draft(source, digest_of(text), analyse_safely(language, path, text))

    def _adopt(self, found: CrawlStep) -> None:
        """Take over a step of a crawl, but for what is known better here."""
        segment = found.segment
        numbers = np.flatnonzero(segment.living).tolist()
        for first in range(0, len(numbers), _SLICE_FILES):
            with self._lock:
                for number in numbers[first : first + _SLICE_FILES]:
                    path = segment.sources[number].path
                    if self._is_news(segment.sources[number]) and not self._is_known(found, path):
                        self._modules.add(path, segment.packages[number], segment.types_of(number))
            # Whoever waits for Python's lock gets it now and not in five milliseconds.
            time.sleep(0)
        with self._lock:
            room = self._settings.max_files - len(self._corpus)
            unwanted = []
            for number in numbers:
                source = segment.sources[number]
                is_new = source.path not in self._corpus
                if not self._is_news(source) or (is_new and room <= 0):
                    unwanted.append(number)
                    if is_new:
                        self._modules.remove(source.path)
                else:
                    room -= is_new
            self._corpus.adopt(segment, unwanted, found.replaced)

    def _is_known(self, found: CrawlStep, path: str) -> bool:
        """Return whether a file is in the index just as it is in a merged segment."""
        name = self._corpus.segment_of(path)
        return name is not None and name in found.replaced

    def _is_news(self, source: Source) -> bool:
        if source.path in self._buffers or self._folder_of(source.path) is None:
            return False
        known = self._corpus.source_of(source.path)
        return known is None or source.mtime_ns < 0 or known.mtime_ns <= source.mtime_ns

    def _put(self, draft: Draft) -> None:
        path = draft.source.path
        if path not in self._corpus and len(self._corpus) >= self._settings.max_files:
            return
        self._corpus.put(draft)
        self._modules.add(path, draft.analysis.package, draft.analysis.types)

    def _remove(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._modules.remove(path)
        self._corpus.remove(paths)

    def _folder_of(self, path: str) -> Path | None:
        around = [folder for folder in self._folders if path.startswith(inside(folder))]
        return max(around, key=lambda folder: len(folder.parts), default=None)


def _real(path: Path) -> str:
    try:
        return spelled(os.path.realpath(path))
    except (OSError, ValueError):
        return spelled(path)


def _place_of(path: Path) -> str:
    """Return the real path of what changed on disk; a link that took a file's place is meant."""
    return spelled(Path(_real(path.parent), path.name))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir() and not path.is_symlink()
    except (OSError, ValueError):
        return False
