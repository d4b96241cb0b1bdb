"""BM25 with the very scores of ``rank_bm25.BM25Okapi``, for corpora that change while in use.

``rank_bm25`` asks every document for every query term. Here each term knows its documents
(posting lists), and the same arithmetic, in the same order, is done for those alone: a document
without the term would have added 0.0. The scores are equal bit by bit; ``tests/retrieval`` holds
this class to that.

Documents come in blocks (one per file) that are replaced and removed as a whole. Blocks lie in
segments, which never change apart from a mark on the documents that are gone; what is new lies
in a small tail that is inverted again when it is asked. Small segments are merged into larger
ones, as a log-structured store does (O'Neil et al., "The log-structured merge-tree", 1996), so
that adding a file costs its own size and not the size of the workspace.
"""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from rank_bm25 import BM25Okapi

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]
Key = TypeVar("Key", bound=Hashable)

TAIL_DOCUMENTS = 1024
"""A tail of this size becomes a segment. Inverting it again after an edit takes about 1 ms."""
MERGE_RATIO = 4
"""Segments are merged when the older one is less than this many times the size of the newer."""
TINY_CORPUS = 10
"""With fewer documents Okapi's IDF is zero or negative for a word that only one of them has."""
_MAX_COUNT = np.iinfo(np.uint16).max


class Vocabulary:
    """Numbers for terms, in the order in which they were first seen. It only grows."""

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def number(self, terms: Iterable[str]) -> npt.NDArray[np.int32]:
        """Return the number of each term; a new term gets the next one."""
        ids = self._ids
        return np.array([ids.setdefault(term, len(ids)) for term in terms], dtype=np.int32)

    def find(self, term: str) -> int | None:
        """Return the number of ``term``, or ``None`` if no document ever had it."""
        return self._ids.get(term)

    def terms(self) -> list[str]:
        """Return all terms, in the order of their numbers."""
        return list(self._ids)


@dataclass(frozen=True, slots=True)
class TermBlock:
    """Documents as bags of words: the distinct terms of each in order of first occurrence."""

    terms: Ints
    counts: Ints
    starts: Ints
    """Document ``i`` has ``terms[starts[i]:starts[i + 1]]``; one entry more than documents."""
    lengths: Ints
    """Terms of each document, repeats included."""

    def __len__(self) -> int:
        return len(self.lengths)


def count_terms(documents: Iterable[Sequence[str]]) -> tuple[list[str], TermBlock]:
    """Return the distinct terms of ``documents`` and the block that refers to them by position."""
    vocabulary: dict[str, int] = {}
    terms: list[int] = []
    counts: list[int] = []
    starts = [0]
    lengths: list[int] = []
    for document in documents:
        bag: dict[str, int] = {}
        for term in document:
            bag[term] = bag.get(term, 0) + 1
        terms.extend(vocabulary.setdefault(term, len(vocabulary)) for term in bag)
        counts.extend(min(count, _MAX_COUNT) for count in bag.values())
        starts.append(len(terms))
        lengths.append(len(document))
    block = TermBlock(
        np.array(terms, np.int32),
        np.array(counts, np.uint16),
        np.array(starts, np.int64),
        np.array(lengths, np.int64),
    )
    return list(vocabulary), block


