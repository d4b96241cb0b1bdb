"""A part of the index: some files, what is searched of them and what is shown of them.

A segment is made once, of analysed files or of other segments, and never changes but for marks on
files that are gone (O'Neil et al., "The log-structured merge-tree", 1996). It is a handful of flat
arrays, so that the crawling process makes it, a file keeps it, and the server maps that file into
memory: of a large workspace only the pages that queries touch are ever in RAM.
"""

from __future__ import annotations

import json
import mmap
import struct
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from infill_retrieval.files.sources import Source
from infill_retrieval.indexing.analysis import FORMAT, Details, Draft
from infill_retrieval.indexing.postings import (
    PostingArrays,
    Postings,
    TermTable,
    invert,
    join,
    join_tables,
    table_of,
    used_rows,
)
from infill_retrieval.indexing.terms import Bools, Ints, TermNumbers, TermRows

MERGE_RATIO = 4
"""Segments are merged when the older has less than this many times the documents of the newer."""
DIGEST_BYTES = 16
_MAGIC = b"infill-s"
_HEAD = struct.Struct("<8sIII")
"""Magic, format, length of the JSON that follows, checksum of what comes after that."""
_ALIGNMENT = 8


@dataclass(frozen=True, slots=True)
class FileColumns:
    """What is known of each file of a segment, column by column."""

    paths: Ints
    """Texts are UTF-8 with a zero byte after each."""
    names: Ints
    packages: Ints
    types: Ints
    """The names of the types that a file declares, one a line."""
    sizes: Ints
    mtimes: Ints
    digests: Ints
    detail_starts: Ints
    details: Ints


class Segment:
    """Files and their posting lists. ``living`` says which files are not gone."""

    def __init__(
        self,
        name: str,
        files: FileColumns,
        table: TermTable,
        windows: PostingArrays,
        declarations: PostingArrays,
    ) -> None:
        self.name = name
        self._files = files
        self.table = table
        self.declared_types = _texts(files.types)
        """For each file the names of the types that it declares, one a line."""
        columns = zip(_texts(files.paths), _texts(files.names), files.sizes.tolist(),
                      files.mtimes.tolist(), strict=True)  # fmt: skip
        self.sources = [Source(*row) for row in columns]
        self.packages = _texts(files.packages)
        paths = [source.path for source in self.sources]
        self.windows: Postings[str] = Postings(paths, table, windows)
        self.declarations: Postings[str] = Postings(paths, table, declarations)
        self.living: Bools = np.ones(len(paths), bool)

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def living_documents(self) -> int:
        """Number of windows and declarations of the files that are not gone."""
        return self.windows.living_documents + self.declarations.living_documents

    def types_of(self, number: int) -> list[str]:
        """Return the names of the types that a file declares."""
        names = self.declared_types[number]
        return names.split("\n") if names else []

    def digest_of(self, number: int) -> bytes:
        """Return the hash of a file's text; see :func:`infill_retrieval.indexing.analysis.digest_of`."""
        start = number * DIGEST_BYTES
        return self._files.digests[start : start + DIGEST_BYTES].tobytes()

    def details_of(self, number: int) -> Details:
        """Return the details of a file that are shown."""
        return Details(self.packed_details_of(number))

    def packed_details_of(self, number: int) -> bytes:
        """Return the same in bytes."""
        start, stop = (int(n) for n in self._files.detail_starts[number : number + 2])
        return self._files.details[start:stop].tobytes()

    def remove(self, numbers: Sequence[int]) -> None:
        """Mark files as gone; those that are so already stay so."""
        numbers = [number for number in numbers if self.living[number]]
        if numbers:
            self.living[numbers] = False
            self.windows.remove_many(numbers)
            self.declarations.remove_many(numbers)

    # -- bytes -----------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Return the segment, files that are gone included, for :meth:`from_buffer`."""
        arrays = self._arrays()
        directory: dict[str, tuple[str, int, int]] = {}
        parts: list[bytes] = []
        place = 0
        for name, array in arrays.items():
            data = np.ascontiguousarray(array).tobytes()
            directory[name] = array.dtype.str, place, len(array)
            padding = -len(data) % _ALIGNMENT
            parts += [data, b"\0" * padding]
            place += len(data) + padding
        body = b"".join(parts)
        header = json.dumps({"name": self.name, "arrays": directory}).encode()
        header += b" " * (-(_HEAD.size + len(header)) % _ALIGNMENT)
        return _HEAD.pack(_MAGIC, FORMAT, len(header), zlib.crc32(body)) + header + body

    def _arrays(self) -> dict[str, Ints]:
        groups: dict[str, FileColumns | TermTable | PostingArrays] = {
            "files": self._files,
            "table": self.table,
            "windows": self.windows.arrays,
            "declarations": self.declarations.arrays,
        }
        return {
            f"{group}.{field.name}": getattr(record, field.name)
            for group, record in groups.items()
            for field in fields(record)
        }

    @classmethod
    def from_buffer(cls, buffer: bytes | mmap.mmap, *, check: bool = False) -> Self:
        """Return the segment that :meth:`to_bytes` made; its arrays lie in ``buffer``.

        ``check`` reads all of it and compares the checksum. Raises ``ValueError`` for bytes that
        are damaged or of another version.
        """
        data = memoryview(buffer)
        try:
            magic, version, header_bytes, checksum = _HEAD.unpack_from(data)
            if magic != _MAGIC or version != FORMAT:
                raise ValueError("a segment of another version")
            body = data[_HEAD.size + header_bytes :]
            if check and zlib.crc32(body) != checksum:
                raise ValueError("a damaged segment")
            header = json.loads(bytes(data[_HEAD.size : _HEAD.size + header_bytes]))
            arrays = {
                name: np.frombuffer(body, dtype, count, place) if count else np.zeros(0, dtype)
                for name, (dtype, place, count) in header["arrays"].items()
            }

            def group(name: str) -> dict[str, Ints]:
                start = f"{name}."
                return {k.removeprefix(start): a for k, a in arrays.items() if k.startswith(start)}

            return cls(
                header["name"],
                FileColumns(**group("files")),
                TermTable(**group("table")),  # type: ignore[arg-type]
                PostingArrays(**group("windows")),
                PostingArrays(**group("declarations")),
            )
        except (struct.error, KeyError, TypeError, UnicodeDecodeError) as error:
            raise ValueError("a damaged segment") from error


