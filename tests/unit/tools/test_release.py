"""Tests of a release: its layout for package managers, and the check that finds errors in it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from tools import release

from infill_retrieval.syntax.languages import language_named

ROOT = Path(__file__).parents[3]
VERSION = release.version()
SDIST = f"infill_ls-{VERSION}.tar.gz"
WHEEL = f"infill_ls-{VERSION}-py3-none-any.whl"


def files_of(path: Path) -> dict[str, bytes]:
    """Return the files of an archive, without its top folder."""
    return {name.partition("/")[2]: text for name, text in release.read_archive(path).items()}


def zipped(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def sum_up(out: Path) -> None:
    names = sorted(path.name for path in out.iterdir() if path.name != release.SUMS)
    lines = [f"{hashlib.sha256((out / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (out / release.SUMS).write_text("".join(lines))


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Return a complete release whose Python package has only what is checked."""
    out = tmp_path / "dist"
    out.mkdir()
    release.pack(out)
    info = f"infill_ls-{VERSION}.dist-info"
    model = {"infill_ls/models/a.gguf": b"GGUF"}
    entry = {f"{info}/entry_points.txt": b"infill-ls = infill_ls.cli:main"}
    wheel = [
        f"{info}/METADATA",
        f"{info}/licenses/LICENSE",
        "infill_ls/py.typed",
        "infill_ls/models/registry.toml",
        "infill_retrieval/py.typed",
        "infill_retrieval/index.py",
    ]
    zipped(out / WHEEL, dict.fromkeys(wheel, b"x") | model | entry)
    sdist = [
        "pyproject.toml",
        "PKG-INFO",
        "README.md",
        "LICENSE",
        "server/infill_ls/cli/__init__.py",
    ]
    release._write_tar(
        out / SDIST,
        SDIST.removesuffix(".tar.gz"),
        dict.fromkeys(sdist, b"x") | {"server/infill_ls/models/a.gguf": b"GGUF"},
    )
    sum_up(out)
    assert release.check(out, []) == []
    return out


def test_all_parts_have_one_version() -> None:
    assert set(release.versions().values()) == {VERSION}


def test_the_neovim_plugin_is_the_root_of_a_repository(whole: Path) -> None:
    files = files_of(whole / f"infill_ls.nvim-{VERSION}.tar.gz")
    assert {name.split("/")[0] for name in files} == {
        "doc",
        "lsp",
        "lua",
        "plugin",
        "LICENSE",
        "README.md",
    }
    spec = (whole / f"infill_ls.nvim-{VERSION}-1.rockspec").read_text()
    modules = dict(re.findall(r"\['(.*?)'\] = '(.*?)'", spec))
    assert set(modules.values()) == {name for name in files if name.startswith("lua/")}
    assert modules["infill_ls"] == "lua/infill_ls/init.lua"
    assert modules["infill_ls.ghost"] == "lua/infill_ls/ghost.lua"
    copied = re.search(r"copy_directories = \{ (.*?) \}", spec)
    assert copied is not None
    for folder in re.findall(r"'(.*?)'", copied[1]):
        assert any(name.startswith(f"{folder}/") for name in files)


def test_the_emacs_package_is_one_that_package_el_takes(whole: Path) -> None:
    path = whole / f"infill-{VERSION}.tar"
    assert path.read_bytes()[257:262] == b"ustar", "package.el unpacks nothing that is compressed"
    with tarfile.open(path) as archive:
        tops = {name.split("/")[0] for name in archive.getnames()}
    assert tops == {f"infill-{VERSION}"}
    files = files_of(path)
    lisp = {name for name in files if name.endswith(".el")}
    assert lisp == {one.name for one in (ROOT / "editors" / "emacs").glob("*.el")} | {
        "infill-pkg.el"
    }
    described = files["infill-pkg.el"].decode()
    assert f'(define-package "infill" "{VERSION}"' in described
    assert '\'((emacs "29.1"))' in described
    required = set(re.findall(r"\(require '(infill-[\w-]+)\)", files["infill.el"].decode()))
    assert {f"{name}.el" for name in required} <= lisp


def test_the_recipe_for_melpa_takes_all_of_it(whole: Path) -> None:
    recipe = (whole / "infill.melpa-recipe").read_text()
    (pattern,) = re.findall(r':files \("(.*?)"\)', recipe)
    assert {path.name for path in ROOT.glob(pattern)} >= {"infill.el", "infill-ghost.el"}


