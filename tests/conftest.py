"""Options and fixtures for all tests."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# However busy the machine is: no test is about time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

NO_POSIX = Path(__file__).parent / "fixtures" / "no_posix"


@pytest.fixture(autouse=True, scope="session")
def engines_of_the_tests(pytestconfig: pytest.Config) -> Iterator[None]:
    """Let all tests share engines and statistics, kept apart from those of the user's editors."""
    with (
        tempfile.TemporaryDirectory(prefix="ils-") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("INFILL_LS_RUNTIME_DIR", folder)
        patch.setenv("XDG_CACHE_HOME", folder)
        patch.setenv("XDG_CONFIG_HOME", folder)
        patch.setenv("XDG_DATA_HOME", folder)
        if pytestconfig.getoption("--as-on-windows"):
            patch.setenv("PYTHONPATH", str(NO_POSIX), prepend=os.pathsep)
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out of ``--as-on-windows`` what does not differ there, and say how much."""
    if not config.getoption("--as-on-windows"):
        return
    same = [item for item in items if item.get_closest_marker("same_on_windows")]
    config.hook.pytest_deselected(items=same)
    items[:] = [item for item in items if not item.get_closest_marker("same_on_windows")]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--as-on-windows",
        action="store_true",
        help="take from all processes that tests start what Windows' Python does not have, so that "
        "servers and engines meet at a port",
    )
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite the expected part of the golden files from what the code does now",
    )
    parser.addoption(
        "--update-thresholds",
        action="store_true",
        help="rewrite the thresholds of tests/eval from what the model does now",
    )
