"""Tests of recently edited places: they move with the lines and weigh more in a search."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from infill_retrieval import Query, RetrievalSettings
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.searching.recent_edits import MAX_FILES, MAX_STRETCHES, RecentEdits
from workspaces import count_tokens, write

HERE = RetrievalSettings(crawl_in_process=False)


def test_lines_are_known_as_edited_and_others_are_not() -> None:
    edits = RecentEdits()
    edits.note("a", "one\ntwo\nthree\n", "one\ntwo and a half\nthree\n")
    assert edits.touches("a", 1, 1)
    assert not edits.touches("a", 0, 0)
    assert not edits.touches("a", 2, 9)
    assert not edits.touches("b", 0, 9)


def test_an_edit_above_moves_what_was_edited_below() -> None:
    edits = RecentEdits()
    lines = [f"line {number}\n" for number in range(20)]
    later = [*lines[:15], "edited\n", *lines[16:]]
    edits.note("a", "".join(lines), "".join(later))
    edits.note("a", "".join(later), "".join(["new\n", "newer\n", *later]))
    assert edits.touches("a", 17, 17)
    assert not edits.touches("a", 15, 16)
    edits.note("a", "".join(["new\n", "newer\n", *later]), "".join(later))
    assert edits.touches("a", 15, 15)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), st.integers(0, 4)), max_size=30))
def test_what_was_edited_last_is_always_known(changes: list[tuple[int, int, int]]) -> None:
    edits = RecentEdits()
    lines = [f"line {number}" for number in range(12)]
    for count, (place, removed, added) in enumerate(changes):
        at = min(place, len(lines))
        new = [*lines[:at], *(f"edit {count} {n}" for n in range(added)), *lines[at + removed :]]
        if new != lines:
            edits.note("a", "\n".join(lines), "\n".join(new))
            for number in range(at, at + added):
                assert edits.touches("a", number, number)
        lines = new


def test_only_the_last_files_and_stretches_are_kept() -> None:
    edits = RecentEdits()
    for number in range(3 * MAX_FILES):
        edits.note(f"{number}", "a", "b")
    assert [f"{n}" in edits for n in (0, 2 * MAX_FILES - 1, 2 * MAX_FILES)] == [False, False, True]
    lines = [f"line {number}" for number in range(200)]
    for number in range(0, 200, 4):
        new = list(lines)
        new[number] = "edited"
        edits.note("long", "\n".join(lines), "\n".join(new))
        lines = new
    touched = [number for number in range(200) if edits.touches("long", number, number)]
    assert touched == list(range(200 - 4 * MAX_STRETCHES, 200, 4))


def test_what_was_edited_a_moment_ago_comes_before_its_like(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    text = "".join(f"def open_lid_{name}(size: int) -> None: ...\n\n\n" for name in "abcdefgh")
    path = write(folder / "lids.py", text)
    query = Query(path=str(folder / "use.py"), language_id="", prefix="x = open_lid", suffix="\n")
    with WorkspaceIndex([folder], HERE) as index:
        index.crawl()
        index.open_buffer(path, text)
        before = [s.text for s in index.retrieve(query, 30, count_tokens).snippets]
        assert not any("open_lid_f" in shown for shown in before)
        index.open_buffer(path, text.replace("open_lid_f(size: int)", "open_lid_f(size: float)"))
        after = "".join(s.text for s in index.retrieve(query, 30, count_tokens).snippets)
        assert "open_lid_f(size: float)" in after
