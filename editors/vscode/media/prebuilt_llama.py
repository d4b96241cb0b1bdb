"""Has llama-cpp-python installed as a wheel that its project has compiled, where there is one.

usage: prebuilt_llama.py get INDEX WHEEL      before WHEEL, which is the server's, is installed
       prebuilt_llama.py check WHEEL REPORT   after it: one that does not run here is compiled, and pip's
                                              report of that goes to REPORT

It runs in the environment that the extension makes. From INDEX comes this one package, in the version that WHEEL
wants. Whatever fails in ``get``, pip compiles then. ``tools/prebuilt_llama.sh`` does the same for a checkout.
"""

from __future__ import annotations

import platform
import re
import runpy
import subprocess
import sys
import zipfile

PIP = [sys.executable, "-P", "-m", "pip"]
DEFAULT_INDEX = "https://abetlen.github.io/llama-cpp-python/whl"


def tell(line: str) -> None:
    """Write a line for the log; the notification shows the last one."""
    sys.stdout.write(f"llama.cpp: {line}\n")
    sys.stdout.flush()


def pinned(wheel: str) -> str:
    """Return the requirement of the server's wheel, or ``""``."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode("utf-8")
    found = re.search(r"^Requires-Dist: (llama-cpp-python==[\w.]+)\s*$", text, re.MULTILINE)
    return found[1] if found else ""


def install(*arguments: str) -> bool:
    """Run pip in this process, which is the one that ends when the user cancels."""
    sys.argv = [
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--no-deps",
        *arguments,
    ]
    try:
        runpy.run_module("pip", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return not end.code
    return True


def output_of(*arguments: str) -> str:
    """Return what pip prints."""
    asked = [*PIP, *arguments]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout  # noqa: S603


def get(index: str, wheel: str) -> None:
    """Install a prebuilt wheel, and say so; else say why not."""
    requirement = pinned(wheel)
    if not requirement:
        return
    has_own_index = re.search(r"\.(index-url|no-index)=", output_of("config", "list"))
    if index == DEFAULT_INDEX and has_own_index:
        tell("pip is set to an index of your own, no other one is asked")
        return
    name = f"llama_cpp_python-{requirement.partition('==')[2]}-*"
    if output_of("cache", "list", "--format", "abspath", name).strip():
        tell("this machine has compiled it before")
        return
    is_mac = (platform.system(), platform.machine()) == ("Darwin", "arm64")
    backend = "metal" if is_mac else "cpu"
    source = ["--index-url", f"{index}/{backend}", "--timeout", "4", "--retries", "0"]
    if install(*source, "--only-binary", ":all:", requirement):
        tell(f"installed as a prebuilt wheel for {backend}")
    else:
        tell("there is no prebuilt wheel, it is compiled: this takes minutes")


def check(wheel: str, report: str) -> int:
    """Compile llama.cpp if what is installed does not run here."""
    asked = [sys.executable, "-P", "-c", "import llama_cpp"]
    done = subprocess.run(asked, capture_output=True, check=False)  # noqa: S603
    if done.returncode == 0:
        return 0
    tell("what is installed does not run on this machine, it is compiled: this takes minutes")
    compiled = ["--force-reinstall", "--no-binary", "llama-cpp-python", "--report", report]
    return 0 if install(*compiled, pinned(wheel)) else 1


def main() -> int:
    """Do what the command line says."""
    match sys.argv[1:]:
        case ["get", index, wheel]:
            get(index.rstrip("/"), wheel)
            return 0
        case ["check", wheel, report]:
            return check(wheel, report)
    sys.stderr.write(__doc__ or "")
    return 2


if __name__ == "__main__":
    sys.exit(main())
