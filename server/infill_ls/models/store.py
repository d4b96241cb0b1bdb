"""The store of model files on this machine, and the model chosen for all editors."""

from __future__ import annotations

import json
import logging
import os
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from platformdirs import user_config_path, user_data_path

from infill_ls.errors import ModelError, UsageError
from infill_ls.models import registry

log = logging.getLogger(__name__)

BUNDLED_MODEL_NAME = "infill-ls-mini"
BUNDLED_CONTEXT_TOKENS = 4096
BUNDLED_KV_BYTES_PER_TOKEN = 16_384
"""As the file says; here so that a list of models need not load llama.cpp to read it."""
FOLDER_ENVIRONMENT_VARIABLE = "INFILL_LS_MODEL_FOLDER"
SUFFIX = ".gguf"


def bundled_model_path() -> Path:
    """Return the path of the model that comes with the package."""
    return Path(str(files("infill_ls"))) / "models" / f"{BUNDLED_MODEL_NAME}{SUFFIX}"


def model_folder() -> Path:
    """Return the folder of pulled and quantised models; it need not exist."""
    if chosen := os.environ.get(FOLDER_ENVIRONMENT_VARIABLE):
        return Path(chosen).expanduser()
    return user_data_path("infill-ls") / "models"


def stored_path(name: str) -> Path:
    """Return where the model that goes by ``name`` lies, or would lie."""
    return model_folder() / f"{name.lower().replace(':', '-')}{SUFFIX}"


def locate(model: str) -> Path:
    """Return the file that ``model`` means: a path, a name of the registry or of a stored file.

    It need not exist: :func:`why_missing` then says what to do.
    """
    path = Path(model).expanduser()
    if path.is_absolute() or model.lower().endswith(SUFFIX):
        return path
    if model.lower() == BUNDLED_MODEL_NAME:
        return bundled_model_path()
    known = registry.find(model)
    stored = stored_path(known.name if known is not None else model)
    if known is not None or ("/" not in model and stored.is_file()):
        return stored
    return path


def why_missing(path: Path) -> str:
    """Return what to tell a user whose model file ``path`` does not exist."""
    for known in registry.known_files():
        if stored_path(known.name) == path:
            return f"model {known.name} is not on this machine: run `infill-ls model pull {known.name}`"
    return (
        f"model file {path} does not exist: set 'model' to the path of a GGUF file or a name of "
        "`infill-ls model list`, or leave it empty for the bundled model"
    )


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model file on this machine."""

    name: str
    path: Path
    bytes: int
    known: registry.KnownFile | None = None
    """What the registry says of it, if it is from there."""


def stored_models() -> list[StoredModel]:
    """Return the bundled model and all files of the folder, in the order of their names."""
    names = {stored_path(known.name): known for known in registry.known_files()}
    bundled = bundled_model_path()
    found = [StoredModel(BUNDLED_MODEL_NAME, bundled, bundled.stat().st_size)]
    for path in sorted(model_folder().glob(f"*{SUFFIX}")):
        known = names.get(path)
        name = known.name if known is not None else path.stem
        found.append(StoredModel(name, path, path.stat().st_size, known))
    return found


def remove(name: str) -> StoredModel:
    """Delete a stored model, and the rest of an interrupted pull.

    Raises :class:`UsageError` if there is none, or if it is not ours to delete.
    """
    path = locate(name)
    for model in stored_models():
        if model.path != path:
            continue
        if model.name == BUNDLED_MODEL_NAME:
            raise UsageError("the bundled model is part of the package and cannot be removed")
        try:
            path.unlink()
        except OSError as error:
            raise UsageError(f"cannot remove {path}: {error.strerror}") from None
        remove_partial_files(path)
        return model
    if path.exists():
        raise UsageError(f"{path} was not stored by infill-ls: delete it yourself")
    raise UsageError(f"there is no model {name!r} on this machine; see `infill-ls model list`")


def partial_files(path: Path) -> list[Path]:
    """Return what interrupted pulls of ``path`` have left."""
    return sorted(path.parent.glob(f"{path.name}.*.part"))


def remove_partial_files(path: Path) -> None:
    """Delete what interrupted pulls of ``path`` have left."""
    for part in partial_files(path):
        part.unlink(missing_ok=True)


def choice_path() -> Path:
    """Return the file that holds the user's choice."""
    return user_config_path("infill-ls") / "config.toml"


def chosen_model() -> str:
    """Return the model chosen for all editors, a name or a path; empty for the bundled one.

    A file that cannot be read counts as no choice, and is logged.
    """
    try:
        model = tomllib.loads(choice_path().read_text("utf-8")).get("model", "")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        log.warning("%s is ignored: %s", choice_path(), error)
        return ""
    if not isinstance(model, str):
        log.warning("%s is ignored: 'model' must be a string", choice_path())
        return ""
    return model


def choose(model: str) -> Path:
    """Remember ``model`` for all editors whose own setting ``model`` is empty; return its file.

    An empty ``model`` goes back to the bundled one. Raises :class:`ModelError` if there is no such
    file, :class:`UsageError` if the choice cannot be written.
    """
    path = locate(model) if model else bundled_model_path()
    if not path.is_file():
        raise ModelError(why_missing(path))
    is_name = path == bundled_model_path() or path.parent == model_folder()
    chosen = model if is_name else str(path.resolve())
    config = choice_path()
    temporary = config.with_suffix(f".{os.getpid()}")
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(
            "# Written by `infill-ls model use`. An editor's setting 'model' has precedence.\n"
            f"model = {json.dumps(chosen, ensure_ascii=False)}\n",
            "utf-8",
        )
        temporary.replace(config)
    except OSError as error:
        raise UsageError(f"cannot write {config}: {error.strerror}") from None
    return path
