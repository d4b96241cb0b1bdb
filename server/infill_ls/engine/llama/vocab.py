"""The tokenizer inside a GGUF file, through llama.cpp. Safe to use from any thread."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import llama_cpp

from infill_ls.engine.decoding.vocabulary import Vocabulary
from infill_ls.errors import ModelError
from infill_ls.models.fim import FAMILIES, FimFamily, FimTokens

_SAMPLE_LINES = (
    "def main(x: int) -> None:\n", "    return 12345 + x[0]\n", "\n", "\n", "\t\tif a  !=  b:  \n", " \n",
    "# größe 中文 😀\r\n", "}\n\n}\n", "'s, 'll\n", "  \n", "x\n",
)  # fmt: skip
_USE_A_BASE_MODEL = "choose a base model (not instruct) that was trained to infill"


class LlamaVocab:
    """Texts to token ids, token ids to bytes, and the ids of the infilling markers.

    ``model`` is a ``llama_model_p`` that outlives this object.
    """

    def __init__(self, model: Any) -> None:
        self._vocab = llama_cpp.llama_model_get_vocab(model)
        self.tokens = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        """Number of tokens."""

    @cached_property
    def pieces(self) -> Vocabulary:
        """The bytes of every token."""
        return Vocabulary([self._piece(token) for token in range(self.tokens)])

    def tokenize(self, text: str, *, reads_markers: bool = False) -> tuple[int, ...]:
        """Return the token ids of ``text``. Markers in it stay text, unless ``reads_markers``."""
        data = text.encode("utf-8", "replace")
        ids = self._ids(data, reads_markers=reads_markers)
        if ids is None:
            raise ModelError(f"the tokenizer failed on a text of {len(data)} bytes")
        return ids

    def tokenize_all(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Return what :meth:`tokenize` does for each text; lines are done in one go.

        A call takes longer than the text of a line does: together, lines take a quarter.
        """
        if not self._lines_can_be_joined:
            return [self.tokenize(text) for text in texts]
        lines = [text for text in texts if text.endswith("\n")]
        joined = iter(self._tokenize_joined(lines))
        return [next(joined) if text.endswith("\n") else self.tokenize(text) for text in texts]

    def _tokenize_joined(self, lines: Sequence[str]) -> list[tuple[int, ...]]:
        ids = self.tokenize("".join(lines))
        ends = [place for place, token in enumerate(ids, start=1) if token == self._newline]
        split: list[tuple[int, ...]] = []
        start = newlines = 0
        for line in lines:
            newlines += line.count("\n")
            split.append(ids[start : ends[newlines - 1]])
            start = ends[newlines - 1]
        return split

    @cached_property
    def _newline(self) -> int:
        """The only token with a newline in it; -1 if there are none or others."""
        tokens = [token for token, piece in enumerate(self.pieces.pieces) if b"\n" in piece]
        is_only = len(tokens) == 1 and self.pieces.pieces[tokens[0]] == b"\n"
        return tokens[0] if is_only else -1

    @cached_property
    def _lines_can_be_joined(self) -> bool:
        if self._newline < 0:
            return False
        # Some tokenizers put a space before each text; no metadata tells all that do the like.
        return self._tokenize_joined(_SAMPLE_LINES) == [self.tokenize(t) for t in _SAMPLE_LINES]

    def find_fim_tokens(self, model_name: str = "") -> FimTokens | None:
        """Return the infilling markers; ``None`` if the vocabulary has those of no family.

        ``model_name`` tells families apart that spell them alike.
        """
        if (found := self._find(model_name)) is None:
            return None
        family, markers = found
        bos = self._bos
        wants_bos = family.needs_bos or llama_cpp.llama_vocab_get_add_bos(self._vocab)
        return FimTokens(
            family=family.name,
            order=family.order,
            prefix=markers[0],
            suffix=markers[1],
            middle=markers[2] if family.middle is not None else None,
            bos=bos if wants_bos and bos >= 0 else None,
        )

    def find_stop_ids(self, model_name: str = "") -> frozenset[int]:
        """Return the ids that end what is written; with the family's, if it is of one."""
        stops = {
            token
            for token in range(self.tokens)
            if llama_cpp.llama_vocab_is_eog(self._vocab, token)
        }
        if (found := self._find(model_name)) is not None:
            family, markers = found
            stops.update(markers)
            stops.update(t for text in family.stops if (t := self._special(text)) is not None)
        return frozenset(stops | {self._bos} - {-1})

    def find_family(self, path: Path, model_name: str = "") -> FimFamily:
        """Return the family whose markers the vocabulary has; ``path`` is for the message.

        Raises :class:`ModelError` if it has none.
        """
        if (found := self._find(model_name)) is None:
            raise ModelError(
                f"model file {path} cannot fill in the middle (no infilling markers in its "
                f"vocabulary): {_USE_A_BASE_MODEL}"
            )
        return found[0]

    def _find(self, model_name: str) -> tuple[FimFamily, list[int]] | None:
        for family in FAMILIES:
            if family.models and not any(part in model_name.lower() for part in family.models):
                continue
            ids = [self._special(text) for text in family.markers]
            found = [token for token in ids if token is not None]
            if len(found) == len(ids):
                return family, found
        return None

    def spelled(self, *, end: bool) -> str:
        """Return how the token that begins (or ends) a text is spelled; empty if there is none."""
        token = int(llama_cpp.llama_vocab_eos(self._vocab)) if end else self._bos
        if token < 0:
            return ""
        spelling = llama_cpp.llama_vocab_get_text(self._vocab, token)
        return str(spelling.decode("utf-8", "replace")) if spelling else ""

    @cached_property
    def _bos(self) -> int:
        return int(llama_cpp.llama_vocab_bos(self._vocab))

    def _special(self, text: str) -> int | None:
        """Return the id of the token spelled exactly ``text``, or ``None``."""
        ids = self._ids(text.encode(), reads_markers=True)
        if ids is None or len(ids) != 1:
            return None
        with suppress(UnicodeDecodeError):
            if llama_cpp.llama_vocab_get_text(self._vocab, ids[0]).decode() == text:
                return ids[0]
        return None

    def _ids(self, data: bytes, *, reads_markers: bool) -> tuple[int, ...] | None:
        """Return the token ids of a text; ``None`` if the tokenizer fails on it."""
        size = len(data) + 8
        buffer = (llama_cpp.llama_token * size)()
        adds_bos = False
        count = llama_cpp.llama_tokenize(
            self._vocab, data, len(data), buffer, size, adds_bos, reads_markers
        )
        return tuple(buffer[:count]) if count >= 0 else None

    def _piece(self, token: int, size: int = 64) -> bytes:
        buffer = ctypes.create_string_buffer(size)
        length = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, size, 0, False)
        return self._piece(token, -length) if length < 0 else buffer.raw[:length]