def test_the_same_sources_make_the_same_archives(tmp_path: Path, whole: Path) -> None:
    release.pack(tmp_path)
    for name in (f"infill-{VERSION}.tar", f"infill_ls.nvim-{VERSION}.tar.gz"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()


def test_what_is_missing_left_over_or_changed_is_told(whole: Path) -> None:
    (whole / "notes.txt").write_text("x")
    (whole / "infill.melpa-recipe").unlink()
    with (whole / SDIST).open("ab") as file:
        file.write(b"\0")
    assert sorted(release.check(whole, ["linux-x64"])) == [
        "SHA256SUMS does not say what notes.txt is",
        "SHA256SUMS names infill.melpa-recipe, which is not there",
        "infill-ls-linux-x64.vsix is missing",
        "infill.melpa-recipe is missing",
        f"{SDIST} is not what SHA256SUMS says",
        "notes.txt is no part of a release",
    ]
    assert release.check(whole / "nowhere", [])


@pytest.mark.parametrize(
    ("name", "files", "told"),
    [
        (WHEEL, {"tests/test_x.py": b""}, "has tests too"),
        (WHEEL, {"infill_ls/__pycache__/a.pyc": b""}, "does not belong there"),
        (WHEEL, {"infill_ls/models/a.gguf": b"version https://git-lfs"}, "has no bundled model"),
        (WHEEL, {"../x": b""}, "leads out of it"),
        ("infill-ls-linux-x64.vsix", {"extension/.env": b""}, "does not belong there"),
        ("infill-ls-linux-x64.vsix", {}, "is not for linux-x64"),
        ("infill-ls-linux-x64.vsix", {}, "has no extension/dist/extension.js"),
    ],
)
def test_archives_are_looked_into(
    whole: Path, name: str, files: dict[str, bytes], told: str
) -> None:
    before = release.read_archive(whole / name) if (whole / name).exists() else {}
    zipped(whole / name, before | files)
    sum_up(whole)
    problems = release.check(whole, ["linux-x64"])
    assert any(problem.startswith(f"{name}: ") and told in problem for problem in problems), (
        problems
    )


def test_an_archive_that_is_not_as_the_sources_is_told(whole: Path) -> None:
    name = f"infill-{VERSION}"
    release._write_tar(whole / f"{name}.tar", name, {"infill.el": b"(evil)", "more.el": b""})
    sum_up(whole)
    problems = "\n".join(release.check(whole, []))
    assert f"{name}/infill.el is not as it is in the sources" in problems
    assert f"{name}/more.el is not as it is in the sources" in problems


def run(*arguments: str | Path, script: str = "release.sh") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "tools" / script, *arguments],
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_a_release_is_built_and_whole(tmp_path: Path) -> None:
    done = run("--without-vsix", tmp_path / "o")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"The release in {tmp_path / 'o'} is whole." in done.stdout
    assert "NOT BUILT, NOT CHECKED" in done.stderr
    built = {path.name for path in (tmp_path / "o").iterdir()}
    assert built >= {SDIST, WHEEL, f"infill-{VERSION}.tar", f"infill_ls.nvim-{VERSION}.tar.gz"}
    (tmp_path / "o" / WHEEL).unlink()
    again = run("--check", "--without-vsix", tmp_path / "o")
    assert again.returncode == 1
    assert f"{WHEEL} is missing" in again.stdout


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
@pytest.mark.skipif(
    not (ROOT / "editors" / "vscode" / "node_modules").is_dir(),
    reason="*** NOT TESTED: the .vsix of a release, as editors/vscode has no node_modules ***",
)
def test_the_extension_is_built_for_a_platform(tmp_path: Path) -> None:
    done = run("--out", tmp_path, "win32-x64", script="vsix.sh")
    assert done.returncode == 0, done.stdout + done.stderr
    name = "infill-ls-win32-x64.vsix"
    files = release.read_archive(tmp_path / name)
    assert [*release._unsafe(files), *release._vsix_lacks(files, name)] == []


def test_the_workflow_runs_what_a_developer_runs() -> None:
    workflow = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    assert "tools/release.sh" in workflow
    assert "make check" in workflow


def test_the_extension_for_zed_starts_the_server_over_stdio() -> None:
    zed = ROOT / "editors" / "zed"
    manifest = tomllib.loads((zed / "extension.toml").read_text())
    assert (manifest["id"], manifest["schema_version"]) == ("infill-ls", 1)
    (server,) = manifest["language_servers"].values()
    languages = server["languages"]
    assert len(set(languages)) == len(languages) > 30
    assert set(server["language_ids"]) <= set(languages)
    crate = tomllib.loads((zed / "Cargo.toml").read_text())
    assert crate["lib"]["crate-type"] == ["cdylib"], "Zed loads a library made for WebAssembly"
    assert set(crate["dependencies"]) == {"zed_extension_api"}
    source = (zed / "src" / "lib.rs").read_text()
    assert 'const PROGRAM: &str = "infill-ls";' in source
    assert 'args: vec!["--stdio".to_string()]' in source
    assert "zed::register_extension!(InfillExtension);" in source
    assert (zed / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_zed_and_the_server_call_languages_the_same() -> None:
    manifest = tomllib.loads((ROOT / "editors" / "zed" / "extension.toml").read_text())
    (server,) = manifest["language_servers"].values()
    for language, identifier in server["language_ids"].items():
        if language not in {"Git Commit", "Plain Text"}:
            assert language_named(identifier) is not None, language
