"""Tests that all our modules can be imported without what Windows' Python lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

NO_POSIX = Path(__file__).parents[1] / "fixtures" / "no_posix"
CODE = """
import importlib, os, pkgutil, signal, socket, sys
assert not hasattr(os, "getuid") and not hasattr(socket, "AF_UNIX")
assert sys.modules["fcntl"] is None
for name in ("O_NONBLOCK", "geteuid", "fchmod", "statvfs"):
    delattr(os, name)
del signal.SIGKILL
count = 0
for package in ("infill_ls", "infill_retrieval"):
    path = importlib.import_module(package).__path__
    for module in pkgutil.walk_packages(path, f"{package}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            count += 1
print(count)
"""


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(NO_POSIX), *sys.path])
    return os.environ | {"PYTHONPATH": path}


def test_every_module_can_be_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", CODE],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 150


def test_servers_and_engines_meet_at_a_port_there() -> None:
    code = (
        "from pathlib import Path\n"
        "from infill_ls.engine.rendezvous import EngineOptions, rendezvous_for\n"
        "assert rendezvous_for(EngineOptions(Path('m.gguf'))).is_loopback\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], env=environment(), check=False)
    assert done.returncode == 0
