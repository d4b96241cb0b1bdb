"""Tests of malformed files and buffers: crawls continue and queries are answered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infill_retrieval import Query, RetrievalSettings
from infill_retrieval.files.sources import Source, read_source
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.indexing.analysis import (
    Details,
    Draft,
    analyse,
    analyse_edited,
    digest_of,
    signature,
    snippet_lines,
)
from infill_retrieval.indexing.segment import Segment, build_segment
from infill_retrieval.indexing.terms import TermNumbers
from infill_retrieval.syntax import LANGUAGES, grammar, language_named, language_of, parse

HERE = RetrievalSettings(crawl_in_process=False)
PYTHON = language_of("a.py")


def count_tokens(texts: Sequence[str]) -> list[int]:
    return [len(text) for text in texts]


BAD_FILES = {
    "undecodable.py": b"def lid():\n    return '\xff\xfe\x80'\n",
    "mixed.py": "def größe(): ...\n".encode() + "def größe2(): ...\n".encode("latin-1"),
    "crlf.py": b"def lid_crlf():\r\n    pass\r\n",
    "cr.py": b"def lid_cr():\r    pass\r",
    "nul.py": b"def lid():\0\n",
    "empty.py": b"",
    "blank.py": b"\n \n\t\n",
    "long.py": b"x = 1\n" * 100_000,
    "one_line.js": b"x = '" + b"y" * 300_000 + b"'",
    "brackets.py": b"(" * 20_000,
    "brackets.js": b"[" * 20_000 + b"]" * 20_000,
    "braces.c": b"{" * 20_000,
    "tags.html": b"<div>" * 20_000,
    "lists.yaml": b"- " * 20_000,
    "objects.json": b'{"a":' * 20_000,
    "surrogate.py": b"x = '\xed\xa0\x80'\n",
    "quotes.py": b'"""\n' * 9_999,
    "hashes.rs": b"r#" * 20_000,
}


def test_bad_files_do_not_stop_a_crawl(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    for name, data in BAD_FILES.items():
        (folder / name).write_bytes(data)
    (folder / "good.py").write_text("def lid_good(): ...\n")
    index = WorkspaceIndex([folder], HERE)
    index.crawl()
    found = index.retrieve(
        Query(path=str(folder / "q.py"), language_id="", prefix="lid_good lid_crlf", suffix=""),
        999,
        count_tokens,
    )
    shown = "".join(snippet.text for snippet in found.snippets)
    assert "def lid_good():" in shown
    assert "def lid_crlf():" in shown
    assert "\r" not in shown
    for name, data in BAD_FILES.items():
        index.open_buffer(folder / name, data.decode("utf-8", "surrogateescape"))
        query = Query(
            path=str(folder / name),
            language_id="",
            prefix=data.decode("latin-1"),
            suffix=data.decode("latin-1"),
        )
        index.retrieve(query, 512, count_tokens)
    index.settle()


def test_files_that_vanish_or_fail_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text(f"lid = '{name}'\n")

    def vanish(path: str, max_bytes: int) -> str | None:
        if path.endswith("b.py"):
            Path(path).unlink()
        return read_source(path, max_bytes)

    def fail(language: object, path: str, text: str) -> object:
        raise RecursionError(path)

    monkeypatch.setattr("infill_retrieval.crawling.crawl.read_source", vanish)
    index = WorkspaceIndex([tmp_path], HERE)
    index.crawl()
    assert index.file_count == 2
    monkeypatch.setattr("infill_retrieval.crawling.crawl.analyse", fail)
    index.files_changed([tmp_path / "a.py"])
    assert index.file_count == 2


def test_a_parse_has_a_time_limit() -> None:
    assert parse(PYTHON, "x = 1\n" * 50_000, limit_ms=0.0) is None
    assert parse(PYTHON, "x = 1\n") is not None


def test_a_grammar_that_does_not_load_leaves_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> object:
        raise ImportError(name)

    grammar.load_grammar.cache_clear()
    grammar.load_query.cache_clear()
    monkeypatch.setattr("importlib.import_module", broken)
    try:
        details = Details(analyse(PYTHON, "a.py", "def lid(): ...\n").details)
    finally:
        grammar.load_grammar.cache_clear()
        grammar.load_query.cache_clear()
    assert len(details.windows) == 1
    assert details.outline.declarations == ()


def test_walking_up_from_deep_nesting_is_linear() -> None:
    javascript = language_named("javascript")
    assert javascript is not None
    tree = parse(javascript, "[" * 20_000 + "]" * 20_000)
    assert tree is not None
    above = list(tree.ancestors(tree.node_at(19_999)))
    assert len(above) > 20_000
    assert above[-1] == tree.root


source_text = st.text(
    st.sampled_from("abAB_ \n\t\r(){}[]<>:;,.=+-*/\"'`#@!$%&|\\\0éß😀\u2028\ud800"), max_size=300
)


@given(source_text, st.sampled_from(LANGUAGES))
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_text_can_be_analysed_and_packed(text: str, language: object) -> None:
    analysis = analyse(language, "a.x", text)  # type: ignore[arg-type]
    details = Details(analysis.details)
    lines = snippet_lines(text, details)
    for window in details.windows:
        assert 0 <= window.first_line <= window.last_line < len(lines)
    for declaration in details.outline.declarations:
        assert "\n" not in signature(lines, declaration)
        assert declaration.name
    source = Source("/a/\udc80.x", "\udc80.x", 3, 4)
    segment = build_segment([Draft(source, digest_of(text), analysis)], TermNumbers())
    again = Segment.from_buffer(segment.to_bytes(), check=True)
    assert again.sources == [source]
    assert again.digest_of(0) == digest_of(text)
    assert again.packed_details_of(0) == analysis.details
    assert list(again.windows.bags()) == list(segment.windows.bags())
    assert list(again.declarations.bags()) == list(segment.declarations.bags())


@given(source_text, source_text, st.sampled_from(["a.py", "a.ts", "b.go", "", "\0", "a.unknown"]))
@settings(max_examples=100, deadline=None)
def test_any_question_is_answered(prefix: str, suffix: str, path: str) -> None:
    index = WorkspaceIndex([], HERE)
    index.open_buffer(Path("other.py"), "def lid(box): ...\n" * 3)
    found = index.retrieve(
        Query(path=path, language_id="", prefix=prefix, suffix=suffix), 100, count_tokens
    )
    assert found.tokens <= 100


@pytest.mark.parametrize("line", ["a" * 24_000, "a." * 12_000, "(" * 24_000, "a" * 24_000 + "("])
def test_a_question_on_a_huge_line_takes_linear_time(line: str) -> None:
    # With quadratic patterns this takes minutes, and the test's time-out ends it.
    index = WorkspaceIndex([], HERE)
    index.open_buffer(Path("other.py"), "def lid(box): ...\n" * 3)
    assert (
        index.retrieve(
            Query(path="a.py", language_id="python", prefix=line, suffix=line), 100, count_tokens
        ).tokens
        <= 100
    )


@pytest.mark.parametrize("name", ["a.py", "a.ts", "a.c", "a.go", "a.rs"])
def test_a_flood_of_brackets_is_not_parsed_but_broken_code_is(name: str) -> None:
    language = language_of(name)
    assert parse(language, "(" * 30_000) is None
    assert parse(language, "(" * 3_000) is not None
    assert analyse_edited(language, "a", "(" * 30_000).details.outline.imports == ()
