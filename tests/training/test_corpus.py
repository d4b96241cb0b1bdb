"""Tests of the corpus: which packages and files are taken, and under which licence."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

from training.filters import HeldOut

from training import corpus

BODY = "".join(
    f"def function_{n}(argument):\n    return argument + {n}  # a line\n" for n in range(20)
)


def make_wheel(folder: Path, name: str, licence: str, files: dict[str, str]) -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-1.0.dist-info/METADATA", f"Name: {name}\nLicense: {licence}\n\n")
        for inner, text in files.items():
            archive.writestr(inner, text)
    return path


def test_extract_takes_free_packages_only(tmp_path: Path) -> None:
    wheels = [
        make_wheel(tmp_path, "free", "MIT", {"free/a.py": BODY, "free/data/b.py": BODY}),
        make_wheel(tmp_path, "bound", "GPL-3.0", {"bound/a.py": BODY}),
        make_wheel(tmp_path, "nameless", "", {"nameless/a.py": BODY}),
        make_wheel(tmp_path, "click", "BSD", {"click/a.py": BODY}),
    ]
    packages = corpus.extract(wheels, tmp_path / "corpus.jsonl.zst")
    assert packages == [corpus.CorpusPackage("free", "1.0", "MIT", "pypi")]
    assert list(corpus.read(tmp_path / "corpus.jsonl.zst")) == [
        corpus.File("free", "free/a.py", BODY)
    ]


def test_broken_archives_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "broken-1.0-py3-none-any.whl").write_bytes(b"no zip file")
    good = make_wheel(tmp_path, "free", "MIT", {"free/a.py": BODY})
    found = corpus.extract([tmp_path / "broken-1.0-py3-none-any.whl", good], tmp_path / "out")
    assert [package.name for package in found] == ["free"]


def test_clean_leaves_out_copies_evaluation_data_and_what_is_too_much() -> None:
    other = BODY.replace("function_", "method_")
    held = "".join(f"value_{n} = compute_something(of={n}, kind='long')\n" for n in range(30))
    files = [
        corpus.File("a", "a/one.py", BODY),
        corpus.File("a", "a/two.py", other),
        corpus.File("b", "b/copy.py", BODY),
        corpus.File("b", "b/held.py", held),
        corpus.File("b", "b/tiny.py", "x = 1\n"),
    ]
    kept = corpus.clean(files, HeldOut.of([held], []), processes=2)
    assert sorted(file.path for file in kept) == ["a/one.py", "a/two.py"]


def test_installed_packages_need_a_permissive_licence(tmp_path: Path) -> None:
    root = tmp_path / "site-packages"
    root.mkdir()
    for name, licence in (("free", "MIT"), ("copyleft", "GPL-3.0-only")):
        (root / name).mkdir()
        (root / name / "code.py").write_text("x = 1\n" * 60)
        info = root / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: {licence}\n"
        )
        (info / "RECORD").write_text(f"{name}/code.py,,\n")
    (root / "stray").mkdir()
    (root / "stray" / "code.py").write_text("x = 1\n" * 60)
    assert corpus.refused_packages(root) == {
        "copyleft", "stray", "free-1.0.dist-info", "copyleft-1.0.dist-info",
    }  # fmt: skip
    assert {file.package for file in corpus.installed([root], 1)} == {"free"}


def test_typescript_is_read_out_of_source_maps() -> None:
    record = {
        "version": 3,
        "sources": ["../src/core.ts", "../node_modules/other/index.ts", "../src/view.js"],
        "sourcesContent": [BODY, BODY, BODY],
    }
    assert corpus.mapped_sources("dist/core.mjs.map", json.dumps(record)) == [("src/core.ts", BODY)]
    assert corpus.mapped_sources("dist/core.css.map", "no JSON") == []


def make_source(folder: Path, copyright_file: str) -> Path:
    """Make a Debian source package of two files and its packaging; return its .dsc."""
    for name, root, files in (
        ("thing_1.2.orig.tar.gz", "thing-1.2/", {"src/a.go": BODY, "old/b.go": BODY}),
        ("thing_1.2-1.debian.tar.xz", "", {"debian/copyright": copyright_file}),
    ):
        with tarfile.open(folder / name, "w:gz" if name.endswith("gz") else "w:xz") as archive:
            for path, text in files.items():
                member = tarfile.TarInfo(root + path)
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
    dsc = folder / "thing_1.2-1.dsc"
    dsc.write_text("Source: thing\n")
    return dsc


def test_files_of_a_debian_source_need_a_permissive_licence_each(tmp_path: Path) -> None:
    told = "Files: *\nLicense: Expat\n\nFiles: old/*\nLicense: LGPL-2.1\n"
    package, files = corpus.read_source(make_source(tmp_path, told))
    assert package == corpus.CorpusPackage("thing", "1.2-1", "Expat", "debian-source")
    assert [path for path, _ in files] == ["src/a.go"]


def test_a_debian_source_whose_licences_are_told_in_prose_is_not_taken(tmp_path: Path) -> None:
    dsc = make_source(tmp_path, "It was written by somebody, who lets everybody use it.")
    assert corpus.extract([dsc], tmp_path / "out") == []


def test_what_many_held_out_files_share_marks_no_file() -> None:
    notice = "".join(f"// Line {n} of a licence that many files bear\n" for n in range(8))
    held = [notice + f"let value_{n} = compute_this_number({n});\n" for n in range(10)]
    assert not HeldOut.of(held, []).holds(notice + "let other = 1;\n")
    assert HeldOut.of(held[:2], []).holds(notice + "let other = 1;\n")


NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "markdown", "source": f"# {'A long paragraph. ' * 40}"},
            {"cell_type": "code", "source": BODY, "outputs": ["9" * 200_000]},
        ]
    }
)


def make_sdist(folder: Path, name: str, licence: str, files: dict[str, str]) -> Path:
    path = folder / f"{name}-1.0.tar.gz"
    about = f"Metadata-Version: 2.4\nName: {name}\nLicense-Expression: {licence}\n\n"
    with tarfile.open(path, "w:gz") as archive:
        for inner, text in {"PKG-INFO": about, **files}.items():
            info = tarfile.TarInfo(f"{name}-1.0/{inner}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def test_source_archives_bring_notebooks_as_documents(tmp_path: Path) -> None:
    path = make_sdist(tmp_path, "free", "MIT", {"docs/a.ipynb": NOTEBOOK, "docs/b.ipynb": "{}"})
    reader = corpus.reader_of(path)
    assert reader is not None
    package, files = reader(path)
    assert package == corpus.CorpusPackage("free", "1.0", "MIT", "pypi-source")
    ((name, text),) = files
    assert name == "docs/a.ipynb"
    assert text.endswith(f"\n{BODY}")
    assert text.startswith("# # A long paragraph.")
    kept = corpus.clean([corpus.File("free", name, text)], HeldOut(), processes=2)
    assert [file.path for file in kept] == [name]


def test_parts_of_debian_source_packages_are_no_source_archives() -> None:
    for name in ("cjson_1.7.orig.tar.gz", "x_1-1.debian.tar.gz", "x_1.orig-docs.tar.gz"):
        assert corpus.reader_of(Path(name)) is None
    assert corpus.reader_of(Path("chempy-0.10.2.tar.gz")) is corpus.read_sdist


def test_pages_in_packed_folders_are_read(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path, "free", "MIT", {"dist/a.vue": BODY, "dist/a.js": BODY, "node_modules/b.vue": BODY}
    )
    assert [path for path, _ in corpus.read_wheel(wheel)[1]] == ["dist/a.vue"]
