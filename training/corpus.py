"""Read source out of downloaded packages and installed trees; write and read the corpus file.

The corpus file is JSON lines under zstd: package, path inside the project, text.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib.metadata
import io
import json
import multiprocessing
import os
import posixpath
import re
import subprocess
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

from infill_ls.measuring.notebook_files import MOST_BYTES as MOST_NOTEBOOK_BYTES
from infill_ls.measuring.notebook_files import SUFFIX as NOTEBOOK
from infill_ls.measuring.notebook_files import read_notebook
from training.filters import (
    HELD_OUT,
    NOT_FREE,
    SKIPPED_FOLDERS,
    Duplicates,
    Fingerprint,
    HeldOut,
    language,
    refusal,
)
from training.licences import Copyright, allows, is_permissive

MOST_CHARS_OF_A_PACKAGE = 8_000_000
MOST_CHARS_OF_A_LARGE_PACKAGE = 120_000_000
LARGE_PACKAGES = frozenset({"mono", "kotlin"})
"""Nearly all that Debian has of a language is in one of these."""
MOST_FILE_BYTES = 130_000
MOST_MAP_BYTES = 12_000_000
COMPILED_FROM = 5
"""A package with so many TypeScript files has JavaScript that was made of them."""
_DEBIAN_ROOT = re.compile(
    r"^usr/(?:share|lib)/(?:go-[\d.]+/|rustc-src/[\d.]+/|python[\d.]+/|gocode/src/|cargo/registry/"
    r"|rubygems-integration/[^/]+/gems/|ruby/vendor_ruby/|php/|nodejs/|lua/[\d.]+/"
    r"|games/minetest/mods/)?"
)
PAGES = (".vue", ".svelte", ".astro")
_SOURCE_SUFFIXES = (".ts", ".tsx", ".mts")


@dataclass(frozen=True)
class File:
    """One source file of the corpus."""

    package: str
    path: str
    text: str


@dataclass(frozen=True)
class CorpusPackage:
    """What the model card says of a package."""

    name: str
    version: str
    licence: str
    kind: str


def wheel_licence(metadata: str) -> str:
    """Return the licence that a wheel's METADATA names, on one line."""
    head = metadata.split("\n\n", 1)[0]
    expression = re.search(r"^License-Expression: *(.+)$", head, re.MULTILINE)
    if expression:
        return expression.group(1).strip()
    classifiers = re.findall(
        r"^Classifier: License :: (?:OSI Approved :: )?(.+)$", head, re.MULTILINE
    )
    if classifiers:
        return "; ".join(c.strip() for c in classifiers)
    named = re.search(r"^License: *(.+)$", head, re.MULTILINE)
    return named.group(1).strip()[:60] if named else ""


def _wanted(path: str) -> bool:
    folders = set(path.split("/")[:-1])
    if path.endswith(PAGES):
        folders.discard("dist")  # what is packed for others is still what somebody wrote
    return language(path) is not None and not SKIPPED_FOLDERS.intersection(folders)


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None


def _most_bytes(path: str) -> int:
    return MOST_NOTEBOOK_BYTES if path.endswith(NOTEBOOK) else MOST_FILE_BYTES


def _source(path: str, raw: bytes) -> str | None:
    """Return the text of the file ``path``; a notebook's as one document, its text as comments."""
    text = _text(raw)
    if text is not None and path.endswith(NOTEBOOK):
        notebook = read_notebook(text)
        return notebook.text if notebook is not None else None
    return text


def read_wheel(path: Path) -> tuple[CorpusPackage, list[tuple[str, str]]]:
    """Return a wheel's description and its source files."""
    name, version = path.name.split("-")[:2]
    files: list[tuple[str, str]] = []
    licence = ""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.filename.endswith(".dist-info/METADATA"):
                licence = wheel_licence(archive.read(info).decode("utf-8", "replace"))
            elif 250 <= info.file_size <= _most_bytes(info.filename) and _wanted(info.filename):
                text = _source(info.filename, archive.read(info))
                if text:
                    files.append((info.filename, text))
    return CorpusPackage(name, version, licence, "pypi"), files


def _texts(
    archive: tarfile.TarFile, inner: Callable[[str], str], wanted: Callable[[str], bool] = _wanted
) -> Iterator[tuple[str, str]]:
    """Yield the wanted files of a tar file; ``inner`` shortens a member's name to the path."""
    for member in archive:
        path = inner(member.name)
        if member.isfile() and member.size <= _most_bytes(path) and wanted(path):
            handle = archive.extractfile(member)
            text = _source(path, handle.read()) if handle else None
            if text:
                yield path, text


