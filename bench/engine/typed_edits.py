"""Edits to type again: what commits of this project have added, and text that never repeats."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from infill_ls.engine import Engine
from infill_ls.errors import InfillError
from infill_ls.gathering import Gathering
from infill_ls.measuring.git_history import PastEdit, edits_of
from infill_ls.pipeline import Pipeline
from infill_ls.settings import settings_with
from infill_ls.types import Snapshot
from infill_retrieval import NO_SNIPPETS

HERE = Path(__file__).resolve().parents[2]
SETTINGS = settings_with(snippet_tokens=0, time_budget_ms=60_000, cold_target_ms=0)
COMMITS = 60
MOST_LINES = 8
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def snapshots_of(edit: PastEdit) -> Iterator[Snapshot]:
    """Yield the document before the first key and after each, as an editor would send it."""
    path = HERE / edit.path
    for keys in range(len(edit.typed) + 1):
        typed = edit.typed[:keys]
        if keys > 0 and not typed.rpartition("\n")[2].strip():
            continue  # the editor indents by itself
        yield Snapshot(
            uri=path.as_uri(),
            path=str(path),
            name=edit.path,
            language_id="python",
            text=edit.before + typed + edit.after,
            offset=len(edit.before) + keys,
        )


async def type_again(engine: Engine, edit: PastEdit) -> None:
    """Type one edit with ``engine``, without snippets; what fails is printed."""
    pipeline = Pipeline(Gathering(engine, lambda *_: NO_SNIPPETS, SETTINGS))
    for snapshot in snapshots_of(edit):
        try:
            await pipeline.run(snapshot)
        except InfillError as error:
            print(f"{edit.path}: {error}")


def edits_of_history(count: int, seed: int = 0, since: str = "HEAD") -> list[PastEdit]:
    """Return some of the additions to Python files in the history up to the commit ``since``."""
    found = [
        edit
        for edit in edits_of(HERE, COMMITS, None, seed, since)
        if edit.path.endswith(".py") and edit.typed.count("\n") < MOST_LINES
    ]
    return random.Random(seed).sample(found, min(count, len(found)))


def edits_that_never_repeat(count: int, seed: int = 0) -> list[PastEdit]:
    """Return lines in which no name occurs twice, typed into files of such lines."""
    chance = random.Random(seed)

    def word() -> str:
        return "".join(chance.choices(LETTERS, k=chance.randint(4, 9)))

    def lines(number: int) -> str:
        return "".join(f"{word()} = {word()}.{word()}({word()})\n" for _ in range(number))

    edits = []
    for number in range(count):
        before, after, typed = lines(40), "\n" + lines(20), lines(3).rstrip()
        name = f"words{number}.py"
        edits.append(
            PastEdit(id=name, commit="", path=name, before=before, typed=typed, after=after)
        )
    return edits
