"""Tests that list every place with dangerous code: a new one fails until it is reviewed and listed here."""

from __future__ import annotations

import ast
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import infill_ls
import infill_retrieval
from infill_ls.evaluation import sandbox
from infill_retrieval.processes.programs import find_program

STARTS = {
    "infill_ls/engine/chat_form.py": "our own module, by python_command",
    "infill_ls/commits/repository.py": "the user's git, by find_program, without the repository's settings",
    "infill_ls/engine/child.py": "our own module, by python_command",
    "infill_ls/engine/process.py": "the engine, by python_command",
    "infill_ls/evaluation/sandbox.py": "what a model wrote, with limits; unshare by find_program",
    "infill_ls/measuring/git.py": "the user's git, by find_program, without the repository's settings",
    "infill_retrieval/crawling/worker.py": "the crawler, by python_command",
}
"""Every start of a process, and why nothing of a workspace is run."""
READS = {
    "infill_ls/cli/ask.py": "a file that is named on the command line",
    "infill_ls/cli/doctor_report.py": "/proc/cpuinfo",
    "infill_ls/cli/serve.py": "our standard output",
    "infill_ls/next_edit/forest.py": "the judge of the next edit, ours",
    "infill_ls/engine/channel.py": "the folder that is ours alone",
    "infill_ls/engine/llama/calibration.py": "the cache",
    "infill_ls/engine/llama/file.py": "the model",
    "infill_ls/engine/llama/kept_prompts.py": "the cache, in a folder that is ours alone",
    "infill_ls/engine/process.py": "the engine's log",
    "infill_ls/engine/rendezvous.py": "the folder that is ours alone",
    "infill_ls/engine/scripted.py": "for tests: a script that is named by an option",
    "infill_ls/evaluation/datasets.py": "a file that is named on the command line",
    "infill_ls/evaluation/edits.py": "results that are named on the command line",
    "infill_ls/evaluation/typing_replay.py": "a document, not a file",
    "infill_ls/lsp/client.py": "a document, not a file",
    "infill_ls/measuring/engines.py": "answers that are named on the command line",
    "infill_ls/measuring/git_history.py": "an archive in memory",
    "infill_ls/measuring/journal.py": "results of our own",
    "infill_ls/models/download.py": "the folder of models",
    "infill_ls/models/registry.py": "a file of the package",
    "infill_ls/models/store.py": "the folder of models",
    "infill_ls/reporting/statistics.py": "the folder of statistics",
    "infill_retrieval/crawling/worker.py": "the null device",
    "infill_retrieval/files/regular_file.py": "whatever lies in a workspace",
    "infill_retrieval/indexing/store.py": "the cache",
    "infill_retrieval/syntax/grammar.py": "a file of the package",
}
"""Every place that reads a file, and which. Of a workspace only ``read_regular`` reads."""
WRITES_OR_OPENS = frozenset(["read_text", "read_bytes", "open", "fdopen"])


def calls() -> Iterator[tuple[str, ast.Call]]:
    for package in (infill_ls, infill_retrieval):
        folder = Path(package.__path__[0])
        for file in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    yield file.relative_to(folder.parent).as_posix(), node


def files_with(is_meant: Callable[[str], bool]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for file, node in calls():
        if is_meant(ast.unparse(node.func)):
            found[file].append(ast.unparse(node)[:100])
    return dict(found)


def starts_process(function: str) -> bool:
    name = function.rpartition(".")[2]
    return name in {"Popen", "create_subprocess_exec", "create_subprocess_shell"} or (
        function.startswith(("subprocess.", "os.exec", "os.spawn", "os.posix_spawn"))
        or function in {"os.system", "os.popen", "os.startfile", "os.fork"}
    )


def test_processes_are_started_in_known_places() -> None:
    found = files_with(starts_process)
    assert set(found) == set(STARTS), found
    for file in found:
        text = Path(infill_ls.__path__[0]).parent.joinpath(file)
        if not text.exists():
            text = Path(infill_retrieval.__path__[0]).parent.joinpath(file)
        source = text.read_text("utf-8")
        assert "python_command(" in source or "find_program(" in source, file
        assert "shell=True" not in source


def test_starting_a_process_has_no_other_name() -> None:
    # The search above goes by names: ``from subprocess import run`` would hide a start.
    for package in (infill_ls, infill_retrieval):
        for file in Path(package.__path__[0]).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                assert not (isinstance(node, ast.ImportFrom) and node.module == "subprocess"), file


def test_no_program_of_the_current_folder_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("unshare", "true", "git"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/it-ran\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for path in (".", "", "./"):
        monkeypatch.setenv("PATH", os.pathsep.join([path, os.environ["PATH"]]))
        sandbox.namespace_command.cache_clear()
        sandbox.namespace_command()
        found = find_program("true")
        assert found is not None
        assert Path(found).is_absolute()
    sandbox.namespace_command.cache_clear()
    assert not (tmp_path / "it-ran").exists()


def test_files_are_read_in_known_places() -> None:
    found = files_with(lambda name: name.rpartition(".")[2] in WRITES_OR_OPENS)
    assert {file: found[file] for file in found if file not in READS} == {}
    assert set(READS) - set(found) == set()


def test_no_document_is_read_from_disk_behind_our_back() -> None:
    # pygls opens the file of a document that the editor has not opened, also a pipe.
    assert files_with(lambda name: name.endswith("get_text_document")) == {}


def test_nothing_of_a_workspace_is_imported_or_evaluated() -> None:
    names = {
        "eval",
        "exec",
        "compile",
        "__import__",
        "pickle.loads",
        "pickle.load",
        "marshal.loads",
    }
    assert files_with(names.__contains__) == {}
    imports = files_with(lambda name: name == "importlib.import_module")
    assert set(imports) <= {"infill_retrieval/syntax/grammar.py"}, imports