def read_npm(path: Path) -> tuple[CorpusPackage, list[tuple[str, str]]]:
    """Return an npm tarball's description and its source files."""
    files: list[tuple[str, str]] = []
    record: dict[str, object] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            inner = member.name.partition("/")[2]
            is_map = inner.endswith(".map") and member.size <= MOST_MAP_BYTES
            small = member.size <= _most_bytes(inner) and (
                inner == "package.json" or _wanted(inner)
            )
            handle = archive.extractfile(member) if member.isfile() and (is_map or small) else None
            text = _source(inner, handle.read()) if handle else None
            if text is None:
                continue
            if is_map:
                files += [file for file in mapped_sources(inner, text) if file not in files[-400:]]
            elif inner == "package.json":
                record = json.loads(text)
            else:
                files.append((inner, text))
    have = {path for path, _ in files if path.endswith(_SOURCE_SUFFIXES)}
    if len(have) >= COMPILED_FROM and not any(path.endswith(".jsx") for path, _ in files):
        # The JavaScript beside it is what a compiler made of it.
        files = [(path, text) for path, text in files if not path.endswith((".js", ".mjs", ".cjs"))]
    files = list(dict(files).items())
    name, version = str(record.get("name", path.stem)), str(record.get("version", ""))
    return CorpusPackage(name, version, str(record.get("license", "")), "npm"), files


def mapped_sources(path: str, text: str) -> list[tuple[str, str]]:
    """Return the TypeScript files that the source map ``path`` was made of and holds."""
    try:
        record = json.loads(text)
    except ValueError:
        return []
    if not isinstance(record, dict):
        return []
    found = []
    folder = posixpath.dirname(path)
    pairs = zip(record.get("sources") or [], record.get("sourcesContent") or [], strict=False)
    for source, content in pairs:
        if isinstance(source, str) and isinstance(content, str):
            inner = posixpath.normpath(posixpath.join(folder, source)).lstrip("./")
            inner = re.sub(r"^[\w.-]+-fastbuild[\w-]*/bin/", "", inner)
            if inner.endswith(_SOURCE_SUFFIXES) and ":" not in inner and _wanted(inner):
                found.append((inner, content.replace("\r\n", "\n")))
    return found


def read_deb(path: Path) -> tuple[CorpusPackage, list[tuple[str, str]]]:
    """Return a Debian package's description and its source files.

    All of the package is left out if its copyright file names a licence that is not permissive:
    the paths in that file are the source package's.
    """
    name, version = path.name.split("_")[:2]
    unpacked = subprocess.run(
        ["dpkg-deb", "--fsys-tarfile", str(path)], stdout=subprocess.PIPE, check=True
    )
    files: list[tuple[str, str]] = []
    licence = ""
    told = f"usr/share/doc/{name}/copyright"
    with tarfile.open(fileobj=io.BytesIO(unpacked.stdout)) as archive:
        for inner, text in _texts(
            archive,
            lambda name: name.removeprefix("./"),
            lambda inner: (
                inner == told or (_wanted(inner) and not inner.startswith("usr/share/doc"))
            ),
        ):
            if inner == told:
                licence = common_licence(Copyright.of(text).of_upstream())
            else:
                files.append((_DEBIAN_ROOT.sub("", inner), text))
    return CorpusPackage(name, version, licence, "debian"), files


def common_licence(licences: list[str]) -> str:
    """Return permissive licences on one line, or one that is not permissive."""
    refused = [licence for licence in licences if not allows(licence)]
    return refused[0] if refused else "; ".join(dict.fromkeys(licences))[:120]


def read_source(path: Path) -> tuple[CorpusPackage, list[tuple[str, str]]]:
    """Return the description of a Debian source package, named by its .dsc, and its source files.

    Files whose licence the copyright file does not name as permissive are left out.
    """
    name, version = path.name.removesuffix(".dsc").split("_")[:2]
    upstream = version.rpartition("-")[0] or version
    told = Copyright(())
    for packaging in path.parent.glob(f"{name}_{version}.debian.tar.*"):
        with tarfile.open(packaging) as archive:
            for _, text in _texts(archive, str, lambda inner: inner == "debian/copyright"):
                told = Copyright.of(text)
    files = []
    licences: Counter[str] = Counter()
    for source in sorted(path.parent.glob(f"{name}_{upstream}.orig*.tar.*")):
        if source.name.endswith(".asc"):
            continue
        with tarfile.open(source) as archive:
            for inner, text in _texts(
                archive, lambda name: name.removeprefix("./").partition("/")[2]
            ):
                licence = told.licence_of(inner)
                if name in HELD_OUT or allows(licence):
                    files.append((inner, text))
                    licences[licence] += len(text)
    most = "; ".join(licence for licence, _ in licences.most_common(4))
    return CorpusPackage(name, version, most, "debian-source"), files


