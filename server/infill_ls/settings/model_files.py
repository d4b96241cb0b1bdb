"""Refuse model files in an open folder, whoever names them.

A model is a program of a kind: its file is parsed by a library in C++, and its chat template is run. In some
editors a folder brings settings along, and the server cannot know which of them the user wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from infill_ls.models.store import bundled_model_path, locate, model_folder

NAMES = ("model", "instructModel", "remoteVocabulary")
"""Settings that name a model file."""


def lies_in(model: str, folders: Sequence[Path]) -> Path | None:
    """Return the folder in which the file that a setting names lies; ``None`` if it may be loaded.

    Links count at both ends. The bundled model and those that infill-ls keeps itself may be loaded
    wherever they are.
    """
    if not model or not folders:
        return None
    try:
        path = locate(model).absolute()
        real = path.resolve()
        ours = (bundled_model_path().resolve(), model_folder().resolve())
        if real == ours[0] or (
            real.is_relative_to(ours[1]) and path.is_relative_to(model_folder())
        ):
            return None
        for folder in folders:
            if any(
                one.is_relative_to(place)
                for one in (path, real)
                for place in (folder.absolute(), folder.resolve())
            ):
                return folder
    except (OSError, RuntimeError, ValueError):  # links in a circle, no path at all
        return folders[0]
    return None
