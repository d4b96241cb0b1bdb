"""Cut source files into samples, in the order and the format in which the server asks.

A file is tokenised once. The tokenizer splits at every newline, so that the ids of a run of whole
lines are the ids of that text alone; only a line that is cut inside is tokenised again.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from infill_retrieval.render import path_comment
from training.functions import FunctionLines, functions_of
from training.links import foreign_uses
from training.nodes import NodeSpan, nodes_of, one_of
from training.retrieved import PackageSearch
from training.tokens import BOS, EOS, FIM_BEGIN, FIM_END, FIM_HOLE, Encoder, Ids

MIDDLE_TOKENS = 256
PLAIN_TOKENS = 1_900
ONE_LINE_SHARE, INSIDE_SHARE = 0.62, 0.12
"""Shares of the holes: one line; up to a point inside a line; the rest are several lines."""
NO_SUFFIX_SHARE = 0.12
RAW_TYPED_SHARE = 0.5
"""Share of the raw holes that are in a line that has begun."""
IMPORTS_SHARE = 0.35
"""Share of single functions that stand under some of their file's imports."""
FUNCTION_NAMES = ("solution.py", "main.py", "utils.py")
CLOSERS = frozenset(")]}>\"'`;:, \t")
"""A line's rest that has nothing else belongs to the middle, as the server leaves it out."""

_IMPORT = re.compile(r"(?:from [\w.]+ )?import [\w., ]+$")
_WORD_START = re.compile(r"(?<![A-Za-z0-9_])[A-Za-z0-9_]|[^\sA-Za-z0-9_]")


@dataclass
class SourceFile:
    """A file with its ids and where its lines start in them."""

    path: str
    lines: list[str]
    ids: Ids
    starts: list[int]
    """Index of each line's first id, and at the end the number of ids."""
    name_ids: Ids
    links: list[int] = field(default_factory=list)
    """Lines that use first what another file of the shard declares."""
    nodes: list[NodeSpan] = field(default_factory=list)
    """Nodes of its syntax tree, if holes are asked for that are nodes."""

    @classmethod
    def of(cls, path: str, text: str, encode: Encoder) -> SourceFile | None:
        """Tokenise ``text``; ``None`` if a marker in it would break the count of lines."""
        if not text.endswith("\n"):
            text += "\n"
        ids = encode(text)
        starts = [0, *(np.flatnonzero(ids == encode.newline) + 1).tolist()]
        lines = text.split("\n")[:-1]
        if len(lines) != len(starts) - 1 or bool((ids < 6).any()):
            return None
        return cls(path, lines, ids, starts, encode(path_comment(path)))

    def tokens(self, first: int, last: int) -> Ids:
        """Return the ids of the lines ``first`` to before ``last``, newlines included."""
        return self.ids[self.starts[first] : self.starts[last]]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _last_line_of_block(file: SourceFile, first: int, most: int) -> int:
    """Return the last line of the run from ``first`` that does not leave its indentation."""
    last = at = first
    indent = _indent(file.lines[first])
    while at + 1 < len(file.lines) and most > 0:
        at += 1
        line = file.lines[at]
        if line.strip():
            if _indent(line) < indent:
                break
            last = at
            most -= 1
    return last


@dataclass(frozen=True)
class SampleBudgets:
    """How long the parts of a sample are at most, in tokens, as the server sets them."""

    prefix: int = 768
    suffix: tuple[int, ...] = (48, 128, 256, 256, 256)
    """One is drawn for each sample, as of ``context``."""
    context: tuple[int, ...] = (512, 512, 256)
    windows: tuple[int, ...] = (80, 120, 180, 250, 350, 500, 700, 1_000)
    """Of these one is drawn for each piece of a file. A short piece gives a middle as well as a
    long one does."""


BUDGETS = SampleBudgets()