def read_sdist(path: Path) -> tuple[CorpusPackage, list[tuple[str, str]]]:
    """Return the description of a source archive of PyPI and its source files."""
    licence = ""
    files = []
    with tarfile.open(path) as archive:
        for inner, text in _texts(
            archive,
            lambda name: name.partition("/")[2],
            lambda inner: inner == "PKG-INFO" or _wanted(inner),
        ):
            if inner == "PKG-INFO":
                licence = wheel_licence(text)
            else:
                files.append((inner, text))
    name, _, version = path.name.removesuffix(SDIST).rpartition("-")
    return CorpusPackage(name, version, licence, "pypi-source"), files


READERS = {".whl": read_wheel, ".tgz": read_npm, ".deb": read_deb, ".dsc": read_source}
SDIST = ".tar.gz"
_OF_A_SOURCE_PACKAGE = re.compile(r"\.(?:orig(?:-[\w-]+)?|debian)\.tar\.gz$")


Reader = Callable[[Path], tuple[CorpusPackage, list[tuple[str, str]]]]


def reader_of(path: Path) -> Reader | None:
    """Return what reads an archive; ``None`` for what is no archive, or only a part of one."""
    if path.name.endswith(SDIST) and not _OF_A_SOURCE_PACKAGE.search(path.name):
        return read_sdist
    return READERS.get(path.suffix)


def _read_archive(path: Path) -> tuple[CorpusPackage, bytes] | None:
    """Return a package and a zstd frame of its source files; none of one that may not be used."""
    reader = reader_of(path)
    assert reader is not None
    try:
        package, files = reader(path)
    except (
        OSError,
        ValueError,
        subprocess.CalledProcessError,
        zipfile.BadZipFile,
        tarfile.TarError,
    ) as error:
        print("unreadable:", path.name, error)
        return None
    free = allows if package.kind.startswith("debian") else is_permissive
    parts = package.licence.split("; ") if package.kind.startswith("debian") else [package.licence]
    if package.name.lower() in HELD_OUT or not files or not all(map(free, parts)):
        return package, b""
    return package, _frame(package.name, files)


def _frame(package: str, files: Iterable[tuple[str, str]]) -> bytes:
    lines = (json.dumps([package, path, text]) + "\n" for path, text in files)
    packed: bytes = zstandard.ZstdCompressor(level=9).compress("".join(lines).encode())
    return packed


def extract(archives: list[Path], out: Path) -> list[CorpusPackage]:
    """Write the source of all archives to ``out``; return the packages that may be used.

    Fast, for a machine with few cores: `clean` looks into the files, where they are trained on.
    """
    packages = []
    with multiprocessing.Pool(2) as pool, out.open("wb") as sink:
        for read in pool.imap(_read_archive, sorted(archives)):
            if read is None:
                continue
            package, frame = read
            if frame:
                sink.write(frame)
                packages.append(package)
            else:
                print("refused:", package.name, package.licence[:40])
    return packages


@dataclass(frozen=True)
class Judgement:
    """What is found out of one file alone."""

    reason: str | None
    """Why it is not taken."""
    fingerprint: Fingerprint | None


def _judge(number: int) -> Judgement:
    files, held_out = _TO_JUDGE[0]
    text = files[number].text
    reason = refusal(text, is_notebook=files[number].path.endswith(NOTEBOOK))
    if reason is None and held_out.holds(text):
        reason = "evaluation"
    return Judgement(reason, None if reason else Fingerprint.of(text))


_TO_JUDGE: list[tuple[list[File], HeldOut]] = []
"""What a process that was forked to judge looks at: gigabytes that need no copy."""


def digest(text: str) -> bytes:
    """Return what tells a text from others."""
    return hashlib.blake2b(text.encode(), digest_size=12).digest()


def clean(
    files: list[File], held_out: HeldOut, processes: int, beside: Iterable[File] = ()
) -> list[File]:
    """Return the files to learn from: no copies, no evaluation data, nothing generated.

    Copies of files in ``beside`` are left out, too.
    """
    files = sorted(files, key=lambda file: (file.package, hash_order(file.path)))
    fork = multiprocessing.get_context("fork")
    with fork.Pool(processes, _TO_JUDGE.append, ((files, held_out),)) as pool:
        judged = pool.map(_judge, range(len(files)), chunksize=32)
    duplicates = Duplicates()
    for file in beside:
        duplicates.is_copy(Fingerprint.of(file.text))
    reasons: Counter[str] = Counter()
    chars: Counter[str] = Counter()
    kept = []
    for file, judgement in zip(files, judged, strict=True):
        reason = judgement.reason
        most = (
            MOST_CHARS_OF_A_LARGE_PACKAGE
            if file.package in LARGE_PACKAGES
            else MOST_CHARS_OF_A_PACKAGE
        )
        if reason is None and chars[file.package] + len(file.text) > most:
            reason = "package full"
        if judgement.fingerprint is not None and reason is None:
            reason = "copy" if duplicates.is_copy(judgement.fingerprint) else None
        if reason is None:
            kept.append(file)
            chars[file.package] += len(file.text)
        else:
            reasons[reason] += 1
    print(len(kept), "files kept of", len(files), dict(reasons.most_common()), flush=True)
    return kept


