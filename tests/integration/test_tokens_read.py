"""Tests of how many prompt tokens the engine reads for each user action, as exact counts.

Each event is a request as the server makes it, on files of a package whose version is pinned. What
the model writes does not matter: one token is asked for, and accepted text is given.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from infill_ls import gathering
from infill_ls.engine import CompletionRequest
from infill_ls.engine.process import EngineProcess
from infill_ls.gathering import Gathering
from infill_ls.pipeline import Pipeline
from infill_ls.settings import settings_with
from infill_ls.types import Prompt, Report, Snapshot, StopRule, Suggestion
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.settings import RetrievalSettings
from integration.conftest import MakeEngine

SETTINGS = settings_with(cold_target_ms=0, prefix_tokens=384, suffix_tokens=128, snippet_tokens=256)
"""Half of what users have: which tokens are read does not depend on it, how long that takes does."""
ONE_TOKEN = StopRule(max_tokens=1, max_lines=99, time_budget_ms=60_000)
FILES = CORE, DECORATORS, TYPES, UTILS = "core.py", "decorators.py", "types.py", "utils.py"
LINE = "if self.name is None:"
ACCEPTED = "            return self.make_context(info)\n"
ACCEPTED_LATER = "self.invoke(ctx)\n"
INDENT = "        "
A_STEP = 2
"""Tokens; a decode step reads one, two take hardly longer."""
WHOLE_PROMPT = 450
"""Tokens; every prompt of these files has more."""


@dataclass
class Buffer:
    """A document in an editor, with its cursor at a blank line two thirds into it."""

    path: Path
    text: str = field(init=False)
    offset: int = field(init=False)

    def __post_init__(self) -> None:
        text = self.path.read_text("utf-8")
        self.offset = text.index("\n", len(text) * 2 // 3) + 1
        self.text = f"{text[: self.offset]}\n{text[self.offset :]}"


class Window:
    """An editor on the package, with a server of its own."""

    def __init__(self, engine: EngineProcess, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._index = WorkspaceIndex([folder], RetrievalSettings())
        self._index.crawl(lambda _: None)
        self._pipeline = Pipeline(Gathering(engine, self._index.retrieve, SETTINGS))
        self._buffers = {name: Buffer(folder / name) for name in FILES}
        self._report: Report | None = None

    async def type(self, name: str, added: str) -> int:
        """Put text at the cursor; return how many tokens of the prompt were read."""
        buffer = self._buffers[name]
        buffer.text = buffer.text[: buffer.offset] + added + buffer.text[buffer.offset :]
        buffer.offset += len(added)
        return await self._ask(buffer)

    async def undo(self, name: str, chars: int) -> int:
        """Take so many characters before the cursor back."""
        buffer = self._buffers[name]
        buffer.text = buffer.text[: buffer.offset - chars] + buffer.text[buffer.offset :]
        buffer.offset -= chars
        return await self._ask(buffer)

    async def rest(self, name: str) -> None:
        """Leave the cursor where it is for a while, in a file that is shown for the first time."""
        buffer = self._buffers[name]
        self._show(buffer)
        await self._pipeline.prepare_place(self._snapshot(buffer))

    def replace_all(self, name: str, old: str, new: str) -> None:
        """Change a file without asking for anything."""
        buffer = self._buffers[name]
        before, after = buffer.text[: buffer.offset], buffer.text[buffer.offset :]
        assert old in before + after
        before = before.replace(old, new)
        buffer.text, buffer.offset = before + after.replace(old, new), len(before)
        self._show(buffer)

    @property
    def snippets(self) -> str:
        """What the last prompt had of other files."""
        assert self._report is not None
        return "".join(snippet.text for snippet in self._report.retrieval.snippets)

    async def pause(self, suggested: str) -> None:
        """Do what the server does while the user looks at a suggestion."""
        assert self._report is not None
        await self._pipeline.think_ahead(replace(self._report, suggestion=Suggestion(suggested)))

    def _show(self, buffer: Buffer) -> None:
        self._index.open_buffer(buffer.path, buffer.text, "python")
        self._pipeline.document_changed(buffer.path.as_uri(), buffer.path)

    def _snapshot(self, buffer: Buffer) -> Snapshot:
        path = buffer.path
        return Snapshot(
            uri=path.as_uri(),
            path=str(path),
            name=path.relative_to(self._folder).as_posix(),
            language_id="python",
            text=buffer.text,
            offset=buffer.offset,
        )

    async def _ask(self, buffer: Buffer) -> int:
        self._show(buffer)
        report = await self._pipeline.prepare(self._snapshot(buffer))
        assert report.prompt is not None, report.reason
        (completion,) = await self._engine.complete(
            CompletionRequest(prompt=report.prompt, stop=ONE_TOKEN)
        )
        timings = completion.timings
        assert timings.prefill_tokens + timings.reused_tokens == len(report.prompt.token_ids)
        assert len(report.prompt.token_ids) > WHOLE_PROMPT
        self._report = report
        await self._pipeline.move_anchor(report)  # as between two keys
        await self._pipeline.refresh_snippets(report)
        return timings.prefill_tokens


def tokens_of(text: str) -> int:
    """Return a bound on the tokens of a line of code."""
    return len(text) // 2


@pytest.fixture(autouse=True)
def slow_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have prompts read ahead on any machine; a fast one would skip it."""
    monkeypatch.setattr(gathering, "SOON_S", 1e-6)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a folder with the source files of click."""
    spec = find_spec("click")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(shutil.copytree(spec.submodule_search_locations[0], tmp_path / "click"))


async def test_a_key_a_line_and_what_is_accepted(
    make_engine: MakeEngine, shallow_model: Path, package: Path
) -> None:
    window = Window(make_engine(model_path=shallow_model), package)
    assert await window.type(CORE, "") > WHOLE_PROMPT
    assert await window.type(CORE, INDENT) <= A_STEP
    for key in LINE:
        assert await window.type(CORE, key) <= A_STEP
    assert await window.type(CORE, "\n" + INDENT) <= A_STEP
    assert await window.undo(CORE, len("\n" + INDENT)) <= A_STEP
    assert await window.undo(CORE, 5) <= A_STEP
    assert await window.type(CORE, "None:\n") <= 2 * A_STEP  # with the token that undo cut
    assert await window.type(CORE, ACCEPTED) <= tokens_of(ACCEPTED)
    assert await window.type(CORE, INDENT) <= A_STEP
    await window.pause(ACCEPTED_LATER)
    assert await window.type(CORE, ACCEPTED_LATER) <= A_STEP


async def test_a_file_where_the_cursor_has_rested_is_read_before_the_first_key(
    make_engine: MakeEngine, shallow_model: Path, package: Path, private_runtime: Path
) -> None:
    window = Window(make_engine(model_path=shallow_model), package)
    for name in FILES:
        await window.rest(name)
        assert await window.type(name, INDENT) <= A_STEP, name


async def test_another_file_and_back_and_four_files_in_turn(
    make_engine: MakeEngine, shallow_model: Path, package: Path, private_runtime: Path
) -> None:
    window = Window(make_engine(model_path=shallow_model), package)
    for name in FILES:
        await window.type(name, "")
    for name in (*FILES, CORE, UTILS, CORE, TYPES):
        assert await window.type(name, INDENT) <= A_STEP, name
    for line in range(4):  # anchors move on and find other snippets
        assert await window.type(CORE, f"step_{line} = self.name\n{INDENT}") <= tokens_of(LINE)
    for name in (DECORATORS, TYPES, CORE):
        assert await window.type(name, "x") <= A_STEP, name


async def test_a_snippet_that_changed_is_read_in_the_background(
    make_engine: MakeEngine, shallow_model: Path, package: Path, private_runtime: Path
) -> None:
    window = Window(make_engine(model_path=shallow_model), package)
    await window.type(DECORATORS, "")
    old, new = "class Command:", "class Command(Named):"
    assert old in window.snippets
    window.replace_all(CORE, old, new)
    assert await window.type(DECORATORS, INDENT) <= A_STEP
    assert old in window.snippets  # the answer did not wait for it
    assert await window.type(DECORATORS, "x") <= A_STEP
    assert new in window.snippets


async def test_where_the_cursor_rests_again_the_prompt_of_before_comes_first(
    make_engine: MakeEngine,
    shallow_model: Path,
    package: Path,
    private_runtime: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = make_engine(model_path=shallow_model)
    window = Window(engine, package)
    await window.type(DECORATORS, "")
    old, new = "class Command:", "class Command(Named):"
    window.replace_all(CORE, old, new)
    warm, warmed = engine.warm, list[Prompt]()

    async def noting(prompt: Prompt) -> None:
        warmed.append(prompt)
        await warm(prompt)

    monkeypatch.setattr(engine, "warm", noting)
    await window.rest(DECORATORS)
    before, now = (prompt.text for prompt in warmed)
    assert old in before, "a key that comes soon uses it"
    assert new in now
    assert await window.type(DECORATORS, INDENT) <= A_STEP
    assert new in window.snippets


async def test_two_windows_on_two_files(
    make_engine: MakeEngine, shallow_model: Path, package: Path, private_runtime: Path
) -> None:
    engine = make_engine(model_path=shallow_model)
    left, right = Window(engine, package), Window(engine, package)
    await left.type(CORE, INDENT)
    await right.type(TYPES, INDENT)
    for key in "self.n":
        assert await left.type(CORE, key) <= A_STEP
        assert await right.type(TYPES, key) <= A_STEP
