"""The meeting place of servers and engines: a directory that only the user can enter.

One engine process serves all language servers of a user that want the same model with the same
options. Whoever finds none starts one; an engine that nobody is connected to any more ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import sys
import tempfile
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from infill_ls import __version__
from infill_ls.errors import EngineError
from infill_retrieval.processes.locks import Lock, locked, try_lock
from infill_retrieval.processes.users import is_ours_alone, user_number

RUNTIME_ENVIRONMENT_VARIABLE = "INFILL_LS_RUNTIME_DIR"
LOOPBACK_ENVIRONMENT_VARIABLE = "INFILL_LS_LOOPBACK"
"""Set to 1, it has servers and engines meet at a port instead of a socket in the file system, as
they always do on Windows."""
EXIT_ANOTHER_RUNS = 17
"""Exit status of an engine that found another one in its place."""
EXIT_FAILURE_TOLD = 18
"""Of an engine whose model cannot be used, and that has told somebody why: who comes later starts another."""
MAX_SOCKET_PATH_BYTES = 100
"""The kernel allows 104 to 108 bytes."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What makes two engines different. Equal options share one process."""

    model_path: Path
    threads: int = 0
    """0 means what the calibration found best."""
    gpu_layers: int = -1
    """-1 means as many as fit."""
    idle_minutes: float = 15.0
    """The engine ends, and gives its memory back, after so long without a request."""
    context_tokens: int = 4096
    """Longest prompt with its completion; less if the model was trained on less."""
    kv_tokens: int = 0
    """Cells of the KV cache, for all prompts together; 0: :func:`infill_ls.engine.shape.default_kv_tokens`."""
    flash_attention: str = "auto"
    """``on``, ``off``, or ``auto`` for what the calibration found best."""
    kv_type: str = "auto"
    """``f16``, ``q8_0``, or ``auto`` for what the calibration found best."""
    prompt_cache_mb: int = 0
    """Disk space for prompts that the next engine finds read; -1 for what suits the model."""
    draft: str = "auto"
    """When tokens are guessed and verified in a batch: ``auto`` where the calibration says that it
    pays, ``always`` and ``never`` to measure that."""
    measures: bool = False
    """Measure anew what runs the model best here before it is used, whatever was measured before."""
    must_infill: bool = True
    """Refuse a model without infilling markers before its weights are loaded."""
    vocabulary_only: bool = False
    """Load no weights: the engine tokenizes for a model that runs elsewhere, and does no more."""

    def to_json(self) -> str:
        """Return the options as text for the engine's command line."""
        return json.dumps(asdict(self) | {"model_path": str(self.model_path)})

    @classmethod
    def from_json(cls, text: str) -> EngineOptions:
        """Return the options in what :meth:`to_json` made."""
        values = json.loads(text)
        return cls(**values | {"model_path": Path(values["model_path"])})


@dataclass(frozen=True, slots=True)
class Rendezvous:
    """The files of one engine."""

    folder: Path
    key: str
    is_loopback: bool = False
    """Whether they meet at a port of this machine."""

    @property
    def address(self) -> Path:
        """The socket, or the file with the port; it exists while the engine takes connections."""
        return self.folder / f"{self.key}.{'port' if self.is_loopback else 'sock'}"

    @property
    def lock(self) -> Path:
        """Locked by the engine as long as it lives."""
        return self.folder / f"{self.key}.lock"

    @property
    def log(self) -> Path:
        """What the engine logs."""
        return self.folder / f"{self.key}.log"

    def read_token(self) -> str:
        """Return the secret that both sides must know, making it at the first time."""
        path = self.folder / "token"
        with locked(self.folder / "token.lock"):
            if not path.exists() or not (token := path.read_text("ascii")):
                token = secrets.token_hex(16)
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    file.write(token)
        return token

    def try_lock(self) -> Lock | None:
        """Lock for as long as the result is referred to; ``None`` if another engine has the lock."""
        return try_lock(self.lock)


def rendezvous_for(options: EngineOptions) -> Rendezvous:
    """Return the meeting place of engines with these options.

    Raises :class:`EngineError` if there is no directory that is safe to use.
    """
    path = options.model_path
    try:
        info = path.stat()
        identity: tuple[object, ...] = (str(path.resolve()), info.st_size, info.st_mtime_ns)
    except OSError:
        identity = (str(path),)  # the engine will say what is wrong with it
    is_loopback = _meets_at_port()
    parts = (__version__, identity, is_loopback, *astuple(options)[1:])
    key = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    return Rendezvous(_private_folder(is_loopback), key, is_loopback)


def _meets_at_port() -> bool:
    has_sockets = hasattr(socket, "AF_UNIX") and sys.platform != "win32"
    return not has_sockets or os.environ.get(LOOPBACK_ENVIRONMENT_VARIABLE) == "1"


def _private_folder(is_loopback: bool) -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if chosen := os.environ.get(RUNTIME_ENVIRONMENT_VARIABLE):
        folder = Path(chosen)
    elif runtime:
        folder = Path(runtime) / "infill-ls"
    else:
        user = user_number()  # on Windows each user has a temporary folder
        name = "infill-ls" if user is None else f"infill-ls-{user}"
        folder = Path(tempfile.gettempdir()) / name
    folder = folder.absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.lstat()
    except OSError as error:
        raise EngineError(f"cannot make {folder}: {error.strerror}") from None
    if not is_ours_alone(info):
        raise EngineError(f"{folder} must be yours alone (mode 0700)")
    if not is_loopback and len(os.fsencode(folder)) > MAX_SOCKET_PATH_BYTES - 24:
        raise EngineError(
            f"{folder} is too long as the path of a socket: set INFILL_LS_RUNTIME_DIR"
        )
    return folder