def hash_order(path: str) -> int:
    """Return a number that orders paths at random but always alike."""
    value = 5381
    for char in path:
        value = (value * 33 + ord(char)) & 0xFFFFFFFF
    return value * 2654435761 % 2**32


def read(path: Path) -> Iterator[File]:
    """Yield the files of a corpus file."""
    with path.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        for line in io.TextIOWrapper(stream, encoding="utf-8"):
            package, name, text = json.loads(line)
            yield File(package, name, text)


def _read_installed(entry: tuple[str, str, str]) -> File | None:
    package, name, path = entry
    try:
        text = _text(Path(path).read_bytes())
    except OSError:
        return None
    return None if text is None else File(package, name, text)


def refused_packages(root: Path) -> set[str]:
    """Return the top folders in a site-packages folder that may not be used.

    Those are the folders of distributions whose metadata name no permissive licence, and those
    that belong to no distribution. A standard library has no distributions: nothing is refused.
    """
    allowed: dict[str, bool] = {}
    for distribution in importlib.metadata.distributions(path=[str(root)]):
        licence = wheel_licence(distribution.read_text("METADATA") or "")
        for file in distribution.files or ():
            top = file.parts[0]
            allowed[top] = allowed.get(top, True) and is_permissive(licence)
    if not allowed:
        return set()
    return {entry.name for entry in root.iterdir() if not allowed.get(entry.name, False)}


def installed(roots: list[Path], processes: int) -> list[File]:
    """Return the source files under ``roots`` (a standard library, a site-packages folder)."""
    entries: list[tuple[str, str, str]] = []
    for root in roots:
        refused = refused_packages(root)
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(
                d for d in folders if d not in SKIPPED_FOLDERS and not d.endswith("-packages")
            )
            inner = os.path.relpath(folder, root)
            top = inner.split("/")[0]
            package = top if root.name.endswith("-packages") else f"std/{top}"
            if package.lower() in HELD_OUT | NOT_FREE or top in refused:
                continue
            for name in sorted(names):
                path = os.path.join(folder, name)
                if language(name) and not os.path.islink(path) and os.path.getsize(path) < 130_000:
                    shown = name if inner == "." else f"{inner}/{name}"
                    entries.append((package, shown, path))
    with multiprocessing.Pool(processes) as pool:
        return [f for f in pool.imap(_read_installed, entries, chunksize=64) if f]


def main() -> None:
    """Read folders of wheels, npm tarballs and Debian packages into one corpus file.

    Beside it: the packages (packages.tsv), fingerprints of the evaluation data (held-out.json.gz),
    and the held-out packages themselves (validation.jsonl.zst).
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "archives", type=Path, nargs="+", help="folders of .whl, .tar.gz, .tgz, .deb and .dsc files"
    )
    parser.add_argument("--held-out", type=Path, required=True, help="folder of held-out archives")
    parser.add_argument("--humaneval", type=Path, required=True, help="infilling cases, .jsonl.gz")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    with gzip.open(args.humaneval, "rt") as cases:
        prompts = {json.loads(line)["prompt"] for line in cases}
    readers = [(path, reader_of(path)) for path in sorted(args.held_out.rglob("*"))]
    held_wheels = [reader(path) for path, reader in readers if reader is not None]
    print("held out:", [(package.name, len(files)) for package, files in held_wheels])
    held_out = HeldOut.of([text for _, files in held_wheels for _, text in files], prompts)
    args.out.mkdir(parents=True, exist_ok=True)
    held_out.save(args.out / "held-out.json.gz")
    (args.out / "validation.jsonl.zst").write_bytes(
        b"".join(_frame(package.name, files) for package, files in held_wheels)
    )
    archives = [p for folder in args.archives for p in folder.iterdir() if reader_of(p) is not None]
    packages = extract(archives, args.out / "corpus.jsonl.zst")
    rows = ["kind\tname\tversion\tlicence"]
    rows += [f"{p.kind}\t{p.name}\t{p.version}\t{p.licence}" for p in packages]
    (args.out / "packages.tsv").write_text("\n".join(rows) + "\n")
    print(len(packages), "packages")


if __name__ == "__main__":
    main()
