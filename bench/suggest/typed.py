"""What the model suggests while past edits are typed again, at each key: what ``fit_worth`` learns from.

Takes edits from the git histories of projects, types stretches of them key by key, and asks at each key
as an editor does, with snippets from the tree as it was before the oldest of the edits. Two more places
are finished: behind the last key of an edit, and at the end of some other line of the file. A suggestion
is *right* if it, or the first line of it, is what was written there in the end. What was written goes to
``ROWS``, a line of JSON for each key, at once; a run that was stopped goes on where it was.

    python -m bench.suggest.typed ROWS REPOSITORY...

The rows hold parts of those projects' files; they stay on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from infill_ls.engine import CompletionRequest, Engine, EngineOptions
from infill_ls.engine.process import EngineProcess
from infill_ls.gathering import Gathering
from infill_ls.measuring.git_history import PastEdit, check_out_parent, edits_of
from infill_ls.pipeline import Pipeline
from infill_ls.settings import bundled_model_path, settings_with
from infill_ls.suggesting.filters import Site, conclude, filters_of
from infill_ls.suggesting.stopping import stop_rule
from infill_ls.types import Completion, Hole, Report, Snapshot, Suggestion, Trigger
from infill_retrieval import RetrievalSettings
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.syntax import language_of

SETTINGS = settings_with(
    prefix_tokens=384,
    suffix_tokens=128,
    snippet_tokens=256,
    min_probability=0.0,
    time_budget_ms=20_000,
    cold_target_ms=0,
)
"""Everything is written to its end: neither the clock nor a doubt is to decide here. The prompts are as
short as on a slow machine."""
COMMITS = 150
KEYS_OF_AN_EDIT = 12
SHARE_FROM_THE_FIRST_KEY = 0.5
SHARE_WITH_A_FINISHED_LINE = 0.25
LEAST_LINE_CHARS = 8
MOST_SNIPPET_CHARS = 8_000


@dataclass(frozen=True, slots=True)
class Moment:
    """A document with a cursor, and what was written there in the end."""

    edit: str
    kind: str
    """``typing``, ``end`` of the edit, or ``finished`` line."""
    key: int
    before: str
    rest: str
    """What is left to type of the edit."""
    after: str


def moments_of(edit: PastEdit, seed: int) -> list[Moment]:
    """Return some keys in a row of an edit, its end, and perhaps a line that is finished."""
    chance = random.Random(f"{seed} {edit.id}")
    ends, typed = [], 0
    for key in edit.keys[:-1]:
        typed += len(key)
        ends.append(typed)
    first = 0
    if len(ends) > KEYS_OF_AN_EDIT and chance.random() > SHARE_FROM_THE_FIRST_KEY:
        first = chance.randrange(len(ends) - KEYS_OF_AN_EDIT + 1)
    found = [
        Moment(edit.id, "typing", key, edit.before + edit.typed[:end], edit.typed[end:], edit.after)
        for key, end in enumerate(ends[first : first + KEYS_OF_AN_EDIT], first)
    ]
    whole = edit.before + edit.typed
    found.append(Moment(edit.id, "end", len(ends), whole, "", edit.after))
    if chance.random() < SHARE_WITH_A_FINISHED_LINE:
        text = whole + edit.after
        places, offset = [], 0
        for line in text.splitlines(keepends=True):
            code = line.rstrip()
            if len(code.strip()) >= LEAST_LINE_CHARS:
                places.append(offset + len(code))
            offset += len(line)
        place = chance.choice(places or [len(whole)])
        found.append(Moment(edit.id, "finished", 0, text[:place], "", text[place:]))
    return found


def right_chars(suggestion: Suggestion, rest: str, after: str) -> int:
    """Return how many characters of a suggestion, all or the first line, are what was written; 0 if wrong."""
    text, written = suggestion.text, rest + after
    blank = len(text) - len(text.lstrip())
    line_end = text.find("\n", blank)
    for part in (text, text[:line_end] if line_end > 0 else text):
        if written.startswith(part) and len(part) <= len(rest) + suggestion.replaced:
            return len(part)
    return 0


class Project:
    """A repository's edits, and the index of its tree before all of them."""

    def __init__(self, repository: Path, engine: Engine, edits: int, seed: int) -> None:
        self.name = repository.parent.name if repository.name == "repo" else repository.name
        self._repository = repository
        self.edits = edits_of(repository, COMMITS, edits, seed)
        self._engine = engine
        self._stack = ExitStack()
        self._pipeline: Pipeline | None = None
        self._seed = seed

    def open(self) -> Pipeline:
        """Return the pipeline that searches the tree."""
        if self._pipeline is None:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory())
            self.folder = Path(folder) / "tree"
            try:
                check_out_parent(self._repository, self.edits[-1].commit, self.folder)
            except subprocess.CalledProcessError:
                print(f"{self.name}: objects are missing; nothing is searched", flush=True)
            settings = RetrievalSettings(crawl_in_process=False)
            self.index = self._stack.enter_context(WorkspaceIndex([self.folder], settings))
            self.index.crawl()
            gathering = Gathering(self._engine, self.index.retrieve, SETTINGS)
            self._pipeline = Pipeline(gathering)
        return self._pipeline

    def close(self) -> None:
        """Remove the tree."""
        self._stack.close()

    async def ask(self, edit: PastEdit) -> list[dict[str, Any]]:
        """Type a stretch of the edit; return a row for each key."""
        pipeline = self.open()
        path = self.folder / edit.path
        self.index.open_buffer(path, edit.before + edit.after)
        rows = []
        for moment in moments_of(edit, self._seed):
            snapshot = Snapshot(
                uri=path.as_uri(),
                path=str(path),
                name=edit.path,
                language_id=language_of(edit.path).name,
                text=moment.before + moment.after,
                offset=len(moment.before),
                trigger=Trigger.AUTOMATIC,
            )
            report = await pipeline.prepare(snapshot)
            row: dict[str, Any] = {
                "project": self.name,
                "edit": moment.edit,
                "kind": moment.kind,
                "key": moment.key,
                "rest": moment.rest,
            }
            if report.prompt is not None and report.hole is not None:
                row |= await self._written(report, report.hole, moment)
            rows.append(row)
        self.index.close_buffer(path)
        return rows

    async def _written(self, report: Report, hole: Hole, moment: Moment) -> dict[str, Any]:
        assert report.prompt is not None
        stop = stop_rule(hole, Trigger.AUTOMATIC, SETTINGS)
        request = CompletionRequest(
            prompt=report.prompt, stop=stop, sampling=SETTINGS.completion.sampling
        )
        (completion,) = await self._engine.complete(request)
        return written_row(completion, hole, report, moment)


