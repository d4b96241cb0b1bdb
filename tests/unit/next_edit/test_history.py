"""Tests of grouping keystrokes into edits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infill_ls.next_edit.history import MAX_EDIT_CHARS, MAX_EDITS, History, RecentEdit, difference
from unit.next_edit.editing import URI, history_of


def typed(text: str, at: int, keys: str) -> list[str]:
    """Return the versions as ``keys`` are typed; ``<`` takes back the character before."""
    versions = []
    for key in keys:
        if key == "<":
            text, at = text[: at - 1] + text[at:], at - 1
        else:
            text, at = text[:at] + key + text[at:], at + 1
        versions.append(text)
    return versions


def test_a_rename_typed_key_by_key_is_one_edit() -> None:
    text = "print(total)\n"
    history = history_of(text, *typed(text, 11, "<<<<<amount"))
    assert history.edits == (RecentEdit(URI, 6, "total", "amount"),)


def test_keys_within_one_word_are_one_edit() -> None:
    text = "get_user_name()\n"
    once = typed(text, 0, "re")
    again = typed(once[-1], 15, "_old")
    (edit,) = history_of(text, *once, *again).edits
    assert (edit.old, edit.new) == ("get_user_name", "reget_user_name_old") or edit.new.startswith(
        "re"
    )


def test_edits_at_two_places_are_two_and_move_with_the_text() -> None:
    text = "one\ntwo\nthree\n"
    history = history_of(text, "one\nTWO\nthree\n", "zero\none\nTWO\nthree\n")
    second, first = history.edits[1], history.edits[0]
    assert (first.old, first.new, first.start) == ("two", "TWO", 9)
    assert (second.start, second.new) == (0, "zero\n")
    now = history.texts[URI]
    assert first.undone_in(now) == "zero\none\ntwo\nthree\n"


def test_what_ends_where_it_began_is_no_edit_and_is_refused() -> None:
    history = history_of("a = old_name\n", "a = new_name\n", "a = old_name\n")
    assert history.edits == ()
    assert ("old_name", "new_name") in history.refused


def test_undoing_an_applied_edit_teaches_its_change() -> None:
    one = "old_name\nold_name\n"
    history = history_of(
        one, "new_name\nold_name\n", "new_name\nnew_name\n", "new_name\nold_name\n"
    )
    assert len(history.edits) == 1
    assert ("old_name", "new_name") in history.refused


def test_it_is_bounded() -> None:
    lines = [f"line {number}\n" for number in range(100)]
    versions = ["".join(lines)]
    for number in range(0, 100, 2):
        lines[number] = f"changed {number}\n"
        versions.append("".join(lines))
    assert len(history_of(*versions).edits) == MAX_EDITS
    assert history_of("", "x" * (MAX_EDIT_CHARS + 1)).edits == ()
    many = History()
    for number in range(300):
        many.opened(f"file:///{number}", "text")
    assert len(many.texts) <= 100


def test_a_closed_document_is_forgotten() -> None:
    history = history_of("a\n", "b\n")
    history.forget(URI)
    assert history.edits == ()
    assert history.texts == {}


WORDS = st.text("ab_ (\n🙂\r", max_size=30)


@given(st.lists(WORDS, min_size=2, max_size=12))
def test_any_edit_can_be_undone_by_itself(versions: list[str]) -> None:
    history = history_of(*versions)
    text = versions[-1]
    for edit in sorted(history.edits, key=lambda edit: -edit.start):
        assert text[edit.start : edit.end] == edit.new
        text = edit.undone_in(text)
    # No edit was dropped as too large: undone together they are the first version.
    assert text == versions[0]


@given(WORDS, WORDS)
def test_the_difference_of_two_texts_makes_one_of_the_other(one: str, other: str) -> None:
    start, old, new = difference(one, other)
    assert one[:start] + new + one[start + len(old) :] == other
    assert one[start : start + len(old)] == old
