"""Models known by name; the data is in ``registry.toml``."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from infill_ls.errors import UnknownModelError

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file on the Hugging Face hub."""

    repository: str
    file: str
    quantization: str = ""
    revision: str = "main"
    bytes: int | None = None
    about_mb: int | None = None
    """A size worked out from the model's shape, where the exact one is not known."""
    sha256: str | None = None

    @property
    def size_bytes(self) -> int | None:
        """The size, or about the size, or ``None``."""
        if self.bytes is not None:
            return self.bytes
        return self.about_mb * MEGABYTE if self.about_mb is not None else None


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model and the files it comes in, the default one first."""

    name: str
    title: str
    licence: str
    licence_url: str
    parameters_millions: int
    kv_bytes_per_token: int
    """Of the KV cache in F16."""
    context_tokens: int
    files: tuple[HubFile, ...]
    active_millions: int | None = None
    """Parameters that one token uses, if not all."""
    is_instruct: bool = False
    """Whether it follows instructions: for ``instructModel``, not for completions."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """One file of a known model, and the name that it goes by."""

    name: str
    """``MODEL`` for the model's default file, ``MODEL:QUANTIZATION`` for another."""
    model: KnownModel
    source: HubFile


@cache
def known_models() -> tuple[KnownModel, ...]:
    """Return all models of the registry."""
    text = (files("infill_ls.models") / "registry.toml").read_text("utf-8")
    return tuple(
        KnownModel(**{**entry, "files": tuple(HubFile(**file) for file in entry["files"])})
        for entry in tomllib.loads(text)["models"]
    )


@cache
def known_files() -> tuple[KnownFile, ...]:
    """Return all files of the registry."""
    return tuple(
        KnownFile(
            model.name if file is model.files[0] else f"{model.name}:{file.quantization.lower()}",
            model,
            file,
        )
        for model in known_models()
        for file in model.files
    )


def find(name: str) -> KnownFile | None:
    """Return the file that goes by ``name``, in any case, or ``None``.

    The default file of a model may be named with its quantization too.
    """
    wanted = name.lower()
    for known in known_files():
        if wanted in (known.name, f"{known.model.name}:{known.source.quantization.lower()}"):
            return known
    return None


def hub_file(name: str) -> tuple[str, HubFile]:
    """Return the name and the place of a known model, or of ``OWNER/REPOSITORY/FILE.gguf``.

    Raises :class:`UnknownModelError`.
    """
    if (known := find(name)) is not None:
        return known.name, known.source
    owner, _, rest = name.partition("/")
    repository, _, file = rest.partition("/")
    if owner and repository and file.lower().endswith(".gguf") and not name.startswith((".", "~")):
        stem = file.rpartition("/")[2][: -len(".gguf")]
        return stem.lower(), HubFile(f"{owner}/{repository}", file)
    raise UnknownModelError(f"there is no model {name!r}{_suggestion(name)}")


def _suggestion(name: str) -> str:
    close = difflib.get_close_matches(name.lower(), [known.name for known in known_files()], n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{hint}; `infill-ls model list` shows the names"