# -- making them -----------------------------------------------------------------------------


def build_segment(drafts: Sequence[Draft], numbers: TermNumbers) -> Segment:
    """Return a segment of analysed files."""
    windows, declarations = _window_terms(drafts, numbers), _declaration_terms(drafts, numbers)
    table, (window_rows, declaration_rows) = table_of(
        numbers.terms(), numbers.hashes(), [windows.terms, declarations.terms]
    )
    analyses = [draft.analysis for draft in drafts]
    return Segment(
        uuid.uuid4().hex,
        _columns(
            [draft.source for draft in drafts],
            [analysis.package for analysis in analyses],
            ["\n".join(analysis.types) for analysis in analyses],
            b"".join(draft.digest for draft in drafts),
            [analysis.details for analysis in analyses],
        ),
        table,
        invert(window_rows, windows, len(table), [len(a.window_starts) for a in analyses]),
        invert(declaration_rows, declarations, len(table), [len(a.signatures) for a in analyses]),
    )


def _window_terms(drafts: Sequence[Draft], numbers: TermNumbers) -> TermRows:
    texts = [draft.analysis.text for draft in drafts]
    bases = np.cumsum([0, *(len(text) + 1 for text in texts)])[:-1]
    starts = [d.analysis.window_starts + base for d, base in zip(drafts, bases, strict=True)]
    ends = [d.analysis.window_ends + base for d, base in zip(drafts, bases, strict=True)]
    return numbers.number("\n".join(texts), _joined(starts), _joined(ends))


def _declaration_terms(drafts: Sequence[Draft], numbers: TermNumbers) -> TermRows:
    signatures = [text for draft in drafts for text in draft.analysis.signatures]
    lengths = np.fromiter(map(len, signatures), np.int64, len(signatures))
    ends = np.cumsum(lengths + 1) - 1
    return numbers.number("\n".join(signatures), ends - lengths, ends)


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def should_merge(older: Segment, newer: Segment) -> bool:
    """Return whether two segments should be one, so that few are left however many are made."""
    return older.living_documents < MERGE_RATIO * newer.living_documents


def merge_segments(
    segments: Sequence[Segment],
    kept: Sequence[Bools] | None = None,
    sources: Sequence[Source] | None = None,
) -> Segment:
    """Return one segment with the ``kept`` files of several, in their order.

    Without ``kept`` those are the living ones. ``sources`` may say where the kept files are now:
    a text that was analysed once serves wherever it turns up again.
    """
    kept = kept if kept is not None else [segment.living.copy() for segment in segments]
    pairs = list(zip(segments, kept, strict=True))
    used = [used_rows([s.windows.arrays, s.declarations.arrays], mask) for s, mask in pairs]
    table, rows = join_tables([segment.table for segment in segments], used)
    places = [(segment, int(n)) for segment, mask in pairs for n in np.flatnonzero(mask)]
    if sources is None:
        sources = [segment.sources[number] for segment, number in places]
    return Segment(
        uuid.uuid4().hex,
        _columns(
            sources,
            [segment.packages[number] for segment, number in places],
            [segment.declared_types[number] for segment, number in places],
            b"".join(segment.digest_of(number) for segment, number in places),
            [segment.packed_details_of(number) for segment, number in places],
        ),
        table,
        join([segment.windows.arrays for segment in segments], kept, rows, len(table)),
        join([segment.declarations.arrays for segment in segments], kept, rows, len(table)),
    )


def _columns(
    sources: Sequence[Source],
    packages: Sequence[str],
    types: Sequence[str],
    digests: bytes,
    details: Sequence[bytes],
) -> FileColumns:
    return FileColumns(
        paths=_column([source.path for source in sources]),
        names=_column([source.name for source in sources]),
        packages=_column(packages),
        types=_column(types),
        sizes=np.array([source.size_bytes for source in sources], np.int64),
        mtimes=np.array([source.mtime_ns for source in sources], np.int64),
        digests=np.frombuffer(digests, np.uint8),
        detail_starts=np.cumsum([0, *map(len, details)], dtype=np.int64),
        details=np.frombuffer(b"".join(details), np.uint8),
    )


def _column(texts: Sequence[str]) -> Ints:
    # Each text ends in a zero byte, so that one empty text is not the same as none.
    joined = "".join(text.replace("\0", "") + "\0" for text in texts)
    return np.frombuffer(joined.encode("utf-8", "surrogatepass"), np.uint8)


def _texts(column: Ints) -> list[str]:
    return column.tobytes().decode("utf-8", "surrogatepass").split("\0")[:-1]
