"""Wrapper engines between a pipeline and the real engine: forward, and keep what a model wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infill_ls.engine import CompletionRequest, Engine, EngineInfo
from infill_ls.types import Completion, OnWritten, Prompt


class ForwardingEngine:
    """An engine that forwards everything to another; subclasses override parts."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def info(self) -> EngineInfo | None:
        """The loaded model, or ``None`` while there is none."""
        return self.engine.info

    async def start(self) -> EngineInfo:
        """Load the model."""
        return await self.engine.start()

    async def tokenize(
        self,
        texts: Sequence[str],
        *,
        reads_markers: bool = False,
    ) -> list[tuple[int, ...]]:
        """Return the token ids of each text."""
        return await self.engine.tokenize(texts, reads_markers=reads_markers)

    async def complete(
        self, request: CompletionRequest, on_written: OnWritten | None = None
    ) -> tuple[Completion, ...]:
        """Fill the hole."""
        return await self.engine.complete(request, on_written)

    def look(self, on_written: OnWritten) -> bool:
        """Have the listener hear what there is now."""
        return self.engine.look(on_written)

    async def warm(self, prompt: Prompt) -> None:
        """Decode the prompt."""
        await self.engine.warm(prompt)

    async def close(self) -> None:
        """Leave for good."""
        await self.engine.close()


class KeptAnswers:
    """A model's answers by prompt, in a JSON file (or nowhere, without a path)."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, Any] = {}
        if path is not None and path.exists():
            self._known = json.loads(path.read_text("utf-8"))

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: str) -> Any | None:
        """Return what was written, or ``None`` if that was not asked yet."""
        return self._known.get(key)

    def put(self, key: str, answer: Any) -> None:
        """Keep an answer, in memory until it is saved."""
        self._known[key] = answer

    def save(self) -> None:
        """Write the file."""
        if self._path is not None:
            self._path.write_text(json.dumps(self._known), "utf-8")


def key_of(prompt: Prompt, *decides: object) -> str:
    """Return a hash of a prompt and of all else that decides what is written."""
    asked = " ".join(map(str, (prompt.token_ids, repr(prompt.fragment), *decides)))
    return hashlib.sha256(asked.encode()).hexdigest()
