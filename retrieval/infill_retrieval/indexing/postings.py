"""Posting lists: which documents have a term, and how often. Immutable but for removals.

Documents come in blocks (one per file), which are removed as a whole. All arrays are flat, so that
they can lie in a file that is mapped into memory.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

import numpy as np

from infill_retrieval.indexing.terms import Bools, Hashes, Ints, TermRows, hash_terms, spread

Key = TypeVar("Key", bound=Hashable)
_MAX_COUNT = np.iinfo(np.uint16).max
_NOWHERE = np.iinfo(np.uint32).max
_RADIX_TERMS = 1 << 16
"""So many terms have numbers of 16 bits, which numpy sorts in linear time."""


@dataclass(frozen=True, slots=True)
class TermTable:
    """The terms of some posting lists, ascending by hash; a term's place is its row."""

    hashes: Hashes
    text_starts: Ints
    """Where each term begins in ``text``; one entry more than terms."""
    text: Ints
    """The bytes of all terms, as UTF-8."""

    @classmethod
    def of(cls, terms: Sequence[str], hashes: Hashes) -> Self:
        """Return the table of ``terms``, which must be in the order of their hashes."""
        encoded = [term.encode("utf-8", "surrogatepass") for term in terms]
        starts = np.cumsum([0, *map(len, encoded)], dtype=np.uint32)
        return cls(hashes, starts, np.frombuffer(b"".join(encoded), np.uint8))

    def __len__(self) -> int:
        return len(self.hashes)

    def rows_of(self, hashes: Hashes) -> Ints:
        """Return the row of each term, by its hash; -1 for terms that are not here."""
        if not len(self.hashes):
            return np.full(len(hashes), -1)
        rows = self.hashes.searchsorted(hashes)
        found = self.hashes[np.minimum(rows, len(self.hashes) - 1)] == hashes
        return np.where(found, rows, -1)

    def names(self, rows: Iterable[int]) -> list[str]:
        """Return the terms of some rows."""
        data, starts = self.text.tobytes(), self.text_starts
        return [
            data[starts[row] : starts[row + 1]].decode("utf-8", "surrogatepass") for row in rows
        ]


@dataclass(frozen=True, slots=True)
class PostingArrays:
    """The documents of each term, and the terms of each document."""

    starts: Ints
    """The term in row ``i`` has postings ``starts[i]`` to ``starts[i + 1]``."""
    documents: Ints
    """Document of each posting, ascending for each term."""
    counts: Ints
    """How often the document has the term."""
    firsts: Ints
    """Where in ``bags`` each term stands first; the largest number if nowhere."""
    bags: Ints
    """Rows of the distinct terms of each document, in the order in which it first has them."""
    bag_starts: Ints
    """Document ``i`` has ``bags[bag_starts[i]:bag_starts[i + 1]]``."""
    lengths: Ints
    """Terms of each document, repeats included."""
    block_starts: Ints
    """Block ``i`` has documents ``block_starts[i]`` to ``block_starts[i + 1]``."""


