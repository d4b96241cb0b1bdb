"""Fixture that copies installed packages to measure on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

CopyPackage = Callable[[str], Path]


@pytest.fixture
def copy_package(tmp_path: Path) -> CopyPackage:
    """Return a function that copies an installed package away from .venv.

    Git ignores that folder, and so would the index.
    """

    def copy(name: str) -> Path:
        spec = find_spec(name)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        return Path(shutil.copytree(spec.submodule_search_locations[0], tmp_path / name))

    return copy
