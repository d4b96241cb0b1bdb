from __future__ import annotations

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
    assert packages == [corpus.Package("free", "1.0", "MIT", "pypi")]
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
