"""Real code to measure on: pinned, permissively licensed packages of PyPI, npm and Debian.

The packages are fetched with pip, npm and apt into a folder that git ignores, and unpacked there once.
Settings were chosen on the packages of the set ``dev``; ``test`` is for reporting.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

CORPUS_FILE = Path(__file__).with_name("corpus.toml")
_ARCHIVES = frozenset({".whl", ".tgz", ".gz", ".deb"})
CORPUS_FOLDER = Path(__file__).parents[3] / "build" / "retrieval-corpus"


@dataclass(frozen=True, slots=True)
class Package:
    """A package whose source is a workspace of the evaluation."""

    name: str
    version: str
    registry: str
    """``pypi`` (the wheel), ``sdist`` (PyPI's source archive), ``npm`` or ``debian``."""
    language: str
    source: str
    """Folder of the package that holds what its authors wrote."""
    license: str
    set: str
    """``dev`` or ``test``."""


def packages(names: frozenset[str] | None = None) -> list[Package]:
    """Return the packages of ``corpus.toml``, or those of them with some names."""
    rows = tomllib.loads(CORPUS_FILE.read_text("utf-8"))["package"]
    found = [Package(**row) for row in rows]
    return [package for package in found if names is None or package.name in names]


def fetch(package: Package) -> Path:
    """Return the folder with the source of ``package``, fetched if it is not there yet.

    Raises ``subprocess.CalledProcessError`` if the registry does not have it.
    """
    target = CORPUS_FOLDER / f"{package.name}-{package.version}"
    if not target.exists():
        CORPUS_FOLDER.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(target.name + ".part")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        _download(package, draft)
        archive = next(path for path in draft.iterdir() if path.suffix in _ARCHIVES)
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(draft)
        elif archive.suffix == ".deb":
            subprocess.run(["dpkg-deb", "-x", archive, draft], check=True)
        else:
            with tarfile.open(archive) as tarball:
                tarball.extractall(draft, filter="data")
        archive.unlink()
        # A repository of its own, so that our .gitignore does not hide it from the index.
        (draft / ".git").mkdir()
        draft.rename(target)
    return target / package.source


def _download(package: Package, folder: Path) -> None:
    if package.registry == "pypi":
        wanted = f"{package.name}=={package.version}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", str(folder), wanted]
    elif package.registry == "sdist":
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--no-binary", package.name, "--dest", str(folder)]
        command += [f"{package.name}=={package.version}"]
    elif package.registry == "debian":
        # Into the current folder; needs Debian bookworm, and `apt-get update` once.
        command = ["apt-get", "download", "-qq", f"{package.name}={package.version}"]
    else:
        wanted = f"{package.name}@{package.version}"
        command = ["npm", "pack", "--silent", "--pack-destination", str(folder), wanted]
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=300)
