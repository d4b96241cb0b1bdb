"""Unpacks the packages that a model never saw, whatever kind of archive they come in."""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from pathlib import Path

ARCHIVES = (".whl", ".tgz", ".deb", ".dsc")


def archives_of(folder: Path) -> list[tuple[str, Path]]:
    """Return the language and the path of each archive in ``folder``.

    Archives in folders of their own are in the language that such a folder is named after, others
    in Python.
    """
    found = [("python", path) for path in folder.iterdir() if path.suffix in ARCHIVES]
    for inner in folder.iterdir():
        if inner.is_dir():
            found += [(inner.name, path) for path in inner.iterdir() if path.suffix in ARCHIVES]
    return sorted(found)


def unpack(archive: Path, place: Path) -> Path:
    """Return the folder in ``place`` with what ``archive`` holds; of a .dsc, its original source."""
    name = archive.name.partition("-")[0] if archive.suffix == ".whl" else archive.stem
    folder = place.resolve() / name.partition("_")[0]
    folder.mkdir()
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
    elif archive.suffix == ".deb":
        subprocess.run(["dpkg-deb", "-x", str(archive), str(folder)], check=True)
    elif archive.suffix == ".tgz":
        _extract(archive, folder)
    else:
        source, version = archive.stem.split("_")[:2]
        upstream = version.rpartition("-")[0] or version
        for original in archive.parent.glob(f"{source}_{upstream}.orig*.tar.*"):
            _extract(original, folder)
    return folder


def _extract(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
