"""Packages to measure on: real code of PyPI, npm and Debian, fetched and unpacked.

The pinned ones of ``packages.toml`` have permissive licences.

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

PINNED = Path(__file__).with_name("packages.toml")
FETCHED = Path(__file__).parents[1] / "build" / "retrieval-corpus"
_PACKED = frozenset({".whl", ".tgz", ".gz", ".deb"})
_HELD_OUT = (".whl", ".tgz", ".deb", ".dsc")


@dataclass(frozen=True, slots=True)
class EvaluationPackage:
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


def packages(names: frozenset[str] | None = None) -> list[EvaluationPackage]:
    """Return the packages of ``packages.toml``, or those of them with some names."""
    rows = tomllib.loads(PINNED.read_text("utf-8"))["package"]
    found = [EvaluationPackage(**row) for row in rows]
    return [package for package in found if names is None or package.name in names]


def fetch(package: EvaluationPackage) -> Path:
    """Return the folder with the source of ``package``, fetched if it is not there yet.

    Raises ``subprocess.CalledProcessError`` if the registry does not have it.
    """
    target = FETCHED / f"{package.name}-{package.version}"
    if not target.exists():
        FETCHED.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(target.name + ".part")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        _download(package, draft)
        archive = next(path for path in draft.iterdir() if path.suffix in _PACKED)
        _extract(archive, draft)
        archive.unlink()
        # A repository of its own, so that our .gitignore does not hide it from the index.
        (draft / ".git").mkdir()
        draft.rename(target)
    return target / package.source


def _download(package: EvaluationPackage, folder: Path) -> None:
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


def archives_of(folder: Path) -> list[tuple[str, Path]]:
    """Return the language and the path of each archive in ``folder``.

    Archives in folders of their own are in the language that such a folder is named after, others
    in Python.
    """
    found = [("python", path) for path in folder.iterdir() if _is_held_out(path)]
    for inner in folder.iterdir():
        if inner.is_dir():
            found += [(inner.name, path) for path in inner.iterdir() if _is_held_out(path)]
    return sorted(found)


def _is_held_out(path: Path) -> bool:
    """Tell whether an archive is a package of its own, and not a part of Debian's source packages."""
    is_part = ".orig" in path.name or ".debian." in path.name
    return path.suffix in _HELD_OUT or (path.name.endswith(".tar.gz") and not is_part)


def unpack(archive: Path, place: Path) -> Path:
    """Return the folder in ``place`` with what ``archive`` holds; of a .dsc, its original source."""
    name = archive.name.partition("-")[0] if archive.suffix == ".whl" else archive.stem
    if archive.suffix == ".gz":
        name = archive.name.rpartition("-")[0]
    folder = place.resolve() / name.partition("_")[0]
    folder.mkdir()
    if archive.suffix == ".dsc":
        source, version = archive.stem.split("_")[:2]
        upstream = version.rpartition("-")[0] or version
        for original in archive.parent.glob(f"{source}_{upstream}.orig*.tar.*"):
            _extract(original, folder)
    else:
        _extract(archive, folder)
    return folder


def _extract(archive: Path, folder: Path) -> None:
    """Unpack a wheel, a Debian package or a tarball."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
    elif archive.suffix == ".deb":
        subprocess.run(["dpkg-deb", "-x", str(archive), str(folder)], check=True)
    else:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
