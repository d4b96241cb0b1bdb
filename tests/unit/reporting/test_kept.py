"""Tests of how much of accepted text is kept through later edits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.reporting import kept
from infill_ls.reporting.kept import AcceptedTexts, KeptLook, kept_chars

URI = "file:///a.py"
ACCEPTED = "total = price * count\n    return total"
CHARS = len("total=price*countreturntotal")
BEFORE = "def f():\n    "
AFTER = "\n\nprint(f())\n"


def looked(*texts: str, accepted: str = ACCEPTED, first: str | None = None) -> KeptLook | None:
    """Return what is kept after the document had these texts; the text is accepted in ``first``."""
    followed = AcceptedTexts()
    start = BEFORE + accepted + AFTER if first is None else first
    watched = followed.watch("1", URI, start, len(BEFORE), accepted)
    for text in texts:
        followed.text_changed(URI, text)
    return followed.look(watched, 30)


@pytest.mark.parametrize(
    ("now", "share"),
    [
        (BEFORE + ACCEPTED + AFTER, CHARS),
        ("import os\n" + BEFORE + ACCEPTED + AFTER + "# more\n", CHARS),
        (BEFORE + ACCEPTED.replace("    ", "\t\t") + AFTER, CHARS),
        (BEFORE + ACCEPTED.replace("price", "amount") + AFTER, CHARS - len("price")),
        (BEFORE + ACCEPTED.partition("\n")[0] + AFTER, len("total=price*count")),
        (BEFORE + AFTER, 0),
        ("", 0),
    ],
)
def test_what_is_kept(now: str, share: int) -> None:
    assert looked(now) == KeptLook("1", 30, CHARS, share)


def test_edits_before_and_within_are_followed_one_after_the_other() -> None:
    text = BEFORE + ACCEPTED + AFTER
    moved = "# one\n" + text
    renamed = moved.replace("price", "amount")
    # The same words elsewhere in the document are not what was accepted.
    elsewhere = renamed.replace(AFTER, AFTER + "price = 1\n")
    assert looked(moved, renamed, elsewhere) == KeptLook("1", 30, CHARS, CHARS - len("price"))


def test_a_formatter_that_changes_the_whole_file_loses_nothing() -> None:
    filler = "".join(f"value_{number} = {number}\n" for number in range(1000))
    text = filler + BEFORE + ACCEPTED + AFTER + filler
    followed = AcceptedTexts()
    watched = followed.watch("1", URI, text, len(filler + BEFORE), ACCEPTED)
    followed.text_changed(URI, "#\n" + text.replace("    ", "  ") + "#\n")
    assert followed.look(watched, 30) == KeptLook("1", 30, CHARS, CHARS)


def test_the_text_may_arrive_after_the_acceptance() -> None:
    whole = BEFORE + ACCEPTED + AFTER
    assert looked(whole, first=BEFORE + AFTER) == KeptLook("1", 30, CHARS, CHARS)
    assert looked(whole, BEFORE + AFTER, first=BEFORE + AFTER) == KeptLook("1", 30, CHARS, 0)


def test_of_text_that_never_arrived_nothing_is_said() -> None:
    assert looked(BEFORE + "other" + AFTER, first=BEFORE + AFTER) is None


def test_in_a_document_with_crlf() -> None:
    whole = (BEFORE + ACCEPTED + AFTER).replace("\n", "\r\n")
    followed = AcceptedTexts()
    watched = followed.watch("1", URI, whole, len(BEFORE) + 1, ACCEPTED)
    assert followed.look(watched, 30) == KeptLook("1", 30, CHARS, CHARS)


def test_a_closed_document_is_looked_at_for_the_last_time() -> None:
    followed = AcceptedTexts()
    text = BEFORE + ACCEPTED + AFTER
    watched = followed.watch("1", URI, text, len(BEFORE), ACCEPTED)
    followed.look(watched, 30)
    followed.text_changed(URI, BEFORE + AFTER)
    assert list(followed.document_closed(URI)) == [KeptLook("1", 300, CHARS, 0)]
    assert followed.look(watched, 300) is None
    assert not followed._texts


def test_a_part_and_then_the_whole_is_one_text() -> None:
    followed = AcceptedTexts()
    part = followed.watch("1", URI, BEFORE + "total" + AFTER, len(BEFORE), "total")
    followed.text_changed(URI, "#\n" + BEFORE + "total" + AFTER)
    whole = followed.watch("1", URI, "#\n" + BEFORE + ACCEPTED + AFTER, len(BEFORE), ACCEPTED)
    assert followed.look(part, 30) is None, "it was accepted further"
    assert followed.look(whole, 30) == KeptLook("1", 30, CHARS, CHARS)


def test_the_memory_is_bounded() -> None:
    followed = AcceptedTexts()
    for number in range(kept.MOST_WATCHED + 20):
        followed.watch(str(number), f"file:///{number}", "x" * 9_999, 0, "x" * 9_999)
    assert len(followed._watched) == len(followed._texts) == kept.MOST_WATCHED
    assert {len(one.accepted) for one in followed._watched.values()} == {kept.MOST_TEXT_CHARS}


@given(st.text("ab (\n", max_size=60), st.text("ab (\n", max_size=60))
def test_never_more_is_kept_than_was_accepted(accepted: str, region: str) -> None:
    visible = sum(not char.isspace() for char in accepted)
    assert 0 <= kept_chars(accepted, region) <= visible
    assert kept_chars(accepted, region + accepted) == visible


@given(st.lists(st.text("ab\n", max_size=30), max_size=6))
def test_what_stays_untouched_is_kept_whatever_happens_around_it(edits: list[str]) -> None:
    followed = AcceptedTexts()
    watched = followed.watch("1", URI, "<XYZ>", 1, "XYZ")
    for edit in edits:
        followed.text_changed(URI, f"{edit}<XYZ>{edit}")
    assert followed.look(watched, 30) == KeptLook("1", 30, 3, 3)
