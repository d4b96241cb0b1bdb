"""The instructions of one editor: which engine carries them out, and which file tests go to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePath

from infill_ls.asking import FILLED_TOKENS, Answered, Asking, Instruction, OnProgress, TestsFile
from infill_ls.engine import Engine
from infill_ls.engine.fallback import EngineFactory, same_engine, save_power
from infill_ls.errors import UsageError
from infill_ls.gathering import Gathering, Retrieve
from infill_ls.instruct import OutlineUse, Task
from infill_ls.instruct.task import NothingToDoError
from infill_ls.instruct.test_files import test_paths
from infill_ls.session.workspace import Workspace
from infill_ls.settings import Settings
from infill_ls.types import Snapshot
from infill_retrieval.files.regular_file import NotRegularError, TooLargeError, read_regular
from infill_retrieval.secrets.judgement import is_bare, secret_lines
from infill_retrieval.syntax import Language, language_of

WhyHidden = Callable[[Path, str], str | None]

NO_MODEL = (
    "{what} needs an instruct model: set instructModel to the path of a GGUF file or a name from "
    "`infill-ls model list` that ends in -instruct, or instructUrl to an inference server"
)
_NEEDS_A_MODEL = {
    Task.IMPLEMENT: "implementing by an instruction",
    Task.REWRITE: "rewriting",
    Task.DOCUMENT: "documenting",
    Task.TESTS: "writing tests",
    Task.EXPLAIN: "describing code",
}
MANNER_LINES = 60
MAX_TESTS_BYTES = 400_000
MOST_NEIGHBOURS = 200


def needs_model(task: Task) -> str:
    """Return what to tell who asks for a task without a model that follows instructions."""
    return NO_MODEL.format(what=_NEEDS_A_MODEL[task])


@dataclass(frozen=True, slots=True)
class TestsPlace:
    """Where the tests of a document go."""

    path: Path
    name: str
    """Relative to the workspace."""
    text: str | None
    """What the file has; ``None`` if there is none yet."""
    manner: str


class Asks:
    """Carries out instructions. The instruct model is loaded when it is asked for the first time."""

    def __init__(
        self,
        settings: Settings,
        factory: EngineFactory,
        retrieve: Retrieve,
        on_loading: Callable[[float], None],
    ) -> None:
        self._settings = settings
        self._factory = factory
        self._retrieve = retrieve
        self._on_loading = on_loading
        self._engine: Engine | None = None
        self._gathering: Gathering | None = None
        self._saves_power = False

    @property
    def has_model(self) -> bool:
        """Whether there is a model that follows instructions."""
        instruct = self._settings.instruct
        return instruct.model_path is not None or bool(instruct.url)

    @property
    def is_loaded(self) -> bool:
        """Whether that is loaded."""
        return self._engine is not None and self._engine.info is not None

    def reconfigure(self, settings: Settings) -> Engine | None:
        """Use other settings; returns an engine that is to be closed."""
        former, self._settings = self._settings, settings
        if former.instruct == settings.instruct and (
            not self.has_model
            or same_engine(former.for_instructions(), settings.for_instructions())
        ):
            return None
        engine, self._engine, self._gathering = self._engine, None, None
        return engine

    async def ask(self, asked: Instruction, infilling: Engine, on_progress: OnProgress) -> Answered:
        """Carry an instruction out. Raises :class:`~infill_ls.errors.InfillError`."""
        settings = self._settings
        if self.has_model:
            outline = OutlineUse(settings.instruct.outline)
            return await self._asking().ask(asked, outline, on_progress)
        if asked.task is not Task.IMPLEMENT or asked.instruction:
            raise UsageError(needs_model(asked.task))
        with_room = settings.changed(max_tokens=FILLED_TOKENS)
        gathering = Gathering(infilling, self._retrieve, with_room)
        return await Asking(gathering, settings.instruct.limit_s).fill(asked, on_progress)

    async def warm(self, asked: Instruction) -> None:
        """Prefill the prompt up to an instruction that may come, if the model is loaded."""
        if self.has_model and self.is_loaded:
            await self._asking().warm(asked)

    def document_changed(self, uri: str, path: PurePath) -> None:
        """Search again where another document's snippets are held."""
        if self._gathering is not None:
            self._gathering.doubt(uri, path)

    def save_power(self, *, saves: bool) -> None:
        """Have the engine do nothing unasked, or let it again."""
        self._saves_power = saves
        save_power(self._engine, saves=saves)

    async def close(self) -> None:
        """Leave the engine."""
        if self._engine is not None:
            await self._engine.close()

    def _asking(self) -> Asking:
        if self._gathering is None:
            settings = self._settings.for_instructions()
            self._engine = self._factory(settings, self._on_loading)
            save_power(self._engine, saves=self._saves_power)
            self._gathering = Gathering(self._engine, self._retrieve, settings)
        return Asking(self._gathering, self._settings.instruct.limit_s)