@dataclass(frozen=True)
class Mix:
    """How many samples of each kind are made of a file."""

    windows: float = 1.0
    """Share of a Python file's windows that are used."""
    functions: float = 1.0
    """Scales how often single functions come."""
    plain: float = 0.12
    """Share of the windows that have no hole."""
    context: float = 0.4
    """Share of the holes in windows that snippets of other files stand in front of."""
    linked: float = 0.0
    """Share of the holes in windows that are, where there is one, on a line that uses first what
    another file declares."""
    raw: float = 0.0
    """Share of the holes in windows that are asked for as other programs ask: see `_raw`."""
    nodes: float = 0.0
    """Share of the other holes in windows that are whole nodes of the syntax tree: see `_node`."""

    @classmethod
    def at(cls, share: float, decay_from: float) -> Mix:
        """Return the mix at ``share`` of the run: while the rate decays, it nears what is asked.

        What a model sees last, at a low rate, is what it is best at: single functions, holes
        rather than plain text, snippets.
        """
        late = min(1.0, max(0.0, (share - decay_from) / 0.1)) if decay_from < 1 else 0.0
        return cls(
            windows=1.0 - 0.2 * late,
            functions=1.0 + 0.4 * late,
            plain=0.12 - 0.07 * late,
            context=0.4 + 0.2 * late,
        )

    def times(self, function: FunctionLines) -> float:
        """Return how many samples ``function`` gives in one pass, on average."""
        times = 0.3 + 0.3 * function.has_docstring
        if function.is_algorithm:
            times = 1.2 + 1.0 * function.has_docstring
        return times * self.functions


