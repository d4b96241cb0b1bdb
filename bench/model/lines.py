"""Lines to be completed in packages that a model never saw, and three ways to ask for them."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infill_ls.engine import CompletionRequest, Engine
from infill_ls.measuring.cross_file import read
from infill_ls.measuring.holes import CutHole, line_holes
from infill_ls.measuring.next_lines import NextLines, snapshot_of, uses_in, written_line
from infill_ls.suggesting.stopping import stop_rule
from infill_ls.types import Snapshot, Trigger
from infill_retrieval.files.sources import find_sources
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.settings import DEFAULT_SETTINGS
from infill_retrieval.syntax import language_of

LEAST_LEFT_CHARS = 3
"""A cut leaves so much of the line to write."""
CASES_OF_A_FILE = 3
NOT_WRITTEN = (".d.ts", ".min.js", ".d.mts", ".d.cts", ".min.css")
NOT_WRITTEN_FOLDERS = frozenset(
    {"node_modules", "prebuilds", "generated", "dist", "lib.esm", "lib.commonjs", "_cjs", "_esm"}
)
SPARE = 4
"""So many cases are drawn for each that is used: some lie in files that nobody wrote. Python's
packages have none of these, and their cases are those of earlier measurements."""
PLAIN, HOLE, SNIPPETS = "plain", "hole", "hole with snippets"
WAYS = (PLAIN, HOLE, SNIPPETS)
HUMANEVAL = "humaneval"
"""A kind of case: a line of HumanEval."""
RAW = "raw hole"
"""As a program asks that knows nothing of the server's form: the hole holds its line's end."""


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """What was written in each way for one hole."""

    id: str
    package: str
    kind: str
    """A `HoleKind` or ``HUMANEVAL``."""
    wanted: str
    written: dict[str, str]
    """By the way of asking."""
    language: str = "python"

    def is_right(self, way: str) -> bool:
        """Return whether the rest of the line was written exactly."""
        return self.written[way].rstrip() == self.wanted.rstrip()


@dataclass(frozen=True, slots=True)
class KeyTime:
    """What the suggestion after one more key took."""

    total_ms: float
    decode_tokens: int
    decode_ms: float


class Asker:
    """Asks in all ways for the holes of one package."""

    def __init__(
        self,
        engine: Engine,
        index: WorkspaceIndex,
        folder: Path,
        model: str,
        language: str = "python",
    ) -> None:
        self._engine, self._folder, self._language = engine, folder, language
        self._lines = NextLines(engine, index.retrieve, folder, model)

    async def ask(self, hole: CutHole, ways: Sequence[str] = WAYS) -> LineAnswer:
        """Return what is written for ``hole`` in some ways."""
        snapshot = self._snapshot(hole, 0)
        written = {}
        for way in ways:
            if way == PLAIN:
                written[way] = await self._plain(hole)
                continue
            report = await self._lines.ask(snapshot, with_snippets=way == SNIPPETS)
            written[way] = written_line(report)
        return LineAnswer(
            hole.id, self._folder.name, hole.kind, hole.wanted, written, self._language
        )

    async def prompts(self, hole: CutHole, ways: Sequence[str]) -> list[dict[str, object]]:
        """Return what the model would be asked, for a program that answers many at once."""
        snapshot = self._snapshot(hole, 0)
        return [await self.prompt(hole, way, snapshot) for way in ways]

    async def prompt(self, hole: CutHole, way: str, snapshot: Snapshot) -> dict[str, object]:
        """Return what the model would be asked at ``snapshot``, as a record of the way ``way``."""
        prepared = await self._lines.prepare(snapshot, with_snippets=way == SNIPPETS)
        assert prepared.prompt is not None
        return {
            "id": hole.id,
            "package": self._folder.name,
            "language": self._language,
            "kind": str(hole.kind),
            "way": way,
            "wanted": hole.wanted,
            "ids": list(prepared.prompt.token_ids),
            "fragment": prepared.prompt.fragment,
        }

    async def time_next_key(self, hole: CutHole) -> KeyTime:
        """Return what the suggestion after one more character takes, with snippets.

        The snippets are held and the rest of the prompt is computed, as while somebody types.
        """
        await self._lines.ask(self._snapshot(hole, 0), with_snippets=True)
        began = time.perf_counter()
        report = await self._lines.ask(self._snapshot(hole, 1), with_snippets=True)
        total_ms = (time.perf_counter() - began) * 1000
        if report.completion is None:  # nothing was left to write
            return KeyTime(total_ms, 0, 0.0)
        timings = report.completion.timings
        return KeyTime(total_ms, timings.decode_tokens, timings.decode_ms)

    async def _plain(self, hole: CutHole) -> str:
        """Return how the text goes on, for a model that is told of no hole."""
        snapshot = self._snapshot(hole, 0)
        prepared = await self._lines.prepare(
            replace(snapshot, text=snapshot.text[: snapshot.offset]), with_snippets=False
        )
        assert prepared.prompt is not None
        assert prepared.hole is not None
        fim = (await self._engine.start()).fim_tokens()
        markers = {fim.prefix, fim.suffix, fim.middle}
        ids = prepared.prompt.token_ids
        before = sum(token in markers for token in ids[: prepared.prompt.anchor_tokens])
        prompt = replace(
            prepared.prompt,
            token_ids=tuple(token for token in ids if token not in markers),
            anchor_tokens=prepared.prompt.anchor_tokens - before,
        )
        settings = self._lines.settings
        stop = stop_rule(prepared.hole, Trigger.INVOKED, settings)
        found = await self._engine.complete(
            CompletionRequest(prompt=prompt, stop=stop, sampling=settings.completion.sampling)
        )
        return found[0].text.partition("\n")[0] if found else ""

    def _snapshot(self, hole: CutHole, typed_chars: int) -> Snapshot:
        return snapshot_of(self._folder, hole, typed_chars=typed_chars, document=hole.id)


def random_columns(folder: Path, count: int, language: str = "python") -> list[CutHole]:
    """Return up to ``count`` lines of ``folder``, of files drawn by chance, cut at any column."""
    names = sorted(source.name for source in find_sources(folder, DEFAULT_SETTINGS))
    chooser = random.Random(f"{folder.name} 1")
    chooser.shuffle(names)
    found: list[CutHole] = []
    for name in names:
        if is_written(name, language):
            text = read(folder / name)
            most = min(CASES_OF_A_FILE, count - len(found))
            found += [cut_anywhere(hole, chooser) for hole in line_holes(name, text, most, 1)]
    return found


def is_written(name: str, language: str) -> bool:
    """Return whether somebody has written this file, in this language (or its form with tags)."""
    parts = Path(name).parts
    return (
        language_of(name).name in {language, "tsx" if language == "typescript" else language}
        and not name.endswith(NOT_WRITTEN)
        and not NOT_WRITTEN_FOLDERS.intersection(parts)
    )


def cut_anywhere(hole: CutHole, chooser: random.Random) -> CutHole:
    """Return the hole from a column of its line that is drawn by chance."""
    start = chooser.randint(hole.start, hole.end - LEAST_LEFT_CHARS)
    return replace(hole, id=f"{hole.path}:{start}", start=start)


def cross_file(folder: Path, count: int, language: str = "python") -> list[CutHole]:
    """Return up to ``count`` rests of lines that begin with what another file declares."""
    spare = 1 if language == "python" else SPARE
    found = [
        replace(hole, id=f"{hole.path}:{hole.start}")
        for _, hole in uses_in(folder, language, count * spare)
        if is_written(hole.path, language)
    ]
    if len(found) <= count:
        return found
    return random.Random(f"{folder.name} 2").sample(found, count)
