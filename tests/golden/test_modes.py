"""Golden tests of the modes of completion: each row of the table in ``docs/suggestions.md`` in each language.

Each file of ``modes/`` holds a document for each kind of place, what the model writes there
(``>>>``), and what must come of it (``<<<``): the mode, why the engine stopped, and what is shown.
A place where nothing is shown by itself is asked about by hand too.
After a wanted change: ``pytest tests/golden --update-golden``, and read the diff.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from infill_ls.engine.scripted import ScriptedEngine
from infill_ls.gathering import Gathering
from infill_ls.pipeline import Pipeline
from infill_ls.settings import settings_with
from infill_ls.types import Snapshot, Trigger
from infill_retrieval import NO_SNIPPETS

CURSOR = "‸"
FILES = sorted((Path(__file__).parent / "modes").glob("*.txt"))
ROWS = 12
_CASE = re.compile(
    r"=== (?P<row>.+)\n(?P<text>[^>]*(?:>[^>]+)*)>>> (?P<answer>.+)\n<<< (?P<result>.*)\n"
)


async def result(name: str, marked: str, answer: str, trigger: Trigger) -> str:
    snapshot = Snapshot(
        uri=f"file:///project/{name}",
        path=f"/project/{name}",
        name=name,
        language_id="",
        text=marked.replace(CURSOR, "", 1),
        offset=marked.index(CURSOR),
        trigger=trigger,
    )
    engine = ScriptedEngine(answers=[answer])
    report = await Pipeline(Gathering(engine, lambda *_: NO_SNIPPETS, settings_with())).run(
        snapshot
    )
    assert report.hole is not None
    if report.suggestion is None:
        return f"{report.hole.mode.value}, {report.reason}"
    assert report.completion is not None
    shown = json.dumps(report.suggestion.text, ensure_ascii=False)
    return f"{report.hole.mode.value}, stopped by {report.completion.stop.value}: {shown}"


async def check(path: Path, *, update: bool) -> None:
    head, *_ = content = path.read_text("utf-8").partition("=== ")
    name = head.removeprefix("file: ").strip()
    cases = list(_CASE.finditer("".join(content[1:])))
    assert len(cases) == ROWS
    lines = [head]
    for case in cases:
        answer = json.loads(case["answer"])
        found = await result(name, case["text"], answer, Trigger.AUTOMATIC)
        if "stopped by" not in found:
            found += "; by hand " + await result(name, case["text"], answer, Trigger.INVOKED)
        lines.append(f"=== {case['row']}\n{case['text']}>>> {case['answer']}\n<<< {found}\n")
    actual = "".join(lines)
    if update:
        path.write_text(actual, "utf-8")
    assert actual == path.read_text("utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_every_row_in_every_language(path: Path, request: pytest.FixtureRequest) -> None:
    await check(path, update=request.config.getoption("--update-golden"))


def test_there_are_languages() -> None:
    assert len(FILES) >= 8