class Segment(Generic[Key]):
    """Blocks of documents with their posting lists. Only ``alive`` ever changes."""

    def __init__(self, blocks: Sequence[tuple[Key, TermBlock]]) -> None:
        # A block without documents could not be marked as gone.
        blocks = [pair for pair in blocks if len(pair[1])]
        self.keys = [key for key, _ in blocks]
        self.block_starts = _starts_of([len(block) for _, block in blocks])
        self.block = _join([block for _, block in blocks])
        self.alive = np.ones(len(self.block), bool)
        self._invert()

    def __len__(self) -> int:
        return len(self.alive)

    def _invert(self) -> None:
        block = self.block
        sizes = np.diff(block.starts)
        document_of = np.repeat(np.arange(len(block), dtype=np.int32), sizes)
        # One sort of (term, place) pairs in 64 bits is ten times faster than a stable argsort.
        pairs = (block.terms.astype(np.uint64) << np.uint64(32)) | np.arange(
            len(block.terms), dtype=np.uint64
        )
        pairs.sort()
        places = (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
        sorted_terms = (pairs >> np.uint64(32)).astype(np.int32)
        firsts = np.flatnonzero(np.diff(sorted_terms, prepend=np.int32(-1)))
        self.terms = sorted_terms[firsts]
        """The distinct terms, ascending."""
        self.posting_starts = np.append(firsts, len(places))
        self.documents = document_of[places]
        self.counts = block.counts[places]
        self.first_places = places[firsts]
        """Where in ``block.terms`` each distinct term stands first."""

    def postings(self, term: int) -> slice | None:
        """Return where the documents of ``term`` are in ``documents`` and ``counts``."""
        row = int(self.terms.searchsorted(term))
        if row == len(self.terms) or self.terms[row] != term:
            return None
        return slice(int(self.posting_starts[row]), int(self.posting_starts[row + 1]))

    def documents_of(self, block_number: int) -> slice:
        """Return the documents of a block."""
        return slice(int(self.block_starts[block_number]), int(self.block_starts[block_number + 1]))

    def terms_of(self, documents: slice) -> Ints:
        """Return the distinct terms of each of some consecutive documents, one after another."""
        return self.block.terms[
            self.block.starts[documents.start] : self.block.starts[documents.stop]
        ]

    def living_blocks(self) -> Iterator[tuple[Key, TermBlock]]:
        """Yield the blocks that were not removed."""
        for number, key in enumerate(self.keys):
            rows = self.documents_of(number)
            if self.alive[rows.start]:
                yield key, _cut(self.block, rows)

    def first_living_places(self) -> Ints:
        """Return ``first_places`` as if the removed documents had never been (-1: nowhere)."""
        if self.alive.all():
            return self.first_places
        places = self.first_places.copy()
        heads = self.documents[self.posting_starts[:-1]]
        for row in np.flatnonzero(~self.alive[heads]):
            rows = slice(int(self.posting_starts[row]), int(self.posting_starts[row + 1]))
            living = self.documents[rows][self.alive[self.documents[rows]]]
            if not len(living):
                places[row] = -1
                continue
            start, stop = self.block.starts[living[0]], self.block.starts[living[0] + 1]
            places[row] = start + np.flatnonzero(self.block.terms[start:stop] == self.terms[row])[0]
        return places


@dataclass(frozen=True, slots=True)
class Hit(Generic[Key]):
    """A ranked document: the ``number``-th of the block ``key``."""

    key: Key
    number: int
    score: float


class Ranking(Generic[Key]):
    """The scores of all documents for one query, as long as the corpus does not change."""

    def __init__(
        self,
        parts: Sequence[Segment[Key]],
        scores: Sequence[Floats],
        homes: Mapping[Key, tuple[Segment[Key], int]],
    ) -> None:
        self._parts = list(parts)
        self._scores = list(scores)
        self._homes = homes
        for part, score in zip(parts, scores, strict=True):
            # With enough documents a score of zero means that no term is shared, or only one
            # that half of the corpus has.
            score[(score == 0) | ~part.alive] = -np.inf

    def scores_of(self, key: Key) -> Floats:
        """Return the scores of a block's documents; minus infinity for those without a match."""
        if (home := self._homes.get(key)) is None:
            return np.zeros(0)
        return self._scores[self._parts.index(home[0])][home[0].documents_of(home[1])]

    @property
    def best_score(self) -> float:
        """The highest score; minus infinity without a match."""
        return max((float(score.max()) for score in self._scores if len(score)), default=-np.inf)

    def top(self, count: int, without: Collection[Key] = ()) -> list[Hit[Key]]:
        """Return up to ``count`` documents that share a term with the query, best first."""
        if not self._parts or count <= 0:
            return []
        scores = self._scores
        if without:
            scores = list(scores)
        for key in without:
            if (home := self._homes.get(key)) is not None:
                number = self._parts.index(home[0])
                scores[number] = scores[number].copy()
                scores[number][home[0].documents_of(home[1])] = -np.inf
        joined = np.concatenate(scores)
        starts = _starts_of([len(part) for part in self._parts])
        hits = []
        for place in _best(joined, count):
            number = int(starts.searchsorted(place, "right")) - 1
            part, document = self._parts[number], int(place - starts[number])
            block = int(part.block_starts.searchsorted(document, "right")) - 1
            first = int(part.block_starts[block])
            hits.append(Hit(part.keys[block], document - first, float(joined[place])))
        return hits


class PostingsBM25(BM25Okapi, Generic[Key]):  # type: ignore[misc]  # rank_bm25 is untyped
    """``rank_bm25.BM25Okapi`` over posting lists, with blocks that come and go.

    The corpus is the living documents in the order of the segments, then of the tail; within it
    a replaced block counts as new. An empty corpus is legal here and scores nothing.
    """

    def __init__(
        self,
        corpus: Iterable[Sequence[str]] = (),
        k1: float = 1.5,
        b: float = 0.75,
        epsilon: float = 0.25,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        # The parent's constructor counts the corpus in a way that cannot be updated.
        self.k1 = k1
        self.b = b
        self.epsilon = epsilon
        self.tokenizer = None
        self.corpus_size = 0
        self.vocabulary = vocabulary if vocabulary is not None else Vocabulary()
        self._segments: list[Segment[Key]] = []
        self._tail: dict[Key, TermBlock] = {}
        self._homes: dict[Key, tuple[Segment[Key], int]] = {}
        self._total_terms = 0
        self._frequencies = np.zeros(1024, np.int32)
        for number, document in enumerate(corpus):
            terms, block = count_terms([document])
            self.put(number, block, self.vocabulary.number(terms))  # type: ignore[arg-type]

    # -- the corpus ------------------------------------------------------------------------

    def put(self, key: Key, block: TermBlock, numbers: Ints | None = None) -> None:
        """Add or replace a block. ``numbers`` translates its terms to the vocabulary's."""
        self.remove(key)
        if not len(block):
            return
        if numbers is not None:
            block = renumber(block, numbers)
        self._tail[key] = block
        self._count(block.terms, block.lengths, +1)
        if sum(map(len, self._tail.values())) > TAIL_DOCUMENTS:
            self._seal_tail()
        self._changed()

    def put_segment(self, segment: Segment[Key], keys: Iterable[Key]) -> None:
        """Add many blocks at once; the segment was built beforehand, outside of any lock.

        ``keys`` are those of all the blocks that it was built from: it drops empty ones.
        """
        for key in keys:
            self.remove(key)
        self._seal_tail()
        self._count(segment.block.terms, segment.block.lengths, +1)
        self._adopt(segment)
        self._changed()

    def remove(self, key: Key) -> None:
        """Remove a block; a key that is not there is no error."""
        block = self._tail.pop(key, None)
        if block is not None:
            self._count(block.terms, block.lengths, -1)
        elif key in self._homes:
            segment, number = self._homes.pop(key)
            rows = segment.documents_of(number)
            segment.alive[rows] = False
            self._count(segment.terms_of(rows), segment.block.lengths[rows], -1)
        else:
            return
        self._changed()

    def wanted_merge(self) -> tuple[Segment[Key], ...]:
        """Return segments that should become one, or nothing. See :meth:`replace`."""
        for segment in self._segments:
            if len(segment) > TAIL_DOCUMENTS and 4 * int(segment.alive.sum()) < 3 * len(segment):
                return (segment,)
        for older, newer in zip(self._segments, self._segments[1:], strict=False):
            if len(older) < MERGE_RATIO * len(newer):
                return (older, newer)
        return ()

    def replace(self, old: Sequence[Segment[Key]], merged: Segment[Key]) -> bool:
        """Put ``merged``, made of the living blocks of ``old``, in their place.

        What was removed while the merge was under way is removed from ``merged`` too. Returns
        whether that was done: it is not if another merge was quicker.
        """
        places = [i for i, segment in enumerate(self._segments) if segment in old]
        if len(places) != len(old) or places != list(range(places[0], places[0] + len(places))):
            return False
        for number, key in enumerate(merged.keys):
            home = self._homes.get(key)
            if home is not None and home[0] in old:
                self._homes[key] = (merged, number)
            else:
                merged.alive[merged.documents_of(number)] = False
        self._segments[places[0] : places[-1] + 1] = [merged]
        self._changed()
        return True

    def merge(self) -> None:
        """Merge segments until none is wanted."""
        while old := self.wanted_merge():
            self.replace(old, merge_segments(old))

    def _seal_tail(self) -> None:
        if self._tail:
            self._adopt(self._tail_segment)
            self._tail = {}

    def _adopt(self, segment: Segment[Key]) -> None:
        self._segments.append(segment)
        for number, key in enumerate(segment.keys):
            self._homes[key] = (segment, number)

    def _count(self, terms: Ints, lengths: Ints, sign: int) -> None:
        self.corpus_size += sign * len(lengths)
        self._total_terms += sign * int(lengths.sum())
        if not len(terms):
            return
        if (needed := int(terms.max()) + 1) > len(self._frequencies):
            self._frequencies = np.concatenate(
                [self._frequencies, np.zeros(max(needed, len(self._frequencies)), np.int32)]
            )
        if len(terms) > 4096:
            counts = np.bincount(terms)
            self._frequencies[: len(counts)] += (sign * counts).astype(np.int32)
        else:
            np.add.at(self._frequencies, terms, sign)

    def _changed(self) -> None:
        for name in ("_tail_segment", "_tail_homes", "_norms", "average_idf"):
            self.__dict__.pop(name, None)

    # -- what rank_bm25 has as attributes --------------------------------------------------

    @property
    def avgdl(self) -> float:
        """Mean length of a document in terms."""
        return self._total_terms / self.corpus_size if self.corpus_size else 0.0

    @property
    def doc_len(self) -> list[int]:
        """Length of each document in terms."""
        return [int(n) for part in self._parts for n in part.block.lengths[part.alive]]

    @property
    def doc_freqs(self) -> list[dict[str, int]]:
        """The terms of each document with their counts."""
        names = self.vocabulary.terms()
        freqs = []
        for part in self._parts:
            for i in np.flatnonzero(part.alive):
                rows = slice(part.block.starts[i], part.block.starts[i + 1])
                bag = zip(part.block.terms[rows], part.block.counts[rows], strict=True)
                freqs.append({names[term]: int(count) for term, count in bag})
        return freqs

    @property
    def idf(self) -> dict[str, float]:
        """The IDF of every term of the corpus, in order of first occurrence."""
        names = self.vocabulary.terms()
        return {names[term]: self._idf(int(term)) for term in self._terms_in_order()}

    @cached_property
    def average_idf(self) -> float:
        """Mean of the raw IDF over the terms, which :class:`BM25Okapi` floors negative ones by.

        The sum is taken in the order in which the corpus first has the terms, as the parent
        does it: floating-point addition is not associative.
        """
        order = self._terms_in_order()
        if not len(order):
            return 0.0
        frequencies = self._frequencies[order]
        distinct, places = np.unique(frequencies, return_inverse=True)
        idfs = np.array([self._raw_idf(int(frequency)) for frequency in distinct])
        return float(np.cumsum(idfs[places])[-1]) / len(order)

    def _terms_in_order(self) -> Ints:
        unseen = np.iinfo(np.int64).max
        places = np.full(len(self._frequencies), unseen, np.int64)
        offset = sum(len(part.block.terms) for part in self._parts)
        for part in reversed(self._parts):
            offset -= len(part.block.terms)
            firsts = part.first_living_places()
            living = firsts >= 0
            places[part.terms[living]] = firsts[living] + offset
        present = np.flatnonzero(places != unseen)
        return present[np.argsort(places[present], kind="stable")]

    def _raw_idf(self, frequency: int) -> float:
        return math.log(self.corpus_size - frequency + 0.5) - math.log(frequency + 0.5)

    def _idf(self, term: int) -> float:
        frequency = int(self._frequencies[term]) if term < len(self._frequencies) else 0
        if not frequency:
            return 0.0
        idf = self._raw_idf(frequency)
        return self.epsilon * self.average_idf if idf < 0 else idf

    # -- scores ----------------------------------------------------------------------------

    @property
    def _parts(self) -> list[Segment[Key]]:
        return [*self._segments, self._tail_segment] if self._tail else self._segments

    @cached_property
    def _tail_segment(self) -> Segment[Key]:
        return Segment(list(self._tail.items()))

    @cached_property
    def _tail_homes(self) -> dict[Key, tuple[Segment[Key], int]]:
        segment = self._tail_segment
        return {key: (segment, number) for number, key in enumerate(segment.keys)}

    @cached_property
    def _norms(self) -> list[Floats]:
        """What a document's length adds to the denominator of its scores, for each part."""
        # Without a living term there is no score, but removed documents still lie around.
        avgdl = self.avgdl or 1.0
        return [
            np.asarray(self.k1 * (1 - self.b + self.b * part.block.lengths / avgdl), np.float64)
            for part in self._parts
        ]

    def get_scores(self, query: Iterable[str]) -> Floats:
        """Return the score of each document of the corpus, as the parent does."""
        scores = self._score_parts(list(query))
        living = [score[part.alive] for score, part in zip(scores, self._parts, strict=True)]
        return np.concatenate(living) if living else np.zeros(0)

    def get_batch_scores(self, query: Iterable[str], doc_ids: Sequence[int]) -> list[float]:
        """Return the scores of the documents with these places in the corpus."""
        return [float(score) for score in self.get_scores(query)[list(doc_ids)]]

    def _score_parts(self, query: Sequence[str]) -> list[Floats]:
        parts = self._parts
        scores = [np.zeros(len(part)) for part in parts]
        known: dict[int, list[tuple[Floats, Ints, Floats]]] = {}
        for word in query:
            term = self.vocabulary.find(word)
            if term is None:
                continue
            if term not in known:
                known[term] = list(self._contributions(term, scores))
            for score, documents, values in known[term]:
                score[documents] += values
        return scores

    def _contributions(
        self, term: int, scores: Sequence[Floats]
    ) -> Iterator[tuple[Floats, Ints, Floats]]:
        idf = self._idf(term)
        for part, norms, score in zip(self._parts, self._norms, scores, strict=True):
            if (rows := part.postings(term)) is None:
                continue
            documents = part.documents[rows]
            counts = part.counts[rows].astype(np.int64)
            values = idf * (counts * (self.k1 + 1) / (counts + norms[documents]))
            yield score, documents, values

    def rank(self, query: Sequence[str]) -> Ranking[Key]:
        """Score all documents for ``query``; equal scores are told apart by corpus order.

        A corpus so small that Okapi cannot tell its documents apart is ranked by the number of
        distinct terms shared with the query.
        """
        tiny = self.corpus_size < TINY_CORPUS
        scores = self._overlaps(query) if tiny else self._score_parts(query)
        homes = ChainMap(self._tail_homes, self._homes) if self._tail else self._homes
        return Ranking(self._parts, scores, homes)

    def _overlaps(self, query: Sequence[str]) -> list[Floats]:
        scores = [np.zeros(len(part)) for part in self._parts]
        for word in dict.fromkeys(query):
            term = self.vocabulary.find(word)
            for part, score in zip(self._parts, scores, strict=True):
                if term is not None and (rows := part.postings(term)) is not None:
                    score[part.documents[rows]] += 1.0
        return scores


def merge_segments(segments: Iterable[Segment[Key]]) -> Segment[Key]:
    """Return one segment with the living blocks of several, in their order."""
    return Segment([pair for segment in segments for pair in segment.living_blocks()])


def renumber(block: TermBlock, numbers: Ints) -> TermBlock:
    """Return ``block`` with each term replaced by ``numbers[term]``."""
    return TermBlock(numbers[block.terms], block.counts, block.starts, block.lengths)


def _best(scores: Floats, count: int) -> Ints:
    """Return the places of the highest scores above minus infinity, equal ones in order."""
    places = np.flatnonzero(scores > -np.inf)
    if count < len(places):
        # Among the many equal values of documents without a match, partition would crawl.
        values = scores[places]
        border = np.partition(values, len(values) - count)[len(values) - count]
        places = places[values >= border]
    return places[np.argsort(-scores[places], kind="stable")][:count]


def _starts_of(sizes: Sequence[int]) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(sizes, np.int64))])


def _join(blocks: Sequence[TermBlock]) -> TermBlock:
    if not blocks:
        return TermBlock(*(np.zeros(n, np.int64) for n in (0, 0, 1, 0)))
    offsets = _starts_of([len(block.terms) for block in blocks])
    starts = [block.starts[1:] + offset for block, offset in zip(blocks, offsets, strict=False)]
    return TermBlock(
        np.concatenate([block.terms for block in blocks]),
        np.concatenate([block.counts for block in blocks]),
        np.concatenate([np.zeros(1, np.int64), *starts]),
        np.concatenate([block.lengths for block in blocks]),
    )


def _cut(block: TermBlock, documents: slice) -> TermBlock:
    starts = block.starts[documents.start : documents.stop + 1]
    rows = slice(int(starts[0]), int(starts[-1]))
    return TermBlock(
        block.terms[rows], block.counts[rows], starts - starts[0], block.lengths[documents]
    )
