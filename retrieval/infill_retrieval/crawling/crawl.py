"""Walk a workspace folder and make segments of the files worth searching.

The same walk runs in this process (:func:`crawl_here`) or in one of its own
(:mod:`infill_retrieval.crawling.worker`).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from infill_retrieval.crawling.walk import walk
from infill_retrieval.files.sources import Source, read_source
from infill_retrieval.indexing.analysis import EMPTY_ANALYSIS, Analysis, Draft, analyse, digest_of
from infill_retrieval.indexing.segment import Segment, build_segment, merge_segments, should_merge
from infill_retrieval.indexing.store import SegmentStore, as_kept
from infill_retrieval.indexing.terms import Bools, TermNumbers
from infill_retrieval.settings import RetrievalSettings
from infill_retrieval.syntax import Language, language_of

log = logging.getLogger(__name__)

BATCH_FILES = 64
BATCH_BYTES = 1_000_000
"""Files of a crawl that become searchable together."""
KEPT_FILES = 1024
"""So many files are put together into a segment that is kept on disk."""
_SLOTS_LOG2 = 20


@dataclass(frozen=True, slots=True)
class CrawlStep:
    """A step of a crawl: a segment, of which the files that are not gone are to be searched."""

    segment: Segment
    kept_at: Path | None = None
    """The file that the segment is in, if it is on disk."""
    replaced: tuple[str, ...] = ()
    """Names of the segments of earlier steps whose files are now in this one."""


def crawl_here(
    folder: Path,
    settings: RetrievalSettings,
    skip: Collection[str] = (),
    unread: Collection[str] = (),
    on_analysis: Callable[[str], None] = lambda _: None,
    on_read: Callable[[str], None] = lambda _: None,
    on_beat: Callable[[], None] = lambda: None,
) -> Generator[CrawlStep, None, bool]:
    """Yield segments with the files below ``folder``; nothing is searched of the paths ``skip``.

    Those in ``unread`` are not even read. ``on_read`` is told the path of a file before it is read, ``on_analysis`` before its text is
    analysed; ``on_beat`` is called while the folder is walked. Returns whether the walk came to its end.
    """
    store = SegmentStore(settings.cache_folder, folder) if settings.cache_folder else None
    with store or nullcontext():
        walked = walk(folder, settings, on_beat)
        if store is not None and not walked.is_whole:
            store.close()  # what was not seen this time stays as it is
        crawl = _Crawl(settings, store, skip, unread, on_analysis, on_read)
        yield from crawl.run(walked.sources, is_whole=walked.is_whole)
    return walked.is_whole


class _Crawl:
    """One crawl of one folder."""

    def __init__(
        self,
        settings: RetrievalSettings,
        store: SegmentStore | None,
        skip: Collection[str],
        unread: Collection[str],
        on_analysis: Callable[[str], None],
        on_read: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._store = store
        self._skip = skip
        self._unread = unread
        self._on_analysis = on_analysis
        self._on_read = on_read
        self._numbers = TermNumbers(_SLOTS_LOG2)
        self._small: list[Segment] = []
        self._large: list[Segment] = []

    def run(self, sources: Iterable[Source], *, is_whole: bool) -> Iterator[CrawlStep]:
        changed: list[Source] = []
        unchanged: defaultdict[str, list[int]] = defaultdict(list)
        for source in sources:
            home = self._store.by_source(source) if self._store is not None else None
            if home is None:
                changed.append(source)
            else:
                unchanged[home[0].name].append(home[1])
        yield from self._known(unchanged, is_whole=is_whole)
        for batch in _batches(changed):
            if (segment := self._segment_of(batch)) is not None:
                self._small.append(segment)
                yield CrawlStep(segment)
            if sum(map(len, self._small)) >= KEPT_FILES:
                yield from self._tidy_up()
        yield from self._tidy_up()
        if self._store is not None:
            for segment in self._store.segments:
                if not segment.living.any():
                    self._store.forget(segment)

    def _known(self, unchanged: dict[str, list[int]], *, is_whole: bool) -> Iterator[CrawlStep]:
        for segment in self._store.segments if self._store is not None else ():
            gone: Bools = np.ones(len(segment), bool)
            gone[unchanged.get(segment.name, [])] = False
            segment.remove(np.flatnonzero(gone).tolist())
            if not segment.living.any():
                continue
            if not is_whole:
                # Under its own name it would take the place of all its files, also of those not seen.
                yield CrawlStep(merge_segments([segment]))
            else:
                self._large.append(segment)
                yield CrawlStep(segment, self._store.path_of(segment) if self._store else None)

    def _segment_of(self, sources: Iterable[Source]) -> Segment | None:
        drafts: list[Draft] = []
        again: defaultdict[str, dict[int, Source]] = defaultdict(dict)
        for source in sources:
            text = self._read(source)
            if text is None:
                continue
            digest = digest_of(text)
            home = self._store.by_text(source.path, digest) if self._store is not None else None
            if home is not None and home[1] not in again[home[0].name]:
                again[home[0].name][home[1]] = as_kept(source)
            else:
                drafts.append(Draft(as_kept(source), digest, self._analyse(source.path, text)))
        built = [build_segment(drafts, self._numbers)] if drafts else []
        known = [s for s in (self._store.segments if self._store else ()) if again[s.name]]
        if not known:
            return built[0] if built else None
        kept = [segment.living for segment in built]
        moved = [draft.source for draft in drafts]
        for segment in known:
            mask: Bools = np.zeros(len(segment), bool)
            mask[list(again[segment.name])] = True
            kept.append(mask)
            moved += [source for _, source in sorted(again[segment.name].items())]
        return merge_segments([*built, *known], kept, moved)

    def _read(self, source: Source) -> str | None:
        if source.path in self._unread:
            return None
        self._on_read(source.path)
        return read_source(source.path, self._settings.max_file_bytes)

    def _analyse(self, path: str, text: str) -> Analysis:
        if path in self._skip:
            return EMPTY_ANALYSIS
        self._on_analysis(path)
        return analyse_safely(language_of(path), path, text)

    def _tidy_up(self) -> Iterator[CrawlStep]:
        """Save new segments to disk, and merge segments before they pile up."""
        if len(self._small) == 1:
            if self._store is not None:
                self._store.keep(self._small[0])
            self._large += self._small
        elif self._small:
            yield self._replace(self._small)
        self._small = []
        while (old := self._due()) is not None:
            yield self._replace(old)

    def _due(self) -> list[Segment] | None:
        if self._store is None or not self._store.is_ours:
            return None  # What is merged here would have to go through a pipe as a whole.
        for segment in self._large:
            if 2 * int(segment.living.sum()) < len(segment):
                return [segment]
        due = (pair for pair in pairwise(self._large) if should_merge(*pair))
        return list(next(due, ())) or None

    def _replace(self, old: list[Segment]) -> CrawlStep:
        merged = merge_segments(old)
        kept_at = self._store.keep(merged) if self._store is not None else None
        places = [place for place, segment in enumerate(self._large) if segment in old]
        place = places[0] if places else len(self._large)
        self._large[place : place + len(places)] = [merged]
        for segment in old:
            if self._store is not None and kept_at is not None:
                self._store.forget(segment)
        return CrawlStep(merged, kept_at, tuple(segment.name for segment in old))


def analyse_safely(language: Language, path: str, text: str) -> Analysis:
    """Return the analysis of a text, or an empty one if the text brings it down."""
    try:
        return analyse(language, path, text)
    except Exception as error:  # noqa: BLE001  # one file must never stop a crawl
        log.debug("a file could not be analysed: %s", type(error).__name__)
        return EMPTY_ANALYSIS


def _batches(sources: Iterable[Source]) -> Iterator[list[Source]]:
    batch: list[Source] = []
    size_bytes = 0
    for source in sources:
        batch.append(source)
        size_bytes += source.size_bytes
        if len(batch) == BATCH_FILES or size_bytes >= BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch
