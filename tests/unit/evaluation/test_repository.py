"""Tests of holes cut from a repository: retrieval never returns the removed text."""

import asyncio
from pathlib import Path

import pytest

from infill_ls.engine import CompletionRequest
from infill_ls.engine.scripted import ScriptedEngine
from infill_ls.errors import UsageError
from infill_ls.evaluation import repository
from infill_ls.evaluation.ablation import EngineWithout, Part, retrieve_without
from infill_ls.gathering import Gathering
from infill_ls.measuring.holes import HoleKind
from infill_ls.pipeline import Pipeline
from infill_ls.settings import settings_with
from infill_ls.types import Completion, OnWritten, Prompt, StopRule
from infill_retrieval import NO_SNIPPETS, RetrievalSettings
from infill_retrieval.index import WorkspaceIndex

STORE = """class OrderStore:
    def __init__(self, folder):
        self.folder = folder

    def add_order(self, number, customer):
        return number, customer
"""
USE = """from store import OrderStore


def main(folder):
    # One order is added.
    orders = OrderStore(folder)
    orders.add_order(17, customer="unmistakable-customer-name")
    return orders
"""


class Recording(ScriptedEngine):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.prompts: list[Prompt] = []
        self.stops: list[StopRule] = []

    async def complete(
        self, request: CompletionRequest, on_written: OnWritten | None = None
    ) -> tuple[Completion, ...]:
        self.prompts.append(request.prompt)
        self.stops.append(request.stop)
        return await super().complete(request, on_written)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "store.py").write_text(STORE)
    (tmp_path / "use.py").write_text(USE)
    return tmp_path


def ask(folder: Path, parts: frozenset[Part] = frozenset()) -> tuple[Recording, list[object]]:
    requests = repository.requests_for(repository.cut_holes(folder, 20, 0))
    engine = Recording()
    settings = settings_with()
    with WorkspaceIndex([folder], RetrievalSettings(crawl_in_process=False)) as index:
        index.crawl()
        reduced = EngineWithout(engine, parts)
        searching = Pipeline(Gathering(reduced, retrieve_without(index.retrieve, parts), settings))
        alone = Pipeline(Gathering(reduced, lambda *_: NO_SNIPPETS, settings))
        measure = repository.measure_with(searching, alone, folder, parts)

        async def run() -> list[object]:
            return [await measure(request) for request in requests]

        rows = asyncio.run(run())
    assert {request.hole.kind for request in requests} == set(HoleKind)
    return engine, rows


def test_the_model_never_sees_what_it_has_to_write(folder: Path) -> None:
    engine, _ = ask(folder)
    asked = [
        prompt.text for prompt in engine.prompts if "orders = OrderStore(folder)" in prompt.text
    ]
    hidden = [text for text in asked if "unmistakable-customer-name" not in text]
    assert hidden  # the line with the name was a hole, and nothing brought it back
    assert any("def add_order" in text for text in hidden)  # while the search did work


def test_without_retrieval_nothing_of_other_files_is_seen(folder: Path) -> None:
    engine, _ = ask(folder, frozenset({Part.RETRIEVAL}))
    assert engine.prompts
    assert all("# use.py" not in p.text or "# store.py" not in p.text for p in engine.prompts)


def test_without_healing_nothing_is_held_back_and_without_syntax_end_nothing_ends(
    folder: Path,
) -> None:
    whole, _ = ask(folder)
    assert any(prompt.fragment for prompt in whole.prompts)
    assert any(stop.ending is not None for stop in whole.stops)
    reduced, _ = ask(folder, frozenset({Part.HEALING, Part.SYNTAX_END}))
    assert not any(prompt.fragment for prompt in reduced.prompts)
    assert all(stop.ending is None for stop in reduced.stops)


def test_without_suffix_nothing_behind_the_cursor_is_seen(folder: Path) -> None:
    engine, _ = ask(folder, frozenset({Part.SUFFIX}))
    assert all("<suffix><middle>" in prompt.text for prompt in engine.prompts)


def test_a_folder_without_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text("{}")
    with pytest.raises(UsageError, match="no file with code"):
        repository.cut_holes(tmp_path, 3, 0)
