"""The corpus: all segments, and which of them has the newest state of each file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np

from infill_retrieval.files.sources import Source
from infill_retrieval.indexing.analysis import Details, Draft
from infill_retrieval.indexing.bm25 import Floats, PostingsBM25, QueryScores
from infill_retrieval.indexing.segment import Segment, build_segment, merge_segments, should_merge
from infill_retrieval.indexing.terms import TermNumbers


class Corpus:
    """Segments from crawls, which stay as they are, and small ones of files that changed since.

    Not safe for use by several threads at once.
    """

    def __init__(self) -> None:
        self.windows: PostingsBM25[str] = PostingsBM25()
        self.declarations: PostingsBM25[str] = PostingsBM25()
        self._crawled: list[Segment] = []
        self._edited: list[Segment] = []
        self._homes: dict[str, tuple[Segment, int]] = {}
        self._numbers = TermNumbers()

    def __contains__(self, path: str) -> bool:
        return path in self._homes

    def __len__(self) -> int:
        return len(self._homes)

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    # -- what is asked of it ---------------------------------------------------------------

    def source_of(self, path: str) -> Source | None:
        """Return what the corpus knows about a file."""
        home = self._homes.get(path)
        return home[0].sources[home[1]] if home is not None else None

    def segment_of(self, path: str) -> str | None:
        """Return the name of the segment that a file is in."""
        home = self._homes.get(path)
        return home[0].name if home is not None else None

    def digest_of(self, path: str) -> bytes:
        """Return the hash of the text that is indexed of a file that is here."""
        segment, number = self._homes[path]
        return segment.digest_of(number)

    def details_of(self, path: str) -> Details | None:
        """Return the details of a file that are shown."""
        home = self._homes.get(path)
        return home[0].details_of(home[1]) if home is not None else None

    def declaration_scores(self, ranking: QueryScores[str], path: str) -> Floats:
        """Return the scores of a file's declarations in a ranking of declarations."""
        segment, number = self._homes[path]
        return ranking.scores_of(segment.declarations, number)

    # -- changes ---------------------------------------------------------------------------

    def put(self, draft: Draft) -> None:
        """Add or replace one file."""
        self.remove([draft.source.path])
        segment = build_segment([draft], self._numbers)
        self._homes[draft.source.path] = segment, 0
        self._edited.append(segment)
        # Files are edited one by one: these merges are small.
        while len(self._edited) > 1 and should_merge(*self._edited[-2:]):
            self._merge_last_two()
        self._changed()

    def _merge_last_two(self) -> None:
        last_two = self._edited[-2:]
        merged = merge_segments(last_two)
        for number, source in enumerate(merged.sources):
            self._homes[source.path] = merged, number
        self._edited[-2:] = [merged]

    def adopt(self, segment: Segment, unwanted: Sequence[int], replaced: Collection[str]) -> None:
        """Add a segment but for its files ``unwanted``, in place of those named ``replaced``.

        One of the same name is replaced too: it is the same one, in which other files live now.
        """
        replaced = {*replaced, segment.name}
        segment.remove(unwanted)
        moved: defaultdict[str, list[int]] = defaultdict(list)
        segments = {one.name: one for one in (*self._crawled, *self._edited)}
        for number in np.flatnonzero(segment.living).tolist():
            path = segment.sources[number].path
            home = self._homes.get(path)
            if home is not None and home[0].name not in replaced:
                moved[home[0].name].append(home[1])
            self._homes[path] = segment, number
        for name, numbers in moved.items():
            segments[name].remove(numbers)
        for name in replaced:
            if name in segments:
                self._forget(segments[name])
        self._crawled = [s for s in self._crawled if s.name not in replaced and s.living.any()]
        self._edited = [s for s in self._edited if s.living.any()]
        if segment.living.any():
            self._crawled.append(segment)
        self._changed()

    def _forget(self, segment: Segment) -> None:
        for number in np.flatnonzero(segment.living).tolist():
            path = segment.sources[number].path
            if self._homes.get(path) == (segment, number):
                del self._homes[path]

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files; those that are not there are no error."""
        gone: defaultdict[str, list[int]] = defaultdict(list)
        segments: dict[str, Segment] = {}
        for path in paths:
            if (home := self._homes.pop(path, None)) is not None:
                segments[home[0].name] = home[0]
                gone[home[0].name].append(home[1])
        for name, numbers in gone.items():
            segments[name].remove(numbers)
        if gone:
            self._crawled = [segment for segment in self._crawled if segment.living.any()]
            self._edited = [segment for segment in self._edited if segment.living.any()]
            self._changed()

    def _changed(self) -> None:
        segments = (*self._crawled, *self._edited)
        self.windows.parts = [segment.windows for segment in segments]
        self.declarations.parts = [segment.declarations for segment in segments]
