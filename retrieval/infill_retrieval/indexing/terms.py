"""Turn texts into numbered search terms, a batch of files at a time.

What a term is, :mod:`infill_retrieval.indexing.words` says, word by word. Here each distinct word is asked
about once: the words of a batch are found, hashed and looked up by numpy, which makes a crawl
several times faster than a loop over the words.

Terms are told apart by a polynomial hash of 64 bits: that any two of a million terms share one has
a chance of one in thirty million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from infill_retrieval.indexing.words import MAX_WORD_CHARS, is_word_char, terms_of_word

Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

_BASE = 0x9E3779B97F4A7C15
_BASE_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_ASCII_WORD: Bools = np.array([is_word_char(chr(code)) for code in range(128)])


@dataclass(frozen=True, slots=True)
class TermRows:
    """The terms of some documents in order, repeats included."""

    terms: Ints
    """Number of each term, as of the :class:`TermNumbers` that found it."""
    documents: Ints
    """Document of each term, ascending from 0."""
    document_count: int


class TermNumbers:
    """Numbers for terms in the order in which they are met. Only grows; used by one thread."""

    def __init__(self, slots_log2: int = 18) -> None:
        self._ids: dict[str, int] = {}
        self._listed: list[str] = []
        self._hashes: Hashes = np.zeros(0, np.uint64)
        self._words: dict[int, int] = {}
        """Row of each word that was met, by its hash."""
        self._starts = _Column()
        self._sizes = _Column()
        self._terms = _Column()
        # Words are looked up in slots; of two that want the same slot, the later is in the dict.
        self._slot_hashes: Hashes = np.zeros(1 << slots_log2, np.uint64)
        self._slot_rows: Ints = np.zeros(1 << slots_log2, np.int32)

    def __len__(self) -> int:
        return len(self._ids)

    def terms(self) -> list[str]:
        """Return all terms, in the order of their numbers. The list grows with later calls."""
        if len(self._listed) < len(self._ids):
            fresh = islice(reversed(self._ids), len(self._ids) - len(self._listed))
            self._listed += reversed(list(fresh))
        return self._listed

    def hashes(self) -> Hashes:
        """Return the hash of each term, in the order of their numbers."""
        if len(self._hashes) < len(self._ids):
            fresh = hash_terms(self.terms()[len(self._hashes) :])
            self._hashes = np.concatenate([self._hashes, fresh])
        return self._hashes

    def number(self, text: str, starts: Ints, ends: Ints) -> TermRows:
        """Return the terms of the documents ``text[starts[i]:ends[i]]``.

        Documents must not overlap, must be in the order of the text, and must not tear words.
        """
        codes = code_points(text)
        word_starts, word_ends = _word_borders(codes)
        first = word_starts.searchsorted(starts)
        sizes = word_starts.searchsorted(ends) - first
        places = spread(first, sizes)
        documents = np.repeat(np.arange(len(starts), dtype=np.int32), sizes)
        word_starts, word_ends = word_starts[places], word_ends[places]
        lengths = word_ends - word_starts
        fit = (lengths > 1) & (lengths <= MAX_WORD_CHARS)
        word_starts, word_ends, documents = word_starts[fit], word_ends[fit], documents[fit]
        rows = self._rows_of(
            text, word_starts, word_ends, hash_spans(codes, word_starts, word_ends)
        )
        counts = self._sizes.values[rows]
        terms = self._terms.values[spread(self._starts.values[rows], counts)]
        return TermRows(terms, np.repeat(documents, counts), len(starts))

    def _rows_of(self, text: str, starts: Ints, ends: Ints, hashes: Hashes) -> Ints:
        slots = (hashes & np.uint64(len(self._slot_hashes) - 1)).astype(np.int64)
        rows = self._slot_rows[slots]
        misses = np.flatnonzero(self._slot_hashes[slots] != hashes)
        if not len(misses):
            return rows
        words, ids = self._words, self._ids
        found: list[int] = []
        sizes: list[int] = []
        numbers: list[int] = []
        spans = zip(
            hashes[misses].tolist(), starts[misses].tolist(), ends[misses].tolist(), strict=True
        )
        for value, start, end in spans:
            row = words.get(value)
            if row is None:
                row = words[value] = len(words)
                terms = terms_of_word(text[start:end])
                sizes.append(len(terms))
                numbers += [ids.setdefault(term, len(ids)) for term in terms]
            found.append(row)
        if sizes:
            counts = np.array(sizes, np.int32)
            self._starts.extend(self._terms.size + np.cumsum(counts) - counts)
            self._sizes.extend(counts)
            self._terms.extend(np.array(numbers, np.int32))
        rows[misses] = found
        free = misses[self._slot_hashes[slots[misses]] == 0]
        # Of several words that want a slot, numpy takes the last one for both.
        self._slot_hashes[slots[free]] = hashes[free]
        self._slot_rows[slots[free]] = rows[free]
        return rows


class _Column:
    """An array that grows at its end."""

    def __init__(self) -> None:
        self.values: Ints = np.zeros(1024, np.int32)
        self.size = 0

    def extend(self, values: Ints) -> None:
        size = self.size + len(values)
        if size > len(self.values):
            more = np.zeros(max(size, len(self.values)), np.int32)
            self.values = np.concatenate([self.values, more])
        self.values[self.size : size] = values
        self.size = size


# -- hashes ----------------------------------------------------------------------------------


def hash_terms(terms: Sequence[str]) -> Hashes:
    """Return the hash of each term."""
    ends = np.cumsum(np.fromiter(map(len, terms), np.int64, len(terms)))
    starts = ends - np.fromiter(map(len, terms), np.int64, len(terms))
    return hash_spans(code_points("".join(terms)), starts, ends)


def hash_spans(codes: Ints, starts: Ints, ends: Ints) -> Hashes:
    """Return the hash of each ``codes[starts[i]:ends[i]]``, never 0."""
    powers, inverses = _powers(len(codes) + 1)
    sums = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum((codes.astype(np.uint64) + np.uint64(1)) * powers[: len(codes)], out=sums[1:])
    hashes: Hashes = (sums[ends] - sums[starts]) * inverses[starts]
    hashes ^= hashes >> np.uint64(32)
    hashes *= _MIX
    hashes ^= hashes >> np.uint64(29)
    hashes[hashes == 0] = 1
    return hashes


def code_points(text: str) -> Ints:
    """Return the code points of ``text``: in bytes if it is ASCII, else in 32 bits."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def spread(starts: Ints, sizes: Ints) -> Ints:
    """Return ``starts[i], starts[i] + 1, ...``, ``sizes[i]`` numbers for each ``i``."""
    ends = np.cumsum(sizes, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - (ends - sizes), sizes) + np.arange(total)


