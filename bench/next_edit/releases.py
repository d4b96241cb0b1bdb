"""Git repositories out of the releases of packages: one commit for each, so that their changes can be replayed.

usage: python -m bench.next_edit.releases FOLDER [--releases N] [--only REGISTRY] [--names FILE]

Fetches the newest minor releases of the packages in ``releases.toml`` (or ``FILE``: ``held-out.toml`` has
packages that the bundled model never saw) with pip and npm, and makes of each
package a bare repository ``FOLDER/NAME/repo``. Then::

    infill-ls eval edits --releases FOLDER/*/repo --bank BANK

Nothing of a package is run: wheels and npm's tarballs are opened as archives. Author and date are fixed, so
that equal releases give equal ids.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from infill_ls.evaluation.edit_episodes import MOST_FILE_CHARS
from infill_retrieval.processes.git import making, own_environment
from infill_retrieval.syntax import language_of

NAMES = Path(__file__).with_name("releases.toml")
RELEASES = 7
MOST_FILES = 4_000
"""Of a release."""
TIMEOUT_S = 300
_FINAL = re.compile(r"\d+(?:\.\d+)*(?:\.post\d+)?")
_DIST_INFO = re.compile(r"[^/]+\.(?:dist-info|data)/")

Contents = dict[str, bytes]


def main() -> None:
    """Fetch the releases and make the repositories."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--releases", type=int, default=RELEASES)
    parser.add_argument("--only", choices=("pypi", "npm"))
    parser.add_argument("--names", type=Path, default=NAMES)
    options = parser.parse_args()
    names = tomllib.loads(options.names.read_text("utf-8"))
    for registry, packages in names.items():
        for name in packages:
            if options.only in {None, registry}:
                target = options.folder / f"{registry}-{name.strip('@').replace('/', '-')}" / "repo"
                if not target.exists():
                    _make(registry, name, target, options.releases)


def _make(registry: str, name: str, target: Path, count: int) -> None:
    releases: list[tuple[str, Contents]] = []
    try:
        for version in _last_of_minors(_VERSIONS[registry](name))[-count:]:
            with tempfile.TemporaryDirectory() as folder:
                archive = _FETCH[registry](name, version, Path(folder))
                if archive is not None:
                    releases.append((version, dict(_sources(archive))))
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        print(f"{name}: {error}", file=sys.stderr)
    if len(releases) < 2:
        print(f"{name}: fewer than two releases", file=sys.stderr)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    _run(["git", *making(str(target), "sha1")], Path())
    stream = b"".join(_commits(name, releases))
    _run(["git", "-C", str(target), "fast-import", "--quiet"], Path(), stream)
    _run(["git", "-C", str(target), "symbolic-ref", "HEAD", "refs/heads/releases"], Path())
    print(f"{name}: {' '.join(version for version, _ in releases)}", flush=True)


def _last_of_minors(versions: list[str]) -> list[str]:
    """Return the last release of each minor version, oldest first; one that mends little shows little."""
    ordered = sorted(versions, key=_numbers)
    return list({tuple(_numbers(one)[:2]): one for one in ordered}.values())


def _commits(name: str, releases: list[tuple[str, Contents]]) -> Iterator[bytes]:
    """Yield the releases as ``git fast-import`` reads them."""
    for number, (version, contents) in enumerate(releases, start=1):
        message = f"{name} {version}".encode()
        who = f"releases <releases@localhost> {number * 86_400} +0000"
        yield f"commit refs/heads/releases\nmark :{number}\ncommitter {who}\n".encode()
        yield b"data %d\n%s\n" % (len(message), message)
        if number > 1:
            yield f"from :{number - 1}\n".encode()
        yield b"deleteall\n"
        for path, data in sorted(contents.items()):
            quoted = json.dumps(path, ensure_ascii=False).encode()
            yield b"M 100644 inline %s\ndata %d\n%s\n" % (quoted, len(data), data)


def _sources(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the paths and contents of the source files of an archive, without a folder around all."""
    count = 0
    for path, data in _entries(archive):
        parts = PurePosixPath(path).parts
        if not parts or any(part in {"..", ".git"} for part in parts) or "\n" in path:
            continue
        language = language_of(path)
        if language.grammar is None or len(data) > MOST_FILE_CHARS or b"\0" in data:
            continue
        count += 1
        if count > MOST_FILES:
            return
        yield "/".join(part for part in parts if part != "/"), data


def _entries(archive: Path) -> Iterator[tuple[str, bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                if info.file_size <= 4 * MOST_FILE_CHARS and not _DIST_INFO.match(info.filename):
                    yield info.filename, packed.read(info)
        return
    with tarfile.open(archive) as tree:
        for member in tree:
            if member.isfile() and member.size <= 4 * MOST_FILE_CHARS:
                file = tree.extractfile(member)
                if file is not None:
                    # All is below ``package/``.
                    yield member.name.removeprefix("./").partition("/")[2], file.read()


def _versions_of_pypi(name: str) -> list[str]:
    output = _run([sys.executable, "-m", "pip", "index", "versions", name], Path())
    found = re.search(r"^Available versions: (.+)$", output, re.MULTILINE)
    versions = found[1].split(", ") if found else []
    return [one for one in reversed(versions) if _FINAL.fullmatch(one)]


def _versions_of_npm(name: str) -> list[str]:
    found = json.loads(_run(["npm", "view", name, "versions", "--json"], Path()))
    return [one for one in found if _FINAL.fullmatch(one)] if isinstance(found, list) else []


def _numbers(version: str) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", version)]


def _wheel(name: str, version: str, folder: Path) -> Path | None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), f"{name}=={version}"]
    try:
        _run(command, folder)
    except subprocess.CalledProcessError:
        return None  # no wheel of it
    return next(folder.glob("*.whl"), None)


def _tarball(name: str, version: str, folder: Path) -> Path | None:
    command = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder)]
    _run([*command, f"{name}@{version}"], folder)
    return next(folder.glob("*.tgz"), None)


def _run(command: list[str], folder: Path, data: bytes | None = None) -> str:
    environment = own_environment() if command[0] == "git" else None
    done = subprocess.run(
        command, check=True, cwd=folder, input=data, timeout=TIMEOUT_S, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout.decode("utf-8", "replace")


_VERSIONS = {"pypi": _versions_of_pypi, "npm": _versions_of_npm}
_FETCH = {"pypi": _wheel, "npm": _tarball}


if __name__ == "__main__":
    main()
