"""Golden tests of the pipeline: a document with a cursor in, the result out.

Each file of ``cases/`` is one case: settings, a blank line, a document with the cursor as ``‸``,
optional ``=== snippet PATH`` sections, then the expected sections. One ``check()`` runs the whole
pipeline on a scripted engine, so that a refactoring breaks no test. After a wanted change:
``pytest tests/golden --update-golden``, and read the diff.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from infill_ls.engine.scripted import ScriptedEngine
from infill_ls.gathering import Gathering
from infill_ls.pipeline import Pipeline
from infill_ls.settings import Settings, WrittenSettings
from infill_ls.types import Report, Snapshot, Trigger
from infill_retrieval import Channel, CountTokens, Query, Retrieval, Snippet
from infill_retrieval.render import render_snippet

CURSOR = "‸"
CASES = sorted((Path(__file__).parent / "cases").glob("*.txt"))


@dataclass(frozen=True)
class Case:
    header: dict[str, str]
    document: str
    snippets: list[tuple[str, str]]
    given: str
    """Everything before the expected sections, as it stands in the file."""
    expected: str


def parse_case(content: str) -> Case:
    given, _, expected = content.partition("=== hole\n")
    head, _, body = given.partition("\n\n")
    document, *sections = body.split("=== snippet ")
    snippets = [(path, text) for path, _, text in (s.partition("\n") for s in sections)]
    header = dict(line.split(": ", 1) for line in head.splitlines())
    return Case(header, document, snippets, given, "=== hole\n" + expected)


async def run(case: Case) -> Report:
    document = case.document.removesuffix("\n").replace("⏎", "\r")
    offset = document.index(CURSOR)
    text = document.replace(CURSOR, "", 1)
    settings = Settings.of(
        WrittenSettings.model_validate(json.loads(case.header.get("settings", "{}")))
    )
    engine = ScriptedEngine(answers=[json.loads(case.header["answer"])])

    def retrieve(_query: Query, budget_tokens: int, count_tokens: CountTokens) -> Retrieval:
        costs = count_tokens([render_snippet(path, text) for path, text in case.snippets])
        assert sum(costs) <= budget_tokens
        found = [
            Snippet(path, text, 0, Channel.USAGE, 1.0, cost)
            for (path, text), cost in zip(case.snippets, costs, strict=True)
        ]
        return Retrieval(tuple(found), sum(costs))

    snapshot = Snapshot(
        uri=f"file:///project/{case.header['file']}",
        path=f"/project/{case.header['file']}",
        name=case.header["file"],
        language_id=case.header.get("language", ""),
        text=text,
        offset=offset,
        trigger=Trigger(case.header.get("trigger", "automatic")),
    )
    return await Pipeline(Gathering(engine, retrieve, settings)).run(snapshot)


def show(report: Report) -> str:
    hole, prompt = report.hole, report.prompt
    if hole is None:
        return f"=== hole\n=== result: {report.reason}\n"
    lines = [
        "=== hole",
        f"mode: {hole.mode.value}",
        f"typed: {json.dumps(hole.typed)}",
        f"borders: {' '.join(map(str, hole.prefix_borders))}".rstrip(),
    ]
    if prompt is not None:
        lines += ["=== prompt", prompt.text]
        lines += [f"=== held back: {json.dumps(prompt.fragment)}"]
    lines += [f"=== result: {report.reason}"]
    if report.suggestion is not None:
        before = report.snapshot.text[: report.snapshot.offset]
        after = report.snapshot.text[report.snapshot.offset :]
        lines += [f"{before}«{report.suggestion.text}»{after}"]
    return ("\n".join(lines) + "\n").replace("\r", "⏎")


async def check(path: Path, *, update: bool) -> None:
    case = parse_case(path.read_text("utf-8"))
    actual = show(await run(case))
    if update:
        path.write_text(case.given + actual, "utf-8")
    assert actual == parse_case(path.read_text("utf-8")).expected


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
async def test_golden(path: Path, request: pytest.FixtureRequest) -> None:
    await check(path, update=request.config.getoption("--update-golden"))


def test_there_are_cases() -> None:
    assert len(CASES) >= 20