class Postings(Generic[Key]):
    """Posting lists in use: blocks have keys, and can be removed."""

    def __init__(self, keys: Sequence[Key], table: TermTable, arrays: PostingArrays) -> None:
        self.keys = keys
        self.table = table
        self.arrays = arrays
        self.alive: Bools = np.ones(len(arrays.lengths), bool)
        self.living_documents = len(arrays.lengths)
        self.living_terms = int(arrays.lengths.sum(dtype=np.int64))
        """Terms of the living documents, repeats included."""
        self._frequencies: Ints | None = None
        self._blocks: dict[Key, list[int]] | None = None

    def __len__(self) -> int:
        return len(self.alive)

    @property
    def all_alive(self) -> bool:
        """Whether nothing was removed."""
        return self.living_documents == len(self.alive)

    def documents_of(self, block: int) -> slice:
        """Return the documents of a block."""
        starts = self.arrays.block_starts
        return slice(int(starts[block]), int(starts[block + 1]))

    def blocks_of(self, key: Key) -> Sequence[int]:
        """Return the blocks of a key, those that are gone included."""
        if self._blocks is None:
            self._blocks = {}
            for block, one in enumerate(self.keys):
                self._blocks.setdefault(one, []).append(block)
        return self._blocks.get(key, ())

    def block_of(self, document: int) -> tuple[int, int]:
        """Return the block of a document, and its place in there."""
        block = int(self.arrays.block_starts.searchsorted(document, "right")) - 1
        return block, document - int(self.arrays.block_starts[block])

    def bag_of(self, documents: slice) -> Ints:
        """Return the rows of the distinct terms of consecutive documents, one after another."""
        starts = self.arrays.bag_starts
        return self.arrays.bags[int(starts[documents.start]) : int(starts[documents.stop])]

    def remove(self, block: int) -> None:
        """Remove a living block."""
        self.remove_many([block])

    def remove_many(self, blocks: Sequence[int]) -> None:
        """Remove living blocks."""
        frequencies = self.frequencies().astype(np.int32)
        for rows in map(self.documents_of, blocks):
            self.alive[rows] = False
            self.living_documents -= rows.stop - rows.start
            self.living_terms -= int(self.arrays.lengths[rows].sum(dtype=np.int64))
            np.subtract.at(frequencies, self.bag_of(rows), 1)
        self._frequencies = frequencies

    def frequencies(self) -> Ints:
        """Return the number of living documents of each term."""
        if self._frequencies is None:
            return np.diff(self.arrays.starts).astype(np.int32)
        return self._frequencies

    def frequency(self, row: int) -> int:
        """Return the number of living documents of one term."""
        if self._frequencies is None:
            return int(self.arrays.starts[row + 1]) - int(self.arrays.starts[row])
        return int(self._frequencies[row])

    def first_places(self) -> Ints:
        """Return where in ``bags`` each term first stands in a living document, or -1."""
        arrays = self.arrays
        places = np.where(arrays.firsts == _NOWHERE, -1, arrays.firsts.astype(np.int64))
        if self.all_alive:
            return places
        heads = arrays.documents[np.minimum(arrays.starts[:-1], max(len(arrays.documents) - 1, 0))]
        for row in np.flatnonzero((places >= 0) & ~self.alive[heads]):
            documents = arrays.documents[int(arrays.starts[row]) : int(arrays.starts[row + 1])]
            living = documents[self.alive[documents]]
            places[row] = -1
            if len(living):
                bag = self.bag_of(slice(int(living[0]), int(living[0]) + 1))
                start = int(arrays.bag_starts[living[0]])
                places[row] = start + int(np.flatnonzero(bag == row)[0])
        return places

    def bags(self) -> Iterator[dict[str, int]]:
        """Yield the terms of each living document with their counts. Slow: for tests."""
        arrays = self.arrays
        rows = np.repeat(np.arange(len(self.table)), np.diff(arrays.starts))
        counts = {
            (int(document), int(row)): int(count)
            for document, row, count in zip(arrays.documents, rows, arrays.counts, strict=True)
        }
        names = self.table.names(range(len(self.table)))
        for document in np.flatnonzero(self.alive).tolist():
            bag = self.bag_of(slice(document, document + 1)).tolist()
            yield {names[row]: counts[document, row] for row in bag}


# -- making them -----------------------------------------------------------------------------


def invert(
    rows: Ints, found: TermRows, term_count: int, block_sizes: Sequence[int]
) -> PostingArrays:
    """Return posting lists of documents whose terms, in order, are the ones in ``rows``."""
    dtype = np.uint16 if term_count <= _RADIX_TERMS else np.uint32
    order = np.argsort(rows.astype(dtype), kind="stable")
    sorted_rows, documents = rows[order], found.documents[order]
    new = np.ones(len(order), bool)
    new[1:] = (sorted_rows[1:] != sorted_rows[:-1]) | (documents[1:] != documents[:-1])
    heads = np.flatnonzero(new)
    counts = np.diff(heads, append=len(order))
    is_first = np.zeros(len(order), bool)
    is_first[order[heads]] = True
    bags = rows[is_first]
    return _arrays(
        np.bincount(sorted_rows[heads], minlength=term_count),
        documents[heads],
        np.minimum(counts, _MAX_COUNT),
        bags,
        np.bincount(found.documents[is_first], minlength=found.document_count),
        np.bincount(found.documents, minlength=found.document_count),
        block_sizes,
    )


def _arrays(
    frequencies: Ints, documents: Ints, counts: Ints, bags: Ints, bag_sizes: Ints, lengths: Ints,
    block_sizes: Sequence[int] | Ints,
) -> PostingArrays:  # fmt: skip
    firsts = np.full(len(frequencies), _NOWHERE, np.uint32)
    # Backwards, as the last of several values for one place is the one that stays.
    firsts[bags[::-1]] = np.arange(len(bags), dtype=np.uint32)[::-1]
    return PostingArrays(
        _starts(frequencies),
        documents.astype(np.uint32),
        counts.astype(np.uint16),
        firsts,
        bags.astype(np.uint32),
        _starts(bag_sizes),
        lengths.astype(np.uint32),
        _starts(block_sizes),
    )


def _starts(sizes: Sequence[int] | Ints) -> Ints:
    starts = np.zeros(len(sizes) + 1, np.uint32)
    np.cumsum(np.asarray(sizes, np.uint32), out=starts[1:])
    return starts


def count_documents(
    documents: Sequence[Sequence[str]], block_sizes: Sequence[int] | None = None
) -> tuple[TermTable, PostingArrays]:
    """Return the posting lists of tokenized documents; each is a block if nothing else is said."""
    ids: dict[str, int] = {}
    numbers = [ids.setdefault(term, len(ids)) for document in documents for term in document]
    lengths = [len(document) for document in documents]
    terms = list(ids)
    found = TermRows(
        np.array(numbers, np.int32), np.repeat(np.arange(len(lengths)), lengths), len(lengths)
    )
    table, rows = table_of(terms, hash_terms(terms), [found.terms])
    sizes = [1] * len(documents) if block_sizes is None else block_sizes
    return table, invert(rows[0], found, len(table), sizes)