class SampleMaker:
    """Makes the samples of a shard: files of one package that may be each other's context."""

    def __init__(
        self,
        encode: Encoder,
        rng: random.Random,
        mix: Callable[[], Mix] = Mix,
        budgets: SampleBudgets = BUDGETS,
    ) -> None:
        self.encode, self.rng, self._mix, self.budgets = encode, rng, mix, budgets

    def shard(self, files: Sequence[tuple[str, str]]) -> Iterator[Ids]:
        """Yield the samples of one pass over ``files`` (path and text)."""
        read = [SourceFile.of(path, text, self.encode) for path, text in files]
        sources = [file for file in read if file is not None]
        links = foreign_uses({file.path: file.lines for file in sources})
        for file in sources:
            file.links = links[file.path]
            if self._mix().nodes:
                file.nodes = nodes_of(file.path, "\n".join(file.lines) + "\n")
        with PackageSearch(files, self.encode) as search:
            for file in self.rng.sample(sources, len(sources)):
                yield from self._file(file, search)

    def _file(self, file: SourceFile, search: PackageSearch) -> Iterator[Ids]:
        rng, line, end = self.rng, 0, len(file.lines)
        mix = self._mix()
        python = file.path.endswith(".py")
        if python:
            yield from self._functions(file, mix)
        while line < end:
            size, last = rng.choice(self.budgets.windows), line
            while last < end and file.starts[last] - file.starts[line] < size:
                last += 1
            if end - last < 4:
                last = end
            used = not python or rng.random() < mix.windows
            if used and file.starts[last] - file.starts[line] >= 24:
                if rng.random() < mix.plain:
                    yield self._plain(file, line, last)
                else:
                    near = search if rng.random() < mix.context else None
                    if rng.random() < mix.raw:
                        sample = self._raw(file, near, line, last)
                    elif mix.nodes and rng.random() < mix.nodes:
                        sample = self._node(file, near, line, last)
                    else:
                        linked = rng.random() < mix.linked
                        sample = self._infill(file, near, line, last, linked=linked)
                    if sample is not None:
                        yield sample
            line = last

    def _functions(self, file: SourceFile, mix: Mix) -> Iterator[Ids]:
        """Yield samples of single functions, moved to the margin, as a file of their own."""
        rng = self.rng
        imports: list[str] | None = None
        for function in functions_of(file.lines):
            times = mix.times(function)
            count = int(times) + (rng.random() < times % 1)
            if not count:
                continue
            if imports is None:
                imports = [line for line in file.lines[:60] if _IMPORT.match(line)]
            for _ in range(count):
                sample = self._function(file, function, imports)
                if sample is not None:
                    yield sample

    def _function(
        self, file: SourceFile, function: FunctionLines, imports: list[str]
    ) -> Ids | None:
        rng = self.rng
        margin = _indent(file.lines[function.first])
        lines = [
            line[margin:] if not line[:margin].strip() else line
            for line in file.lines[function.first : function.last]
        ]
        head: list[str] = []
        if imports and rng.random() < IMPORTS_SHARE:
            head = [*rng.sample(imports, min(len(imports), rng.randint(1, 4))), "", ""]
        name = file.path if rng.random() < 0.6 else rng.choice(FUNCTION_NAMES)
        alone = SourceFile.of(name, "\n".join((*head, *lines)) + "\n", self.encode)
        if alone is None or len(alone.ids) > 1_100:
            return None
        first = len(head) if rng.random() < 0.15 else len(head) + function.body - function.first
        return self._infill(alone, None, 0, len(alone.lines), first_hole=first)

    def _header(self, file: SourceFile) -> Ids:
        if self.rng.random() < 0.2:
            return self.encode(path_comment(file.path.rpartition("/")[2]))
        return file.name_ids

    def _plain(self, file: SourceFile, first: int, last: int) -> Ids:
        body = file.tokens(first, last)[: PLAIN_TOKENS - len(file.name_ids)]
        return np.concatenate(([BOS], self._header(file), body, [EOS])).astype(np.uint16)

    def _infill(
        self,
        file: SourceFile,
        search: PackageSearch | None,
        first: int,
        last: int,
        first_hole: int | None = None,
        linked: bool = False,
    ) -> Ids | None:
        rng = self.rng
        links = [at for at in file.links if first <= at < last] if linked else []
        hole = rng.choice(links) if links else self._any_line(file, first_hole or first, last)
        if hole < 0:
            return None
        draw, last_middle, line_rest = rng.random(), hole, ""
        line = file.lines[hole]
        middle = file.tokens(hole, hole + 1)[:-1]
        if draw < ONE_LINE_SHARE:
            pass
        elif draw < ONE_LINE_SHARE + INSIDE_SHARE:
            cuts = [m.start() for m in _WORD_START.finditer(line, _indent(line) + 1)]
            cuts = [c for c in cuts if not CLOSERS.issuperset(line[c:])]
            if cuts:
                cut = rng.choice(cuts)
                middle, line_rest = self.encode(line[:cut]), line[cut:]
        else:
            last_middle = _last_line_of_block(file, hole, rng.choice((1, 1, 2, 2, 3, 4, 6, 9)))
            middle = file.tokens(hole, last_middle + 1)[:-1]
        if not 0 < len(middle) <= MIDDLE_TOKENS:
            return None
        suffix = self._suffix(file, last_middle, line_rest)
        # What is typed of the line is in the query, what is to be written never is.
        typed = line[: rng.randint(0, len(line))] if rng.random() < 0.7 else ""
        context = self._context(file, search, hole, typed, line_rest, last_middle)
        prefix = file.tokens(self._first_line(file, first, hole), hole)
        return _sample((context, self._header(file), prefix), suffix, middle)

    def _raw(
        self, file: SourceFile, search: PackageSearch | None, first: int, last: int
    ) -> Ids | None:
        """Return a hole as programs ask that know nothing of the server's form.

        What is typed of the line stands in the prefix. The hole holds its line's end and the suffix
        begins right behind it, or, where something is typed, the suffix may begin with the end.
        """
        rng = self.rng
        hole = self._any_line(file, first, last)
        if hole < 0:
            return None
        line, last_middle = file.lines[hole], hole
        if rng.random() >= ONE_LINE_SHARE + INSIDE_SHARE:
            last_middle = _last_line_of_block(file, hole, rng.choice((1, 1, 2, 2, 3, 4, 6, 9)))
        typed = line[: rng.randrange(len(line))] if rng.random() < RAW_TYPED_SHARE else ""
        rest = self.encode(line[len(typed) :])
        following = file.tokens(hole + 1, last_middle + 1)
        middle = np.concatenate((rest, [self.encode.newline], following)).astype(np.uint16)
        suffix = self._suffix(file, last_middle, "")
        if typed and rng.random() < 0.5:
            middle = middle[:-1]
        else:
            suffix = suffix[1:]
        if not 0 < len(middle) <= MIDDLE_TOKENS:
            return None
        context = self._context(file, search, hole, typed, "", last_middle)
        header = self._header(file) if rng.random() < 0.5 else np.empty(0, np.uint16)
        prefix = file.tokens(self._first_line(file, first, hole), hole)
        return _sample((context, header, prefix, self.encode(typed)), suffix, middle)

    def _node(
        self, file: SourceFile, search: PackageSearch | None, first: int, last: int
    ) -> Ids | None:
        """Return a hole that is a node, behind what stands in front of it in its line.

        As at the cursor of an editor: the line up to the node is typed, and closing brackets behind it
        are left out of the suffix.
        """
        rng = self.rng
        node = one_of(file.nodes, first, last, rng)
        if node is None:
            return None
        hole, last_middle = node.first_line, node.last_line
        typed = file.lines[hole][: node.first_column]
        lines = file.lines[hole : last_middle + 1]
        line_rest = lines[-1][node.last_column :]
        if CLOSERS.issuperset(line_rest):
            line_rest = ""
        lines[-1] = lines[-1][: len(lines[-1]) - len(line_rest)]
        middle = self.encode("\n".join(lines))
        if not 0 < len(middle) <= MIDDLE_TOKENS:
            return None
        suffix = self._suffix(file, last_middle, line_rest)
        shown = typed[: rng.randint(0, len(typed))]
        context = self._context(file, search, hole, shown, line_rest, last_middle)
        prefix = file.tokens(self._first_line(file, first, hole), hole)
        return _sample((context, self._header(file), prefix), suffix, middle)

    def lines_hole(self, file: SourceFile, first: int, last: int, context: Ids) -> Ids | None:
        """Return a hole of the lines ``first`` to before ``last``, behind a given ``context``."""
        middle = file.tokens(first, last)[:-1]
        if not 0 < len(middle) <= MIDDLE_TOKENS:
            return None
        suffix = self._suffix(file, last - 1, "")
        prefix = file.tokens(self._first_line(file, 0, first), first)
        return _sample((context, self._header(file), prefix), suffix, middle)

    def _first_line(self, file: SourceFile, first: int, hole: int) -> int:
        while file.starts[hole] - file.starts[first] > self.budgets.prefix:
            first += 1
        return first

    def _context(
        self,
        file: SourceFile,
        search: PackageSearch | None,
        hole: int,
        typed: str,
        line_rest: str,
        last_middle: int,
    ) -> Ids:
        if search is None:
            return np.empty(0, np.uint16)
        return search.context(
            file.path,
            "\n".join((*file.lines[:hole], typed)),
            "\n".join((line_rest, *file.lines[last_middle + 1 :])),
            self.rng.choice(self.budgets.context),
        )

    def _any_line(self, file: SourceFile, first: int, last: int) -> int:
        """Return a line to leave out, seldom one that only closes something; -1 if none is found."""
        for _ in range(8):
            at = self.rng.randrange(first, last)
            stripped = file.lines[at].strip()
            if stripped and (stripped.strip(")]}>\"'`;:,") or self.rng.random() < 0.2):
                return at
        return -1

    def _suffix(self, file: SourceFile, last_middle: int, line_rest: str) -> Ids:
        if not line_rest and self.rng.random() < NO_SUFFIX_SHARE:
            return np.empty(0, np.uint16)
        budget = self.rng.choice(self.budgets.suffix)
        first = after = last_middle + 1
        while after < len(file.lines) and file.starts[after + 1] - file.starts[first] < budget:
            after += 1
        newline = [self.encode.newline] if first < len(file.lines) or not line_rest else []
        rest = self.encode(line_rest)
        return np.concatenate((rest, newline, file.tokens(first, after))).astype(np.uint16)


