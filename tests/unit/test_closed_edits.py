"""Tests of next edits in files that are not open: which are read, and when none is offered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from infill_ls.next_edit import Document, History, propose, sought
from infill_ls.next_edit.offer import MAX_CLOSED_DOCUMENTS
from infill_ls.session.background import Background
from infill_ls.session.edits import EditSession, InClosedFiles
from infill_ls.session.workspace import Workspace
from infill_ls.settings import settings_with
from infill_retrieval.files.sources import read_exactly
from infill_retrieval.syntax import language_of

URI = "file:///project/a.py"
BEFORE = (
    "def report(prices):\n    return compute_total(prices)\n\n\n"
    "def compute_total(prices):\n    return sum(prices)\n"
)
AFTER = BEFORE.replace("def compute_total", "def compute_sum")
USES = "from a import compute_total\n\nprint(compute_total([1]))\n"


def in_closed(
    files: Mapping[str, str],
    *,
    versions: tuple[str, str, str] = (URI, BEFORE, AFTER),
    refused: bool = False,
    sensitive: bool = False,
    settings: Mapping[str, object] | None = None,
) -> tuple[InClosedFiles, list[tuple[str, ...]]]:
    """Return what is offered after a rename, and for which words files were looked up."""
    asked = []
    uri, before, after = versions

    def closed_files_with(words: Iterable[str], most: int) -> Mapping[str, str]:
        assert most == MAX_CLOSED_DOCUMENTS
        asked.append(tuple(words))
        return files

    async def run() -> InClosedFiles:
        session = EditSession(
            settings_with(**(settings or {})), lambda _uri: sensitive, closed_files_with
        )
        try:
            session.changed(uri, before, language_of(uri).name, is_new=True)
            session.changed(uri, after, language_of(uri).name)
            if refused:
                offer = (await session.propose(uri)).offers[0]
                session.refuse(session.remember(offer))
            return await session.propose_in_closed(uri)
        finally:
            session.abandon()

    return asyncio.run(run()), asked


def test_a_renamed_function_is_followed_in_files_that_import_it() -> None:
    found, asked = in_closed({"file:///project/b.py": USES})
    assert asked == [("compute_total",)]
    text = found.texts["file:///project/b.py"]
    for offer in sorted(found.offers, key=lambda one: -one.start):
        text = offer.applied_to(text)
    assert "print(compute_sum([1]))" in text


def test_another_function_of_that_name_is_left_alone() -> None:
    stranger = "from other import compute_total\n\nprint(compute_total([1]))\n"
    found, _ = in_closed({"file:///project/b.py": stranger})
    assert found == InClosedFiles()


def test_nothing_is_looked_up_where_nothing_is_proposed() -> None:
    assert in_closed({}, refused=True) == (InClosedFiles(), [])
    assert in_closed({}, sensitive=True) == (InClosedFiles(), [])
    assert in_closed({}, settings={"next_edit": False}) == (InClosedFiles(), [])


@pytest.mark.parametrize(
    ("off", "is_offered"), [("typescriptreact", False), ("tsx", False), ("python", True)]
)
def test_a_file_of_a_language_that_is_switched_off_is_left_alone(
    off: str, *, is_offered: bool
) -> None:
    before = (
        "function report(prices) {\n  return computeTotal(prices)\n}\n\n"
        "export function computeTotal(prices) {\n  return sum(prices)\n}\n"
    )
    after = before.replace("function computeTotal", "function computeSum")
    uses = 'import { computeTotal } from "./a"\n\nconsole.log(computeTotal([1]))\n'
    found, asked = in_closed(
        {"file:///project/b.tsx": uses},
        versions=("file:///project/a.ts", before, after),
        settings={"disabled_languages": [off]},
    )
    assert asked == [("computeTotal",)]
    assert bool(found.offers) is is_offered


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("x = total_price\n", "x = total_cost\n", ("total_price",)),
        ("x = tax\n", "x = vat\n", ()),  # too short to mean the same elsewhere
        ("x = 12345\n", "x = 54321\n", ()),
        ("x = f(a)\n", "x = f(a, b)\n", ()),
    ],
)
def test_files_are_looked_up_for_names_alone(
    before: str, after: str, words: tuple[str, ...]
) -> None:
    history = History()
    history.opened(URI, before)
    history.changed(URI, after)
    documents = {URI: Document(after, language_of(URI))}
    assert sought(URI, documents, history.edits) == words


def test_no_more_files_are_opened_than_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        (tmp_path / f"m{number}.py").write_text(USES.replace("[1]", f"[{number}]"))
    opened: list[str] = []

    def counted(path: str, max_bytes: int) -> str | None:
        opened.append(path)
        return read_exactly(path, max_bytes)

    monkeypatch.setattr("infill_retrieval.index.read_exactly", counted)

    async def look_up() -> dict[str, str]:
        background = Background()
        workspace = Workspace(
            settings_with(), background, on_change=lambda: None, on_warning=lambda _: None
        )
        await workspace.set_folders([tmp_path])
        found = workspace.closed_files_with(["compute_total", "print"], MAX_CLOSED_DOCUMENTS)
        workspace.abandon()
        await background.finish()
        return found

    found = asyncio.run(look_up())
    assert len(opened) == MAX_CLOSED_DOCUMENTS == len(found)


def test_more_files_than_may_be_looked_at_are_not() -> None:
    history = History()
    history.opened(URI, BEFORE)
    history.changed(URI, AFTER)
    closed = {
        f"file:///project/m{number}.py": Document(USES, language_of("m.py")) for number in range(60)
    }
    documents = {URI: Document(AFTER, language_of(URI))}
    found = propose(URI, documents, history.edits, closed=closed)
    touched = {offer.uri for offer in (*found.offers, *found.declined)} - {URI}
    assert 0 < len(touched) <= MAX_CLOSED_DOCUMENTS
