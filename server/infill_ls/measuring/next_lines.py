"""Next lines: holes filled by the server's own pipeline, without snippets and with them."""

from __future__ import annotations

import re
from pathlib import Path

from infill_ls.engine import Engine
from infill_ls.gathering import Gathering, Retrieve
from infill_ls.measuring import cross_file
from infill_ls.measuring.cross_file import NeededIdentifier
from infill_ls.measuring.holes import CutHole, HoleKind
from infill_ls.pipeline import Pipeline
from infill_ls.settings import Settings, settings_with
from infill_ls.types import Report, Snapshot, Trigger
from infill_retrieval import Channel
from infill_retrieval.syntax import language_of

LASTING_TIME_MS = 10_000
"""Time to write: a busy machine must not decide what is right."""


def settings_for_a_line(model: str = "") -> Settings:
    """Return settings with which one line is written, without snippets and whatever it takes."""
    return settings_with(
        model=model,
        time_budget_ms=LASTING_TIME_MS,
        candidates=1,
        snippet_tokens=0,
        max_lines=1,
        cold_target_ms=0,
    )


def snapshot_of(
    folder: Path,
    hole: CutHole,
    *,
    typed_chars: int = 0,
    document: str = "",
    is_end_of_file: bool = False,
    trigger: Trigger = Trigger.INVOKED,
) -> Snapshot:
    """Return a file of ``folder`` with its hole, as an editor would send it.

    What is asked under another name of the ``document`` shares neither anchor nor held snippets with
    it. Where the hole ``is_end_of_file``, there is no text behind it.
    """
    text, offset = hole.buffer(typed_chars)
    path = folder / hole.path
    return Snapshot(
        uri=f"{path.as_uri()}#{document}" if document else path.as_uri(),
        path=str(path),
        name=hole.path,
        language_id=language_of(hole.path).name,
        text=text[:offset] if is_end_of_file else text,
        offset=offset,
        trigger=trigger,
    )


def uses_in(
    folder: Path, language: str, count: int, package: str = ""
) -> list[tuple[NeededIdentifier, CutHole]]:
    """Return up to ``count`` first uses of what another file declares, each with its hole.

    The hole is the rest of the line from the used name on. ``package``, by default the name of the
    folder, decides with chance which ones are taken.
    """
    found = []
    for case in cross_file.cases_of(package or folder.name, language, folder, count):
        text = cross_file.read(case.path)
        end = text.find("\n", case.offset)
        name = case.path.relative_to(folder).as_posix()
        hole = CutHole(
            id=f"{name}:{HoleKind.CALL}:{case.offset}",
            kind=HoleKind.CALL,
            path=name,
            text=text,
            start=case.offset,
            end=len(text) if end < 0 else end,
        )
        found.append((case, hole))
    return found


class NextLines:
    """Asks for holes in the files of one folder, without snippets and with them."""

    def __init__(self, engine: Engine, retrieve: Retrieve, folder: Path, model: str = "") -> None:
        self.folder = folder
        self.settings = settings_for_a_line(model)
        searching = self.settings.changed(snippet_tokens=settings_with().prompt.snippet_tokens)
        self._pipelines = {
            False: Pipeline(Gathering(engine, retrieve, self.settings)),
            True: Pipeline(Gathering(engine, retrieve, searching)),
        }

    async def ask(self, snapshot: Snapshot, *, with_snippets: bool) -> Report:
        """Return the server's answer at a place; no snippet has what was taken out there."""
        report = await self._pipelines[with_snippets].run(snapshot)
        own = [one for one in report.retrieval.snippets if one.path == snapshot.name]
        assert all(one.channel is Channel.FAR for one in own)
        # A signature of several lines is shown as one, so that words are compared.
        there = _words(snapshot.text)
        assert all(_words(line) in there for one in own for line in one.text.splitlines())
        return report

    async def prepare(self, snapshot: Snapshot, *, with_snippets: bool) -> Report:
        """Return the prompt that the model would get."""
        return await self._pipelines[with_snippets].prepare(snapshot)


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text))


def written_line(report: Report) -> str:
    """Return the first line that the model wrote, whatever the filters think of it."""
    return report.completion.text.partition("\n")[0] if report.completion is not None else ""


def shown_line(report: Report) -> str:
    """Return the first line that a user would see."""
    return report.suggestion.text.partition("\n")[0] if report.suggestion is not None else ""
