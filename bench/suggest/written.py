"""What the model really writes at random places, and what each filter makes of it.

Takes the rest of a line away at random places of real files, with nothing, a part of it or half a
word typed, asks the model as an editor would, and tells for each filter how many right texts it has
lost (*harm*), how many wrong ones it has made right or stopped (*use*). A text is right if its first
line is the rest of the line that stood there. ``--rows`` keeps a row without any text for each place:
``bench.suggest.fit_shown`` learns from it which suggestions are worth showing.

    python -m bench.suggest.written FOLDER... --rows ROWS --out bench/results/suggest/filters.json
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.command import finish, parser_of
from bench.suggest.truth import paths_by_language, text_of
from rich.progress import track

from infill_ls.engine import EngineOptions
from infill_ls.engine.process import EngineProcess
from infill_ls.gathering import Gathering
from infill_ls.measuring.holes import line_holes
from infill_ls.pipeline import Pipeline
from infill_ls.settings import bundled_model_path, settings_with
from infill_ls.suggesting.filters import Site, conclude, filters_of
from infill_ls.types import Completion, Hole, Snapshot
from infill_retrieval import NO_SNIPPETS

SETTINGS = settings_with(
    snippet_tokens=0, min_probability=0.0, time_budget_ms=20_000, cold_target_ms=0
)
MOST_TYPED_CHARS = 16
LEAST_LEFT_CHARS = 3


@dataclass(frozen=True, slots=True)
class HolePlace:
    """A document with a hole, and what stood there."""

    snapshot: Snapshot
    wanted: str


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """What came of one place, without any text of it."""

    language: str
    is_shown: bool
    is_right: bool
    steps: tuple[tuple[str, str, str], ...]
    """Of each filter that changed the text: its name, the verdict before and after."""


def places(folders: Sequence[Path], files: int, seed: int) -> Iterator[HolePlace]:
    """Yield one place in each of so many files of each language."""
    for language, paths in sorted(paths_by_language(folders).items()):
        chance = random.Random(f"{seed} {language}")
        chance.shuffle(paths)
        used = 0
        for path in paths:
            if (text := text_of(path)) is None or used == files:
                continue
            for hole in line_holes(path.name, text, 1, seed):
                most = max(min(MOST_TYPED_CHARS, len(hole.wanted) - LEAST_LEFT_CHARS), 0)
                typed = chance.choice((0, chance.randint(0, most)))
                buffer, offset = hole.buffer(typed)
                snapshot = Snapshot(
                    uri=path.resolve().as_uri(),
                    path="",
                    name=path.name,
                    language_id=language,
                    text=buffer,
                    offset=offset,
                )
                yield HolePlace(snapshot, hole.wanted[typed:])
                used += 1


def verdict(text: str, wanted: str) -> str:
    """Return ``right``, ``wrong`` or ``nothing``."""
    first = text.partition("\n")[0].strip()
    if not text.strip():
        return "nothing"
    return "right" if first == wanted.strip() else "wrong"


def row_of(place: HolePlace, completion: Completion, hole: Hole) -> PlaceRow | None:
    """Return what became of a completion; nothing, if the model wrote nothing."""
    site = Site.of(hole)
    steps = filters_of(completion, site)
    if not steps:
        return None
    changes, before = [], verdict(completion.text, place.wanted)
    last = completion.text
    for step in steps:
        if step.text != last:
            now = verdict(step.text, place.wanted)
            changes.append((step.name, before, now))
            before, last = now, step.text
    suggestion, _ = conclude(steps, site)
    return PlaceRow(
        hole.language.name,
        suggestion is not None,
        suggestion is not None and verdict(suggestion.text, place.wanted) == "right",
        tuple(changes),
    )


async def ask(found: Sequence[HolePlace], model: Path) -> list[PlaceRow]:
    """Have the model write at each place."""
    engine = EngineProcess(EngineOptions(model))
    pipeline = Pipeline(Gathering(engine, lambda *_: NO_SNIPPETS, SETTINGS))
    rows = []
    try:
        for place in track(found, "places"):
            report = await pipeline.run(place.snapshot)
            if report.completion is None or report.hole is None:
                continue
            if (row := row_of(place, report.completion, report.hole)) is not None:
                rows.append(row)
    finally:
        await engine.close()
    return rows


def filters_table(rows: Sequence[PlaceRow]) -> dict[str, dict[str, int]]:
    """Return for each filter how often it changed a text, its harm and its use."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        for name, before, after in row.steps:
            one = counts.setdefault(name, Counter())
            one["changed"] += 1
            if before == "right" != after:
                one["harm"] += 1
            elif after == "right" != before:
                one["made_right"] += 1
            elif after == "nothing":
                one["stopped"] += 1
    order = ("changed", "harm", "made_right", "stopped")
    return {name: {key: one[key] for key in order} for name, one in sorted(counts.items())}


def main() -> None:
    """Measure and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--files", type=int, default=40, help="most files of a language")
    parser.add_argument("--model", type=Path, default=bundled_model_path())
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    found = list(places(arguments.folders, arguments.files, arguments.seed))
    rows = asyncio.run(ask(found, arguments.model))
    shown = [row for row in rows if row.is_shown]
    figures: dict[str, Any] = {
        "places": len(found),
        "written": len(rows),
        "shown": len(shown),
        "right": sum(row.is_right for row in shown),
        "languages": len({row.language for row in rows}),
        "filters": filters_table(rows),
    }
    run = {"model": arguments.model.name, "files": arguments.files, "seed": arguments.seed}
    finish(arguments.out, "filters", run=run, figures=figures)


if __name__ == "__main__":
    main()