def table_of(
    terms: Sequence[str], hashes: Hashes, columns: Sequence[Ints]
) -> tuple[TermTable, list[Ints]]:
    """Return the table of those ``terms`` that occur in ``columns``, and these with its rows."""
    used = np.zeros(len(terms), bool)
    for column in columns:
        used[column] = True
    numbers = np.flatnonzero(used)
    numbers = numbers[np.argsort(hashes[numbers])]
    rows = np.zeros(len(terms), np.int32)
    rows[numbers] = np.arange(len(numbers), dtype=np.int32)
    table = TermTable.of([terms[number] for number in numbers.tolist()], hashes[numbers])
    return table, [rows[column] for column in columns]


# -- joining them ----------------------------------------------------------------------------


def join_tables(tables: Sequence[TermTable], used: Sequence[Bools]) -> tuple[TermTable, list[Ints]]:
    """Return one table with the ``used`` rows of several, and where each old row went."""
    kept = [table.hashes[mask] for table, mask in zip(tables, used, strict=True)]
    hashes, places = np.unique(np.concatenate(kept), return_index=True)
    starts = np.concatenate([t.text_starts[:-1][m] for t, m in zip(tables, used, strict=True)])
    ends = np.concatenate([t.text_starts[1:][m] for t, m in zip(tables, used, strict=True)])
    bases = np.repeat(
        np.cumsum([0, *(len(table.text) for table in tables[:-1])]), [len(k) for k in kept]
    )
    sizes = (ends - starts)[places]
    text = np.concatenate([table.text for table in tables])
    joined = TermTable(
        hashes, _starts(sizes), text[spread(starts[places].astype(np.int64) + bases[places], sizes)]
    )
    return joined, [hashes.searchsorted(table.hashes).astype(np.uint32) for table in tables]


def join(
    parts: Sequence[PostingArrays], kept: Sequence[Bools], rows: Sequence[Ints], term_count: int
) -> PostingArrays:
    """Return the posting lists of all ``kept`` blocks of several parts, in their order.

    ``rows`` are those of each part's terms in the common table, ascending.
    """
    pieces = [_Piece(part, mask, row) for part, mask, row in zip(parts, kept, rows, strict=True)]
    sizes = [np.bincount(piece.rows, minlength=term_count) for piece in pieces]
    total = np.sum(sizes, axis=0) if sizes else np.zeros(term_count, np.int64)
    ends = np.cumsum(total)
    # What comes next for each term; a part's postings of a term go there as a whole.
    free = ends - total
    documents = np.zeros(int(total.sum()), np.uint32)
    counts = np.zeros(len(documents), np.uint16)
    first_document = 0
    for piece, size in zip(pieces, sizes, strict=True):
        shift = free - (np.cumsum(size) - size)
        places = np.arange(len(piece.rows)) + shift[piece.rows]
        documents[places] = piece.documents + first_document
        counts[places] = piece.counts
        free += size
        first_document += len(piece.lengths)
    return _arrays(
        total,
        documents,
        counts,
        np.concatenate([piece.bags for piece in pieces]),
        np.concatenate([piece.bag_sizes for piece in pieces]),
        np.concatenate([piece.lengths for piece in pieces]),
        np.concatenate([piece.block_sizes for piece in pieces]),
    )


class _Piece:
    """What is kept of a part: its postings by row of the common table, and its bags."""

    def __init__(self, part: PostingArrays, kept: Bools, rows: Ints) -> None:
        self.rows = np.repeat(rows, np.diff(part.starts))
        self.documents, self.counts = part.documents, part.counts
        self.bags, self.bag_sizes = rows[part.bags], np.diff(part.bag_starts)
        self.lengths = part.lengths
        self.block_sizes = np.diff(part.block_starts)
        if not kept.all():
            here = np.repeat(kept, self.block_sizes)
            wanted = here[self.documents]
            self.rows, self.counts = self.rows[wanted], self.counts[wanted]
            self.documents = (np.cumsum(here) - 1)[self.documents[wanted]]
            self.bags = self.bags[np.repeat(here, self.bag_sizes)]
            self.bag_sizes, self.lengths = self.bag_sizes[here], self.lengths[here]
            self.block_sizes = self.block_sizes[kept]


def used_rows(parts: Sequence[PostingArrays], kept: Bools) -> Bools:
    """Return which terms of a common table some kept block has in some of the ``parts``."""
    used = np.zeros(len(parts[0].starts) - 1, bool)
    for part in parts:
        here = np.repeat(np.repeat(kept, np.diff(part.block_starts)), np.diff(part.bag_starts))
        used[part.bags[here]] = True
    return used
