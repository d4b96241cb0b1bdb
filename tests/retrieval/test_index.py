"""Tests of the workspace index: files on disk and in buffers, and what a search finds."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from infill_retrieval import Channel, Query, Retrieval, RetrievalSettings
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.render import render_snippet

HERE = RetrievalSettings(crawl_in_process=False)


def count_tokens(texts: Sequence[str]) -> list[int]:
    return [len(text) // 3 + 1 for text in texts]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "work"
    write(folder / "boxes.py", BOXES)
    write(folder / "use.py", "from boxes import Box\n\nbox = Box(3)\nbox.open_lid(fast=True)\n")
    return folder


BOXES = """\
class Box:
    def __init__(self, size: int) -> None:
        self.size = size

    def open_lid(self, *, fast: bool) -> bool:
        return fast
"""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def index_of(*folders: Path) -> WorkspaceIndex:
    index = WorkspaceIndex(folders, HERE)
    index.crawl()
    return index


def ask(
    index: WorkspaceIndex, path: Path, prefix: str, suffix: str = "", budget_tokens: int = 512
) -> Retrieval:
    return index.retrieve(
        Query(path=str(path), language_id="", prefix=prefix, suffix=suffix),
        budget_tokens,
        count_tokens,
    )


def shown(retrieval: Retrieval, channel: Channel | None = None) -> str:
    return "".join(
        render_snippet(s.path, s.text)
        for s in retrieval.snippets
        if channel is None or s.channel is channel
    )


def test_each_channel_finds_what_it_is_for(folder: Path) -> None:
    write(folder / "crates.py", "def open_crate(box: int) -> None:\n    ...\n")
    index = index_of(folder)
    found = ask(index, folder / "new.py", "from boxes import Box\n\ndef f(box: Box):\n    box.open")
    assert shown(found, Channel.IMPORTED) == (
        "# boxes.py\n"
        "class Box:\n"
        "    def __init__(self, size: int) -> None:\n"
        "        self.size = size\n"
        "    def open_lid(self, *, fast: bool) -> bool:\n"
    )
    assert "# crates.py\ndef open_crate(box: int) -> None:\n" in shown(found, Channel.DECLARATION)
    assert "box.open_lid(fast=True)" in shown(found, Channel.USAGE)
    assert found.tokens == sum(s.tokens for s in found.snippets) <= 512
    assert set(found.step_ms) == {"refresh", "query", "rank", "tokenize", "pack"}


@pytest.mark.parametrize(
    ("name", "text", "prefix", "expected"),
    [
        ("lid.ts", "export function openLid(fast: boolean): void {}\n",
         'import { openLid } from "./lid";\n', "export function openLid(fast: boolean): void"),
        ("Lid.java", "public class Lid {\n  public int open(int fast) { return 1; }\n}\n",
         "import acme.Lid;\nclass A { Lid lid; ", "public class Lid\n  public int open(int fast)"),
        ("lid/lid.go", "package lid\n\nfunc Open(fast bool) error { return nil }\n",
         'package main\n\nimport "acme.org/lid"\n\nfunc f() { lid.Open', "func Open(fast bool) error"),
        ("lid.rs", "pub fn open_lid(fast: bool) -> bool { fast }\n",
         "use crate::lid::open_lid;\n", "pub fn open_lid(fast: bool) -> bool"),
        ("lid.h", "int lid_open(int fast);\n", '#include "lid.h"\n\nint x = lid_', "int lid_open(int fast);"),
        ("Lid.cs", "namespace Acme.Lids;\npublic class Lid { public int Open() => 1; }\n",
         "using Acme.Lids;\nclass A { Lid lid = new ", "public class Lid"),
    ],
)  # fmt: skip
def test_imports_are_resolved_in_other_languages(
    tmp_path: Path, name: str, text: str, prefix: str, expected: str
) -> None:
    folder = tmp_path.resolve() / "acme"
    write(folder / name, text)
    extension = Path(name).suffix.replace(".h", ".c")
    found = ask(index_of(folder), folder / f"main{extension}", prefix)
    assert expected in shown(found, Channel.IMPORTED)


def test_a_name_is_followed_through_the_file_that_passes_it_on(folder: Path) -> None:
    write(folder / "pkg" / "__init__.py", "from pkg.inner import Lid\n")
    write(folder / "pkg" / "inner.py", "class Lid:\n    def shut(self) -> None: ...\n")
    found = ask(index_of(folder), folder / "new.py", "from pkg import Lid\n\nlid = Lid()\nlid.")
    assert "# pkg/inner.py\nclass Lid:\n    def shut(self) -> None:" in shown(found)


def test_nothing_of_the_file_being_edited_is_returned(folder: Path) -> None:
    index = index_of(folder)
    index.open_buffer(folder / "boxes.py", BOXES)
    found = ask(index, folder / "boxes.py", BOXES)
    assert "boxes.py" not in {
        s.path for s in (*found.snippets, *(c.snippet for c in found.considered))
    }


def test_nothing_of_the_file_being_edited_comes_back_through_its_package(folder: Path) -> None:
    write(folder / "pkg" / "__init__.py", "from pkg.inner import Lid, Hinge\n")
    inner = "from pkg import Hinge\n\n\nclass Lid: ...\n\n\nclass Hinge: ...\n"
    write(folder / "pkg" / "inner.py", inner)
    found = ask(index_of(folder), folder / "pkg" / "inner.py", f"{inner}\nHinge")
    assert "pkg/inner.py" not in {
        s.path for s in (*found.snippets, *(c.snippet for c in found.considered))
    }


def test_nothing_is_added_when_nothing_matches(folder: Path) -> None:
    index = index_of(folder)
    for prefix in ("", "return if self", "zebra quagga "):
        assert ask(index, folder / "new.py", prefix).snippets == ()
    assert ask(index, folder / "new.py", "box.open_lid", budget_tokens=0).snippets == ()
    assert ask(index_of(), folder / "new.py", "box.open_lid").snippets == ()


def test_buffers_win_over_the_disk_until_they_are_closed(folder: Path) -> None:
    index = index_of(folder)
    index.open_buffer(folder / "boxes.py", "def weigh_crate(box): ...\n")
    assert "weigh_crate" in shown(ask(index, folder / "use.py", "weigh_crate box open_lid"))
    assert "class Box" not in shown(ask(index, folder / "use.py", "weigh_crate box open_lid"))
    index.crawl()
    assert "class Box" not in shown(ask(index, folder / "use.py", "class Box open_lid"))
    index.close_buffer(folder / "boxes.py")
    assert "class Box" in shown(ask(index, folder / "use.py", "x = Box open_lid"))


def test_a_buffer_needs_no_file(folder: Path) -> None:
    index = index_of(folder)
    index.open_buffer(folder / "unsaved.py", "def weigh_crate(box): ...\n")
    assert "weigh_crate" in shown(ask(index, folder / "new.py", "weigh_crate"))
    index.close_buffer(folder / "unsaved.py")
    assert "weigh_crate" not in shown(ask(index, folder / "new.py", "weigh_crate"))


def test_changes_on_disk_are_taken_over(folder: Path) -> None:
    index = index_of(folder)
    (folder / "boxes.py").rename(folder / "chests.py")
    write(folder / "sub" / "lids.py", "def weigh_lid(): ...\n")
    index.files_changed([folder / "boxes.py", folder / "chests.py", folder / "sub" / "lids.py"])
    assert index.file_count == 3
    assert "# chests.py\nclass Box" in shown(ask(index, folder / "new.py", "Box open_lid"))
    (folder / "sub" / "lids.py").unlink()
    (folder / "sub").rmdir()
    index.files_changed([folder / "sub"])
    assert index.file_count == 2


def test_a_crawl_forgets_what_is_gone(folder: Path) -> None:
    index = index_of(folder)
    (folder / "boxes.py").unlink()
    index.crawl()
    assert index.file_count == 1


def test_several_folders(folder: Path, tmp_path: Path) -> None:
    other = tmp_path.resolve() / "other"
    write(other / "lids.py", "def weigh_lid(): ...\n")
    index = index_of(folder, other)
    assert "# lids.py\ndef weigh_lid" in shown(ask(index, folder / "new.py", "weigh_lid"))
    index.set_folders([folder])
    assert index.file_count == 2
    assert "weigh_lid" not in shown(ask(index, folder / "new.py", "weigh_lid"))
    index.set_folders([folder, other])
    index.crawl()
    assert index.file_count == 3


def test_progress_is_told_and_a_crawl_can_be_stopped(folder: Path) -> None:
    for n in range(130):
        write(folder / f"f{n:03}.py", f"x{n} = {n}\n")
    told: list[int] = []
    stop = threading.Event()

    def on_progress(count: int) -> None:
        told.append(count)
        if count >= 64:
            stop.set()

    index = WorkspaceIndex([folder], HERE)
    index.crawl(on_progress, stop)
    assert told == [64]
    assert index.file_count == 64
    index.crawl(told.append)
    assert told[-1] == index.file_count == 132


def test_open_and_edited_files_weigh_more(folder: Path) -> None:
    for name in ("a", "b", "c"):
        write(folder / name / "same.py", f"def weigh_{name}(crate):\n    pass\n")
    for n in range(30):
        write(folder / f"f{n}.py", f"x{n} = {n}\n")
    index = index_of(folder)
    numbers = itertools.count()

    def order() -> list[str]:
        # A path of its own each time: the order for one path is kept stable on purpose.
        found = ask(index, folder / f"new{next(numbers)}.py", "crate")
        return [s.path[0] for s in found.snippets if s.channel is Channel.DECLARATION]

    assert sorted(order()) == ["a", "b", "c"]
    index.open_buffer(folder / "b/same.py", "def weigh_b(crate):\n    pass\n")
    assert order()[-1] == "b"
    index.open_buffer(folder / "a/same.py", "def weigh_a(crate):\n    pass\n")
    index.open_buffer(folder / "a/same.py", "def weigh_a(crate):\n    pass # edited\n")
    assert order()[-1] == "a"


def test_secrets_are_neither_indexed_nor_completed(folder: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    write(folder / ".env", "LID_TOKEN=abc\n")
    write(folder / "conf.py", f"LID_TOKEN = [\n  '{token}',\n]\ndef lid_token(): ...\n")
    index = index_of(folder)
    index.open_buffer(folder / "prod.env", "LID_TOKEN=abc\n")
    found = ask(index, folder / "new.py", "lid_token LID_TOKEN")
    assert "def lid_token" in shown(found)
    assert token not in shown(found)
    assert not {s.path for s in (*found.snippets, *(c.snippet for c in found.considered))} & {
        ".env",
        "prod.env",
    }
    assert index.sensitivity(folder / ".env") is not None
    assert index.sensitivity(folder / "conf.py", token) is not None
    assert index.sensitivity(folder / "conf.py", "x = 1") is None
    assert ask(index, folder / ".env", "lid_token").snippets == ()


def test_ignored_buffers_are_not_searched(folder: Path) -> None:
    write(folder / ".gitignore", "out/\n")
    index = index_of(folder)
    index.open_buffer(folder / "out" / "a.py", "def weigh_crate(): ...\n")
    assert ask(index, folder / "new.py", "weigh_crate").snippets == ()


def test_the_prompt_is_the_same_for_the_same_question(folder: Path) -> None:
    index = index_of(folder)
    first = ask(index, folder / "new.py", "from boxes import Box\nbox.open_lid")
    again = ask(index, folder / "new.py", "from boxes import Box\nbox.open_lid")
    assert first.snippets == again.snippets
    assert (
        first.snippets
        == ask(index_of(folder), folder / "new.py", "from boxes import Box\nbox.open_lid").snippets
    )


def test_the_number_of_files_is_bounded(folder: Path) -> None:
    index = WorkspaceIndex([folder], RetrievalSettings(max_files=1, crawl_in_process=False))
    index.crawl()
    assert index.file_count == 1
    index.open_buffer(folder / "new.py", "x = 1\n")
    index.settle()
    assert index.file_count == 1


def test_threads_may_do_everything_at_once(folder: Path) -> None:
    for n in range(100):
        write(folder / f"f{n:03}.py", f"def open_lid_{n}(box): ...\n")
    index = WorkspaceIndex([folder], HERE)
    errors: list[BaseException] = []

    def guarded(work: object) -> None:
        try:
            for n in range(20):
                work(n)  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    def edit(n: int) -> None:
        index.open_buffer(folder / f"f{n:03}.py", f"def edited_{n}(box): ...\n")
        index.close_buffer(folder / f"f{n:03}.py")

    jobs = [
        lambda n: index.crawl() if n % 5 == 0 else index.settle(),
        edit,
        lambda _: ask(index, folder / "new.py", "open_lid box"),
        lambda n: index.files_changed([folder / f"f{n:03}.py"]),
    ]
    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    index.crawl()
    assert index.file_count == 102
    assert "edited" not in shown(ask(index, folder / "new.py", "edited_3"))
    index.close()
    assert index.file_count == index.chunk_count == 0
