"""BM25 with exactly the scores of ``rank_bm25.BM25Okapi``, for corpora that change while in use.

``rank_bm25`` asks every document for every query term. Here each term knows its documents
(posting lists), and the same arithmetic, in the same order, is done for those alone: a document
without the term would have added 0.0. The scores are equal bit by bit; ``tests/retrieval`` holds
this class to that.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic

import numpy as np
import numpy.typing as npt
from rank_bm25 import BM25Okapi

from infill_retrieval.indexing.postings import Key, Postings, count_documents
from infill_retrieval.indexing.terms import Hashes, Ints, hash_terms

Floats = npt.NDArray[np.float64]

TINY_CORPUS = 10
"""With fewer documents Okapi's IDF is zero or negative for a word that only one of them has."""


class PostingsBM25(BM25Okapi, Generic[Key]):  # type: ignore[misc]  # rank_bm25 is untyped
    """``rank_bm25.BM25Okapi`` over posting lists.

    The corpus is the living documents of the ``parts``, in order. It may be empty, and scores
    nothing then. Call :meth:`changed` after a removal from a part.
    """

    def __init__(
        self,
        corpus: Iterable[Sequence[str]] = (),
        k1: float = 1.5,
        b: float = 0.75,
        epsilon: float = 0.25,
        parts: Sequence[Postings[Key]] = (),
    ) -> None:
        # The parent's constructor counts the corpus in a way that cannot be updated.
        self.k1 = k1
        self.b = b
        self.epsilon = epsilon
        self.tokenizer = None
        self._parts = tuple(parts)
        if documents := list(corpus):
            keys: Any = range(len(documents))
            self._parts = (*self._parts, Postings(keys, *count_documents(documents)))

    @property
    def parts(self) -> tuple[Postings[Key], ...]:
        """The posting lists that are searched."""
        return self._parts

    @parts.setter
    def parts(self, parts: Iterable[Postings[Key]]) -> None:
        self._parts = tuple(parts)
        self.changed()

    def changed(self) -> None:
        """Drop results computed for the former corpus."""
        for name in ("_norms", "average_idf"):
            self.__dict__.pop(name, None)

    # -- what rank_bm25 has as attributes --------------------------------------------------

    @property
    def corpus_size(self) -> int:
        """Number of documents."""
        return sum(part.living_documents for part in self._parts)

    @property
    def avgdl(self) -> float:
        """Mean length of a document in terms."""
        size = self.corpus_size
        return sum(part.living_terms for part in self._parts) / size if size else 0.0

    @property
    def doc_len(self) -> list[int]:
        """Length of each document in terms."""
        return [int(n) for part in self._parts for n in part.arrays.lengths[part.alive]]

    @property
    def doc_freqs(self) -> list[dict[str, int]]:
        """The terms of each document with their counts."""
        return [bag for part in self._parts for bag in part.bags()]

    @property
    def idf(self) -> dict[str, float]:
        """The IDF of every term of the corpus, in order of first occurrence."""
        hashes, frequencies = self._terms_in_order()
        names = {
            int(value): name
            for part in self._parts
            for value, name in zip(
                part.table.hashes, part.table.names(range(len(part.table))), strict=True
            )
        }
        return {
            names[int(value)]: self._idf(int(frequency))
            for value, frequency in zip(hashes, frequencies, strict=True)
        }

    @cached_property
    def average_idf(self) -> float:
        """Mean of the raw IDF over the terms, which :class:`BM25Okapi` floors negative ones by.

        The sum is taken in the order in which the corpus first has the terms, as the parent
        does it: floating-point addition is not associative.
        """
        _, frequencies = self._terms_in_order()
        if not len(frequencies):
            return 0.0
        distinct, places = np.unique(frequencies, return_inverse=True)
        idfs = np.array([self._raw_idf(int(frequency)) for frequency in distinct])
        return float(np.cumsum(idfs[places])[-1]) / len(frequencies)

    def _terms_in_order(self) -> tuple[Hashes, Ints]:
        """Return the hashes and document frequencies of all terms, by first occurrence."""
        hashes, places, frequencies = [], [], []
        offset = 0
        for part in self._parts:
            firsts = part.first_places()
            present = firsts >= 0
            hashes.append(part.table.hashes[present])
            places.append(firsts[present] + offset)
            frequencies.append(part.frequencies()[present])
            offset += len(part.arrays.bags)
        if not hashes:
            return np.zeros(0, np.uint64), np.zeros(0, np.int64)
        # Parts come in order, so the first of several equal hashes has the first place.
        distinct, heads, rows = np.unique(
            np.concatenate(hashes), return_index=True, return_inverse=True
        )
        totals = np.bincount(rows, np.concatenate(frequencies), len(distinct)).astype(np.int64)
        order = np.argsort(np.concatenate(places)[heads], kind="stable")
        return distinct[order], totals[order]

    def _raw_idf(self, frequency: int) -> float:
        return math.log(self.corpus_size - frequency + 0.5) - math.log(frequency + 0.5)

    def _idf(self, frequency: int) -> float:
        if not frequency:
            return 0.0
        idf = self._raw_idf(frequency)
        return self.epsilon * self.average_idf if idf < 0 else idf

    # -- scores ----------------------------------------------------------------------------

    @cached_property
    def _norms(self) -> list[Floats]:
        """What a document's length adds to the denominator of its scores, for each part."""
        # Without a living term there is no score, but removed documents still lie around.
        avgdl = self.avgdl or 1.0
        return [
            np.asarray(
                self.k1 * (1 - self.b + self.b * part.arrays.lengths.astype(np.int64) / avgdl),
                np.float64,
            )
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

    def _rows(self, words: Sequence[str]) -> list[list[int]]:
        """Return the row of each word in each part, -1 where it is not."""
        hashes = hash_terms(words)
        return [part.table.rows_of(hashes).tolist() for part in self._parts]

    def _score_parts(self, query: Sequence[str]) -> list[Floats]:
        words = list(dict.fromkeys(query))
        scores = [np.zeros(len(part)) for part in self._parts]
        rows = dict(zip(words, zip(*self._rows(words), strict=True), strict=False))
        known: dict[str, list[tuple[Floats, Ints, Floats]]] = {}
        for word in query:
            if word not in known:
                known[word] = list(self._contributions(rows.get(word, ()), scores))
            for score, documents, values in known[word]:
                score[documents] += values
        return scores

    def _contributions(
        self, rows: Sequence[int], scores: Sequence[Floats]
    ) -> Iterator[tuple[Floats, Ints, Floats]]:
        here = [place for place, row in enumerate(rows) if row >= 0]
        idf = self._idf(sum(self._parts[place].frequency(rows[place]) for place in here))
        for place in here:
            arrays, row = self._parts[place].arrays, rows[place]
            postings = slice(int(arrays.starts[row]), int(arrays.starts[row + 1]))
            documents = arrays.documents[postings]
            counts = arrays.counts[postings].astype(np.int64)
            values = idf * (counts * (self.k1 + 1) / (counts + self._norms[place][documents]))
            yield scores[place], documents, values

    def rank(self, query: Sequence[str]) -> QueryScores[Key]:
        """Score all documents for ``query``; equal scores are told apart by corpus order.

        A corpus so small that Okapi cannot tell its documents apart is ranked by the number of
        distinct terms shared with the query.
        """
        tiny = self.corpus_size < TINY_CORPUS
        return QueryScores(self._parts, self._overlaps(query) if tiny else self._score_parts(query))

    def _overlaps(self, query: Sequence[str]) -> list[Floats]:
        scores = [np.zeros(len(part)) for part in self._parts]
        words = list(dict.fromkeys(query))
        for part, score, rows in zip(self._parts, scores, self._rows(words), strict=True):
            for row in rows:
                if row >= 0:
                    starts = part.arrays.starts
                    score[part.arrays.documents[int(starts[row]) : int(starts[row + 1])]] += 1.0
        return scores


# -- rankings --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hit(Generic[Key]):
    """A ranked document: the ``number``-th of the block ``key``."""

    key: Key
    number: int
    score: float


@dataclass(frozen=True, slots=True)
class Mentions:
    """The terms of the documents that fit a query best, with what each of them says.

    A term weighs more the more of those documents have it, and the fewer of all.
    """

    hashes: Hashes
    """Ascending."""
    weights: Floats

    def of(self, hashes: Hashes) -> Floats:
        """Return the weight of each term, between 0 and 1, by its hash."""
        if not len(self.hashes):
            return np.zeros(len(hashes))
        places = np.minimum(self.hashes.searchsorted(hashes), len(self.hashes) - 1)
        return np.where(self.hashes[places] == hashes, self.weights[places], 0.0)


class QueryScores(Generic[Key]):
    """The scores of all documents for one query, as long as the corpus does not change."""

    def __init__(self, parts: Sequence[Postings[Key]], scores: Sequence[Floats]) -> None:
        self._parts = parts
        self._scores = scores
        for part, score in zip(parts, scores, strict=True):
            # With enough documents a score of zero means that no term is shared, or only one
            # that half of the corpus has.
            score[(score == 0) | ~part.alive] = -np.inf

    def scores_of(self, part: Postings[Key], block: int) -> Floats:
        """Return the scores of a block's documents; minus infinity for those without a match."""
        return self._scores[self._parts.index(part)][part.documents_of(block)]

    @property
    def best_score(self) -> float:
        """The highest score; minus infinity without a match."""
        return max((float(score.max()) for score in self._scores if len(score)), default=-np.inf)

    def top(self, count: int, without: Collection[Key] = ()) -> list[Hit[Key]]:
        """Return up to ``count`` documents that share a term with the query, best first."""
        return [self._hit(place) for place in self._best(count, without)] if count > 0 else []

    def mentions(self, count: int, without: Collection[Key] = ()) -> Mentions:
        """Return the terms of the ``count`` best documents; see :class:`Mentions`."""
        found: dict[int, float] = {}
        best = 0.0
        for number, document in self._best(count, without):
            part = self._parts[number]
            score = float(self._scores[number][document])
            best = best or score
            share = score / best if best > 0 else 1.0
            for term in part.table.hashes[part.bag_of(slice(document, document + 1))].tolist():
                found[term] = found.get(term, 0.0) + share
        if not found:
            return Mentions(np.zeros(0, np.uint64), np.zeros(0))
        hashes = np.fromiter(found, np.uint64, len(found))
        weights = np.fromiter(found.values(), np.float64, len(found))
        frequencies = np.zeros(len(found))
        for part in self._parts:
            rows = part.table.rows_of(hashes)
            known = rows >= 0
            starts, at = part.arrays.starts, rows[known]
            frequencies[known] += starts[at + 1].astype(np.int64) - starts[at].astype(np.int64)
        documents = max(sum(len(part) for part in self._parts), 2)
        rarity = 1 - np.log(np.maximum(frequencies, 1)) / math.log(documents)
        order = np.argsort(hashes)
        return Mentions(hashes[order], (weights / (weights + 1) * np.maximum(rarity, 0))[order])

    def _hit(self, place: tuple[int, int]) -> Hit[Key]:
        number, document = place
        part = self._parts[number]
        block, document_of_block = part.block_of(document)
        return Hit(part.keys[block], document_of_block, float(self._scores[number][document]))

    def _best(self, count: int, without: Collection[Key]) -> list[tuple[int, int]]:
        """Return part and document of the ``count`` highest scores, equal ones in order."""
        found: list[tuple[float, int, int]] = []
        for number, (part, all_scores) in enumerate(zip(self._parts, self._scores, strict=True)):
            scores = all_scores
            for key in without:
                for block in part.blocks_of(key):
                    if scores is all_scores:
                        scores = all_scores.copy()
                    scores[part.documents_of(block)] = -np.inf
            places = np.flatnonzero(scores > -np.inf)
            if count < len(places):
                # Among the many equal values of documents without a match, partition would crawl.
                values = scores[places]
                border = np.partition(values, len(values) - count)[len(values) - count]
                places = places[values >= border]
            chosen = places[np.argsort(-scores[places], kind="stable")][:count].tolist()
            found += [(-float(scores[place]), number, place) for place in chosen]
        return [(number, place) for _, number, place in sorted(found)[:count]]