def written_row(
    completion: Completion, hole: Hole, report: Report, moment: Moment
) -> dict[str, Any]:
    """Return what the model wrote, and what of it is shown."""
    site = Site.of(hole)
    suggestion, _ = conclude(filters_of(completion, site), site)
    row: dict[str, Any] = {
        "language": hole.language.name,
        "mode": hole.mode.value,
        "tokens": len(completion.logprobs),
        "shown": "",
    }
    if suggestion is None:
        return row
    snippets = report.retrieval.snippets if report.retrieval is not None else ()
    return row | {
        "shown": suggestion.text,
        "replaced": suggestion.replaced,
        "right_chars": right_chars(suggestion, moment.rest, moment.after),
        "text": completion.text,
        "stop": completion.stop.value,
        "logprobs": completion.logprobs,
        "prefix": hole.prefix,
        "typed": hole.typed,
        "line_tail": hole.line_tail,
        "below": hole.below,
        "snippets": "".join(snippet.text for snippet in snippets)[-MOST_SNIPPET_CHARS:],
    }


def turns(projects: Sequence[Project]) -> Iterator[tuple[Project, PastEdit]]:
    """Yield an edit of each project in turn, so that a run that is stopped has seen all projects."""
    most = max(len(project.edits) for project in projects)
    for turn in range(most):
        for project in projects:
            if turn < len(project.edits):
                yield project, project.edits[turn]


async def collect(
    repositories: Sequence[Path], rows: TextIO, known: frozenset[str], edits: int, seed: int
) -> None:
    """Ask at all edits that are not known yet."""
    engine = EngineProcess(EngineOptions(bundled_model_path(), idle_minutes=14.0))
    projects = [Project(one, engine, edits, seed) for one in repositories]
    try:
        for number, (project, edit) in enumerate(turns(projects)):
            if f"{project.name} {edit.id}" in known:
                continue
            rows.writelines(json.dumps(row) + "\n" for row in await project.ask(edit))
            rows.flush()
            print(number, project.name, edit.path, flush=True)
    finally:
        for project in projects:
            project.close()
        await engine.close()


def known_edits(path: Path) -> frozenset[str]:
    """Return the edits that a file of rows holds; a last line that was cut off is removed from it."""
    if not path.exists():
        return frozenset()
    whole = path.read_text("utf-8").rpartition("\n")[0]
    path.write_text(f"{whole}\n" if whole else "", "utf-8")
    rows = [json.loads(line) for line in whole.split("\n") if line]
    return frozenset(f"{row['project']} {row['edit']}" for row in rows)


def main() -> None:
    """Collect the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", type=Path, metavar="ROWS")
    parser.add_argument("repositories", type=Path, nargs="+", metavar="REPOSITORY")
    parser.add_argument("--edits", type=int, default=16, help="most edits of a repository")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    known = known_edits(options.rows)
    with options.rows.open("a", encoding="utf-8") as rows:
        asyncio.run(collect(options.repositories, rows, known, options.edits, options.seed))


if __name__ == "__main__":
    main()