def _sample(before: Sequence[Ids], suffix: Ids, middle: Ids) -> Ids:
    parts: tuple[ArrayLike, ...] = (
        [BOS, FIM_BEGIN],
        *before,
        [FIM_HOLE],
        suffix,
        [FIM_END],
        middle,
        [EOS],
    )
    return np.concatenate(parts).astype(np.uint16)


def pack(
    samples: Iterator[Ids], length: int, rng: random.Random, pool_size: int = 256
) -> Iterator[Ids]:
    """Yield rows of ``length`` ids: whole samples, filled up with ends of sequence.

    Samples are drawn at random from a pool, so that neighbours seldom stem from one file.
    """
    pool: list[Ids] = []
    exhausted = False
    while pool or not exhausted:
        row, room = [], length
        while True:
            while len(pool) < pool_size and not exhausted:
                sample = next(samples, None)
                if sample is None:
                    exhausted = True
                elif len(sample) <= length:
                    pool.append(sample)
            at = -1
            for _ in range(6):
                guess = rng.randrange(len(pool)) if pool else -1
                if guess >= 0 and len(pool[guess]) <= room:
                    at = guess
                    break
            if at < 0:
                fitting = [i for i, sample in enumerate(pool) if len(sample) <= room]
                if not fitting:
                    break
                at = max(fitting, key=lambda i: len(pool[i]))
            pool[at], pool[-1] = pool[-1], pool[at]
            row.append(pool.pop())
            room -= len(row[-1])
        if row:
            row.append(np.full(room, EOS, np.uint16))
            yield np.concatenate(row)
