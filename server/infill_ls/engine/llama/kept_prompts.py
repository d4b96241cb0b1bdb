"""Computed prompts on disk, kept by an engine for the next one with the same model.

A file holds the token ids of a prompt and llama.cpp's state of its sequence. It is as private as the
source that the ids spell: in a folder of the user's alone, mode 0600. What cannot be used, cut off or
of another version or model, is removed. Trouble with the disk is no error.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from infill_ls.engine.decoding.parking import Parked
from infill_retrieval.common_length import common_length
from infill_retrieval.processes.users import is_ours_alone

log = logging.getLogger(__name__)

MAGIC = b"infill-kv1"
HEADER = struct.Struct(f">{len(MAGIC)}sI")
MOST_HEADER_BYTES = 1 << 20
LEAST_TOKENS = 128
"""Less is read again as quickly."""
READ_BYTES_PER_S = 200_000_000
"""Of a disk that is not quick. Where that takes longer than reading the prompt, nothing is kept."""
SUFFIX = ".kv"


@dataclass(frozen=True, slots=True)
class Kept:
    """A prompt on disk."""

    path: Path
    tokens: list[int]
    anchor_tokens: int
    state_bytes: int
    digest: str
    """Of the state, so that nothing half written is ever given to llama.cpp."""


class KeptPrompts:
    """The prompts that a former engine with the same ``identity`` has left.

    ``identity`` is all that the state depends on. All models together take ``limit_bytes``; only
    what is read from disk sooner than at ``prefill_tokens_per_s`` is kept.
    """

    def __init__(
        self,
        identity: object,
        prefill_tokens_per_s: float,
        limit_bytes: int,
        folder: Path | None = None,
    ) -> None:
        self._root = folder or user_cache_path("infill-ls") / "prompts"
        self._limit_bytes = limit_bytes
        self.use(identity, prefill_tokens_per_s)

    def use(self, identity: object, prefill_tokens_per_s: float) -> None:
        """Switch to the prompts of engines with another identity."""
        key = hashlib.sha256(repr(identity).encode()).hexdigest()[:24]
        self._folder = self._root / key
        self._prefill_tokens_per_s = prefill_tokens_per_s
        self._kept = self._look() if self._limit_bytes > 0 else []

    def longest(self, wanted: list[int]) -> tuple[Kept | None, int]:
        """Return the prompt that has the most in common with ``wanted``, and how many tokens."""
        pairs = [(kept, common_length(kept.tokens, wanted)) for kept in self._kept]
        return max(pairs, key=lambda pair: pair[1], default=(None, 0))

    def take(self, kept: Kept) -> Parked | None:
        """Read a prompt; ``None`` if it has become unusable. It is not offered again."""
        self._kept.remove(kept)
        try:
            with kept.path.open("rb") as file:
                file.seek(-kept.state_bytes, os.SEEK_END)
                state = np.fromfile(file, np.uint8)
        except (OSError, ValueError):
            state = np.empty(0, np.uint8)
        if _digest(state) != kept.digest:
            self._remove(kept.path, "its content has changed")
            return None
        with suppress(OSError):
            os.utime(kept.path)
        return Parked(kept.tokens, kept.anchor_tokens, "", state)

    def keep(self, prompts: Iterable[Parked]) -> None:
        """Write prompts, the newest first, as many as there is room for; the oldest files go."""
        if self._limit_bytes <= 0 or not self._has_folder():
            return
        room = self._limit_bytes
        names: set[str] = set()
        try:
            for prompt in prompts:
                state = prompt.state
                assert isinstance(state, np.ndarray)
                room -= state.nbytes
                if room < 0:
                    break
                if self._pays(len(prompt.tokens), state.nbytes):
                    names.add(self._write(prompt, state))
        except OSError as error:
            log.warning("prompts are not kept: %s", error)
        self._make_room(names)

    def _pays(self, tokens: int, state_bytes: int) -> bool:
        if tokens < LEAST_TOKENS or not self._prefill_tokens_per_s:
            return False
        return state_bytes / READ_BYTES_PER_S < tokens / self._prefill_tokens_per_s

    def _write(self, prompt: Parked, state: np.ndarray) -> str:
        name = hashlib.sha256(repr(prompt.tokens).encode()).hexdigest()[:24] + SUFFIX
        header = json.dumps(
            {
                "tokens": prompt.tokens,
                "anchor_tokens": prompt.anchor_tokens,
                "state_bytes": state.nbytes,
                "digest": _digest(state),
            }
        ).encode()
        temporary = self._folder / f"{name}.{os.getpid()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        try:
            with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
                file.write(HEADER.pack(MAGIC, len(header)) + header)
                state.tofile(file)
            temporary.replace(self._folder / name)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        return name

    def _look(self) -> list[Kept]:
        """Return what can be used, and remove all else."""
        if not self._has_folder():
            return []
        found = []
        with suppress(OSError):
            for path in sorted(self._folder.iterdir()):
                try:
                    found.append(_read_header(path))
                except (OSError, ValueError, TypeError, KeyError, struct.error) as error:
                    self._remove(path, str(error))
        return found

    def _has_folder(self) -> bool:
        """Make the folder if it is not there; tell whether it is the user's alone."""
        try:
            for folder in (self._root, self._folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if not is_ours_alone(folder.lstat()):
                    log.warning("prompts are not kept: %s is accessible to others", folder)
                    return False
        except OSError as error:
            log.warning("prompts are not kept: %s", error)
            return False
        return True

    def _make_room(self, newest: set[str]) -> None:
        """Remove the oldest files of all models, except the one just written."""
        with suppress(OSError):
            files = [(path.stat(), path) for path in self._root.glob("*/*")]
            files.sort(key=lambda pair: (pair[1].name in newest, pair[0].st_mtime), reverse=True)
            total = 0
            for stat, path in files:
                total += stat.st_size
                if total > self._limit_bytes and path.name not in newest:
                    path.unlink(missing_ok=True)

    def _remove(self, path: Path, reason: str) -> None:
        log.warning("a kept prompt cannot be used and was removed: %s", reason)
        with suppress(OSError):
            path.unlink()


def _read_header(path: Path) -> Kept:
    """Return the header of a file. Raises if anything is wrong with it."""
    with path.open("rb") as file:
        magic, length = HEADER.unpack(file.read(HEADER.size))
        if path.suffix != SUFFIX or magic != MAGIC or length > MOST_HEADER_BYTES:
            raise ValueError("it has another version")
        header = json.loads(file.read(length))
        kept = Kept(
            path,
            [int(token) for token in header["tokens"]],
            int(header["anchor_tokens"]),
            int(header["state_bytes"]),
            str(header["digest"]),
        )
        if file.seek(0, os.SEEK_END) != HEADER.size + length + kept.state_bytes:
            raise ValueError("it is truncated")
    return kept


def _digest(state: np.ndarray) -> str:
    return hashlib.blake2b(state.data, digest_size=16).hexdigest()