async def with_tests(asked: Instruction, workspace: Workspace) -> tuple[Instruction, TestsPlace]:
    """Return what is asked with the file that its tests go to.

    Raises :class:`NothingToDoError` if it is not known where they go.
    """
    place = await asyncio.to_thread(
        find_tests, asked.snapshot, workspace.open_text, workspace.why_hidden
    )
    tests = TestsFile(place.name, place.text or "", place.manner)
    return replace(asked, tests=tests), place


def find_tests(
    snapshot: Snapshot, open_text: Callable[[Path], str | None], why_hidden: WhyHidden
) -> TestsPlace:
    """Find the file for the tests of a document.

    ``open_text`` knows what is open in the editor, ``why_hidden`` which files hold secrets.
    """
    language = language_of(snapshot.path or snapshot.name, snapshot.language_id)
    names = test_paths(snapshot.name, language) if snapshot.path else ()
    path = PurePath(snapshot.path)
    if (
        not names
        or path.parts[-len(PurePath(snapshot.name).parts) :] != PurePath(snapshot.name).parts
    ):
        raise NothingToDoError(
            "it is unclear where the tests of this file go: it is a test itself, or not in the "
            f"workspace, or its language ({language.name}) has no known convention"
        )
    root = Path(*path.parts[: -len(PurePath(snapshot.name).parts)]).resolve()
    for name in names:
        file = root / name
        text = open_text(file)
        if text is None:
            text = _read(file, root, why_hidden)
        if text is not None and why_hidden(file, text) is None:
            manner = _shown(text.splitlines()[-MANNER_LINES:], language)
            return TestsPlace(file, name, text, manner)
    name = next((one for one in names if (root / one).parent.is_dir()), names[0])
    file = root / name
    if file.exists() or not file.parent.resolve().is_relative_to(root):
        raise NothingToDoError(f"{name} is taken by another file, or lies outside of the workspace")
    return TestsPlace(file, name, None, _manner_beside(file, root, language, why_hidden))


def _manner_beside(file: Path, root: Path, language: Language, why_hidden: WhyHidden) -> str:
    """Return the beginning of another file of tests in the same folder."""
    if not file.parent.is_dir():
        return ""
    for other in sorted(islice(file.parent.iterdir(), MOST_NEIGHBOURS)):
        is_test = "test" in other.name.lower() or "spec" in other.name.lower()
        if (
            is_test
            and other.suffix == file.suffix
            and (text := _read(other, root, why_hidden)) is not None
        ):
            return _shown(text.splitlines()[:MANNER_LINES], language)
    return ""


def _read(file: Path, root: Path, why_hidden: WhyHidden) -> str | None:
    """Return the text of a file of the workspace; ``None`` for what is none, or holds secrets."""
    try:
        if not file.resolve().is_relative_to(root):
            return None
        text = read_regular(file, MAX_TESTS_BYTES).decode("utf-8")
    except (OSError, ValueError, NotRegularError, TooLargeError):
        return None
    return text if why_hidden(file, text) is None else None


def _shown(lines: list[str], language: Language) -> str:
    """Return lines without those that hold a secret."""
    hidden = set(secret_lines(lines, bare=is_bare(language.name), language=language))
    return "\n".join(line for number, line in enumerate(lines) if number not in hidden)
