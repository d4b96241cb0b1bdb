"""Download what a package needs as wheels, for a machine without a network that has some packages already.

    python -m bench.remote.vllm.wheels FOLDER vllm==0.24.0 xgrammar==0.2.1 --there NAMES.txt

``NAMES.txt`` has the names of the packages on that machine, one a line (``pip list --format=freeze`` will do), and
of those that are to be left out. Requirements that are given with a version stand for all others of that name.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

GLIBC = (39, 35, 34, 31, 28, 27, 24, 17, 12, 5)
PLATFORMS = [
    *(f"manylinux_2_{minor}_x86_64" for minor in GLIBC),
    "manylinux2014_x86_64",
    "manylinux2010_x86_64",
    "manylinux1_x86_64",
]
THERE = {
    "python_version": "3.12",
    "python_full_version": "3.12.3",
    "sys_platform": "linux",
    "platform_machine": "x86_64",
    "platform_system": "Linux",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "os_name": "posix",
}


def download(folder: Path, requirements: list[str]) -> None:
    """Download wheels without what they need."""
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    abis = [word for name in ("cp312", "abi3", "none") for word in ("--abi", name)]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:",
         "--python-version", "3.12", "--implementation", "cp", *abis, *platforms,
         "-d", str(folder), *requirements],
        check=True,
    )  # fmt: skip


def needs(wheel: Path, extras: frozenset[str]) -> Iterator[Requirement]:
    """Yield what a wheel needs there."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(
            one
            for one in archive.namelist()
            if one.endswith(".dist-info/METADATA") and one.count("/") == 1
        )
        metadata = Parser().parsestr(archive.read(name).decode())
    for line in metadata.get_all("Requires-Dist") or []:
        one = Requirement(line)
        if one.marker is None or any(
            one.marker.evaluate({**THERE, "extra": extra}) for extra in ("", *extras)
        ):
            yield one


def walk(folder: Path, wanted: list[str], there: set[str]) -> None:
    """Download ``wanted`` and all that it needs, less what is there."""
    pinned = {canonicalize_name(Requirement(one).name): one for one in wanted}
    asked = [(Requirement(one).name, frozenset[str]()) for one in wanted]
    done: set[tuple[str, frozenset[str]]] = set()
    while asked:
        name, extras = asked.pop()
        name = canonicalize_name(name)
        if (name, extras) in done or (name in there and name not in pinned):
            continue
        done.add((name, extras))
        if name not in found(folder):
            download(folder, [pinned.get(name, name)])
        for one in needs(found(folder)[name], extras):
            key = canonicalize_name(one.name)
            if key not in there and key not in found(folder):
                download(folder, [pinned.get(key, f"{one.name}{one.specifier}")])
            asked.append((one.name, frozenset(one.extras)))


def found(folder: Path) -> dict[str, Path]:
    """Return the wheels by name."""
    return {canonicalize_name(path.name.split("-")[0]): path for path in folder.glob("*.whl")}


def main() -> None:
    """Download."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("requirements", nargs="+")
    parser.add_argument("--there", type=Path, required=True)
    options = parser.parse_args()
    names = options.there.read_text("utf-8").split()
    there: set[str] = {canonicalize_name(name.partition("==")[0]) for name in names}
    options.folder.mkdir(parents=True, exist_ok=True)
    walk(options.folder, options.requirements, there)


if __name__ == "__main__":
    main()