def _word_borders(codes: Ints) -> tuple[Ints, Ints]:
    flags = np.zeros(len(codes) + 2, bool)
    inner = flags[1:-1]
    if codes.dtype == np.uint8:
        inner[:] = _ASCII_WORD[codes]
    else:
        inner[:] = _ASCII_WORD[np.minimum(codes, 127)]
        others = np.flatnonzero(codes > 127)
        distinct, places = np.unique(codes[others], return_inverse=True)
        inner[others] = np.array([is_word_char(chr(code)) for code in distinct], bool)[places]
    borders = np.flatnonzero(flags[1:] != flags[:-1])
    return borders[::2], borders[1::2]


_powers_known: tuple[Hashes, Hashes] = (np.ones(1, np.uint64), np.ones(1, np.uint64))


def _powers(count: int) -> tuple[Hashes, Hashes]:
    """Return powers of the base and of its inverse, modulo 2**64; at least ``count`` of each."""
    global _powers_known  # noqa: PLW0603  # one table for all, replaced as a whole
    known = _powers_known
    if len(known[0]) < count:
        known = _cumulative(_BASE, 2 * count), _cumulative(_BASE_INVERSE, 2 * count)
        _powers_known = known
    return known


def _cumulative(base: int, count: int) -> Hashes:
    factors = np.full(count, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors)
