"""Tokenizing for a model that runs elsewhere, with the vocabulary of a GGUF file and no weights."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp

from infill_ls.engine.base import EngineInfo
from infill_ls.engine.gguf_fixes import find_gguf_fixes
from infill_ls.engine.llama.file import find_chat_template, load_model, metadata, read_facts
from infill_ls.engine.llama.vocab import LlamaVocab
from infill_ls.engine.llama.worker import QueuedRequest
from infill_ls.engine.messages import Refused


class VocabularyModel:
    """The vocabulary of a GGUF file; one that holds nothing else will do."""

    def __init__(self, path: Path) -> None:
        """Raise :class:`~infill_ls.errors.ModelError` if the file is no model."""
        facts = read_facts(path)
        fixes = find_gguf_fixes(facts)
        self._model: Any = load_model(
            path, gpu_layers=0, vocab_only=True, overrides=fixes.overrides
        )
        self.vocab = LlamaVocab(self._model)
        said = metadata(self._model, f"{facts.architecture}.context_length")
        self.info = EngineInfo(
            model_name=facts.name,
            context_tokens=int(said) if said.isdigit() else 0,
            stop_ids=self.vocab.find_stop_ids(f"{facts.architecture} {facts.name}"),
            fim=self.vocab.find_fim_tokens(f"{facts.architecture} {facts.name}"),
            tokens_stay_in_line=self.vocab.pieces.tokens_stay_in_line(),
            chat=find_chat_template(self._model, self.vocab, facts.name),
            notes=fixes.notes,
        )

    def close(self) -> None:
        """Free the vocabulary."""
        llama_cpp.llama_model_free(self._model)


class VocabularyWorker:
    """Stands in the place of :class:`~infill_ls.engine.llama.worker.Worker` and completes nothing."""

    def __init__(self, model: VocabularyModel) -> None:
        self._vocab = model.vocab
        self._stopped = threading.Event()
        self.last_used = time.monotonic()

    def tokenize(
        self, texts: Sequence[str], *, reads_markers: bool = False
    ) -> list[tuple[int, ...]]:
        """Return the token ids of each text; from any thread."""
        self.last_used = time.monotonic()
        return [self._vocab.tokenize(text, reads_markers=reads_markers) for text in texts]

    def submit(self, asked: QueuedRequest) -> None:
        """Refuse a request; from any thread."""
        asked.tell(Refused(id=asked.id, error="only the vocabulary of this model is loaded"))

    def cancel(self, asked: QueuedRequest) -> None:
        """Do nothing: no request waits."""

    def is_serving(self, _asked: QueuedRequest) -> bool:
        """Return ``False``: no request takes time."""
        return False

    def stop(self) -> None:
        """Make :meth:`run` return."""
        self._stopped.set()

    def keep_prompts(self) -> None:
        """Do nothing: there are none."""

    def run(self) -> None:
        """Wait for :meth:`stop`; the connections do the work."""
        self._stopped.wait()
