"""Fixtures with the real engine and the bundled model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from infill_ls.engine import EngineOptions
from infill_ls.engine.process import EngineProcess
from infill_ls.models.store import bundled_model_path
from infill_ls.types import Prompt
from integration.shallow_model import write_shallow_model

MakeEngine = Callable[..., EngineProcess]


@pytest.fixture
def private_runtime(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Give the test engines of its own, which it may kill."""
    folder = tmp_path_factory.mktemp("rt")
    folder.chmod(0o700)
    monkeypatch.setenv("INFILL_LS_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def shallow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a one-layer model for tests that do not depend on what it writes."""
    return write_shallow_model(tmp_path_factory.mktemp("model") / "shallow.gguf")


@pytest.fixture
async def make_engine() -> AsyncIterator[MakeEngine]:
    """Return a function that creates engines, all of which are closed at the end.

    One thread each: several of them on a busy machine would wait for each other.
    """
    engines: list[EngineProcess] = []

    def make(*, answer_within_s: float = 60.0, **options: object) -> EngineProcess:
        chosen = EngineOptions(**({"model_path": bundled_model_path(), "threads": 1} | options))  # type: ignore[arg-type]
        engine = EngineProcess(chosen, answer_within_s=answer_within_s)
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        await engine.close()


async def prompt_for(
    engine: EngineProcess, prefix: str, suffix: str = "", typed: str = "", fragment: str = ""
) -> Prompt:
    """Return a prompt in the model's form."""
    fim = (await engine.start()).fim_tokens()
    prefix_ids, suffix_ids, typed_ids = await engine.tokenize([prefix, suffix, typed])
    bos = () if fim.bos is None else (fim.bos,)
    anchor = (*bos, fim.prefix, *prefix_ids, fim.suffix, *suffix_ids, fim.middle)
    return Prompt((*anchor, *typed_ids), len(anchor), fragment, "")
