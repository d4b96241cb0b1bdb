"""Tests of installing llama-cpp-python: prebuilt where a wheel exists, otherwise compiled."""

from __future__ import annotations

import hashlib
import os
import shlex
import socket
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tools" / "prebuilt_llama.sh"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="a shell script")


def pinned_version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (pinned,) = (one for one in project["dependencies"] if one.startswith("llama-cpp-python=="))
    return str(pinned).partition("==")[2]


def make_index(folder: Path, *backends: str) -> str:
    """Make an index as the project of llama-cpp-python lays it out, with a wheel for each backend."""
    version = pinned_version()
    info = f"llama_cpp_python-{version}.dist-info"
    name = f"llama_cpp_python-{version}-py3-none-any.whl"
    for backend in backends:
        page = folder / backend / "llama-cpp-python"
        page.mkdir(parents=True)
        with zipfile.ZipFile(page / name, "w") as wheel:
            wheel.writestr("llama_cpp/__init__.py", f"BACKEND = {backend!r}\n")
            metadata = f"Metadata-Version: 2.1\nName: llama_cpp_python\nVersion: {version}\n"
            wheel.writestr(f"{info}/METADATA", metadata)
            wheel.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{info}/RECORD", "")
        digest = hashlib.sha256((page / name).read_bytes()).hexdigest()
        (page / "index.html").write_text(f'<a href="{name}#sha256={digest}">{name}</a>')
    return folder.as_uri()


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Return the Python of an environment that has only pip, taken from this one."""
    venv.create(tmp_path / "venv", with_pip=False)
    program = tmp_path / "venv" / "bin" / "python"
    asked = [str(program), "-c", "import site; print(site.getsitepackages()[0])"]
    packages = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    import pip

    (Path(packages) / "pip").symlink_to(Path(pip.__file__).parent)
    return program


def run(python: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    nobody = {"PIP_CONFIG_FILE": os.devnull, "XDG_CACHE_HOME": str(python.parents[2] / "cache")}
    return subprocess.run(
        ["sh", SCRIPT, python],
        env=kept | nobody | environment,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def backend_of(python: Path) -> str:
    asked = [str(python), "-c", "import llama_cpp; print(llama_cpp.BACKEND)"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def test_the_wheel_of_the_index_is_installed(tmp_path: Path, python: Path) -> None:
    index = make_index(tmp_path / "index", "cpu", "metal", "cu124")
    done = run(python, INFILL_LS_WHEELS=index, INFILL_LS_BACKEND="cu124")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"installed prebuilt for cu124, {index}/cu124/llama-cpp-python/" in done.stdout
    assert backend_of(python) == "cu124"
    again = run(python, INFILL_LS_WHEELS=index, INFILL_LS_BACKEND="cpu")
    assert again.returncode == 1
    assert "is installed already" in again.stdout
    assert backend_of(python) == "cu124"


def test_an_index_without_a_wheel_for_this_machine(tmp_path: Path, python: Path) -> None:
    done = run(python, INFILL_LS_WHEELS=make_index(tmp_path, "cpu"), INFILL_LS_BACKEND="vulkan")
    assert done.returncode == 1
    assert "no prebuilt wheel for vulkan" in done.stdout
    assert "compiled" in done.stdout
    assert backend_of(python) == ""


def test_an_index_out_of_reach_is_asked_once(python: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        done = run(python, INFILL_LS_WHEELS=address)
        listening.setblocking(False)
        listening.accept()[0].close()
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert done.returncode == 1
    assert "no prebuilt wheel" in done.stdout


@pytest.mark.parametrize(
    "policy",
    [
        {"INFILL_LS_WHEELS": "off"},
        {"PIP_NO_INDEX": "1"},
        {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"},
    ],
)
def test_where_a_policy_forbids_other_indexes_none_is_asked(
    python: Path, policy: dict[str, str]
) -> None:
    done = run(python, **policy)
    assert done.returncode == 1
    assert "switched off" in done.stdout


def fake_environment(folder: Path, imports: bool) -> Path:
    """Make an environment whose Python notes what it is asked; pip finds all that it is to install."""
    program = folder / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(
        f'#!/bin/sh\necho "$*" >>"{folder}/asked"\necho "$CFLAGS,$CXXFLAGS" >"{folder}/flags"\n'
        f'echo "$CMAKE_ARGS" >"{folder}/cmake"\n'
        'case "$*" in\n'
        '*"--report "*) for one; do shift; [ "$one" != --report ] || file=$1; done\n'
        '    echo "{\\"install\\": [{\\"download_info\\": {\\"url\\": \\"u\\"}}]}" >"$file" ;;\n'
        "*importlib*) exit 1 ;;\n"
        f'*json*) exec {sys.executable} "$@" ;;\n'
        f'*"import llama_cpp"*) exit {0 if imports else 1} ;;\n'
        '*"-e .["*) echo "Building wheel for llama-cpp-python (pyproject.toml)" ;;\n'
        "esac\n"
    )
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("wheels", "imports", "told", "installs"),
    [
        ("https://index.invalid", True, "llama.cpp: prebuilt.", 2),
        ("https://index.invalid", False, "does not run on this machine: it is compiled", 3),
        ("off", True, "llama.cpp: compiled on this machine.", 1),
    ],
)
def test_the_installation_says_which_it_was(
    tmp_path: Path, wheels: str, imports: bool, told: str, installs: int
) -> None:
    folder = fake_environment(tmp_path / "venv", imports)
    done = subprocess.run(
        ["sh", ROOT / "tools" / "install.sh", sys.executable, folder],
        env=os.environ | {"INFILL_LS_WHEELS": wheels},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert told in done.stdout
    asked = (folder / "asked").read_text().splitlines()
    runs = [one for one in asked if one.startswith("-m pip install")]
    assert len(runs) == installs, asked
    assert ("--index-url" in runs[0]) == (wheels != "off")
    assert any("-e .[dev,all-languages,editors]" in one for one in runs)


@pytest.mark.parametrize(
    ("reads", "flags"),
    [
        ("(*((const void **)__config))", "-O1 -U__AMX_INT8__, -U__AMX_INT8__"),
        ("(*((const char (*)[64])__config))", "-O1,"),
    ],
)
def test_a_compiler_that_spoils_the_tiles_of_amx_is_kept_from_them(
    tmp_path: Path, reads: str, flags: str
) -> None:
    folder = fake_environment(tmp_path / "venv", imports=True)
    compiler = tmp_path / "c++"
    header = (
        f'_tile_loadconfig (const void *__config)\n{{\n asm ("ldtilecfg %X0" :: "m" {reads});\n}}'
    )
    compiler.write_text(f"#!/bin/sh\ncat <<'END'\n{header}\nEND\n")
    compiler.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name != "CXXFLAGS"}
    subprocess.run(
        ["sh", ROOT / "tools" / "install.sh", sys.executable, folder],
        env=kept | {"INFILL_LS_WHEELS": "off", "CXX": str(compiler), "CFLAGS": "-O1"},
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    assert (folder / "flags").read_text().strip() == flags


def test_only_what_is_loaded_is_compiled_and_a_choice_of_parts_is_kept(tmp_path: Path) -> None:
    folder = fake_environment(tmp_path / "venv", imports=True)
    subprocess.run(
        ["sh", ROOT / "tools" / "install.sh", sys.executable, folder],
        env=os.environ | {"INFILL_LS_WHEELS": "off", "CMAKE_ARGS": "-DLLAVA_BUILD=OFF"},
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    include, own = shlex.split((folder / "cmake").read_text())
    name, file = include.split("=", 1)
    assert (name, own) == ("-DCMAKE_PROJECT_INCLUDE", "-DLLAVA_BUILD=OFF")
    assert "set(LLAMA_BUILD_COMMON OFF)" in Path(file).read_text().splitlines()


def server_wheel(folder: Path) -> Path:
    path = folder / "infill_ls-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        metadata = f"Name: infill-ls\nRequires-Dist: llama-cpp-python=={pinned_version()}\n"
        wheel.writestr("infill_ls-1.dist-info/METADATA", metadata)
    return path


def test_the_extension_for_vs_code_does_the_same(tmp_path: Path, python: Path) -> None:
    """The script that it runs in the environment that it makes."""
    script = ROOT / "editors" / "vscode" / "media" / "prebuilt_llama.py"
    wheel = server_wheel(tmp_path)

    def run_script(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        nobody = {"PIP_CONFIG_FILE": os.devnull, "XDG_CACHE_HOME": str(tmp_path / "cache")}
        return subprocess.run(
            [str(python), "-P", str(script), *map(str, arguments)],
            env=kept | nobody | environment,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )

    default = "https://abetlen.github.io/llama-cpp-python/whl"
    forbidden = run_script("get", default, wheel, PIP_NO_INDEX="1")
    assert (forbidden.returncode, backend_of(python)) == (0, "")
    assert "no other one is asked" in forbidden.stdout
    none = run_script("get", (tmp_path / "empty").as_uri(), wheel)
    assert (none.returncode, backend_of(python)) == (0, "")
    assert "it is compiled" in none.stdout.splitlines()[-1]
    backend = "metal" if sys.platform == "darwin" and os.uname().machine == "arm64" else "cpu"
    done = run_script("get", make_index(tmp_path / "index", backend), wheel)
    assert (done.returncode, backend_of(python)) == (0, backend), done.stderr
    assert done.stdout.splitlines()[-1] == f"llama.cpp: installed as a prebuilt wheel for {backend}"
    report = tmp_path / "report.json"
    assert run_script("check", wheel, report).returncode == 0
    assert not report.exists(), "nothing was installed"
    # What does not run here is replaced; nobody has the sources here, which is told.
    packages = next((tmp_path / "venv" / "lib").glob("python*/site-packages/llama_cpp"))
    (packages / "__init__.py").write_text("raise OSError")
    broken = run_script("check", wheel, report, PIP_NO_INDEX="1")
    assert broken.returncode == 1
    assert "does not run on this machine" in broken.stdout
