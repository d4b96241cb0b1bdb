"""Tests of what an edit changed, in tokens and lines."""

from __future__ import annotations

import pytest

from infill_ls.next_edit.changes import Change, ChangeForm, changes_of
from infill_ls.next_edit.history import difference


def changed(before: str, after: str) -> list[Change]:
    start, old, new = difference(before, after)
    return changes_of(after, start, old, new)


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("x = user_id\n", "x = account_id\n", ("user_id", "account_id")),
        ("x = 1.25\n", "x = 1.75\n", ("1.25", "1.75")),
        ("f(a)\n", "f(a, b)\n", ("", ", b")),
        ("f(a, b)\n", "f(a)\n", (", b", "")),
        ("x = f(a)\n", "x = str(f(a))\n", ("", "str()")),
        ("x = str(f(a))\n", "x = f(a)\n", ("str()", "")),
        ("x = call()\n", "x = await call()\n", ("", "await ")),
        ("a\r\nb = old\r\n", "a\r\nb = new\r\n", ("old", "new")),
    ],
)
def test_an_edit_of_a_line(before: str, after: str, key: tuple[str, str]) -> None:
    (change,) = changed(before, after)
    assert change.form is ChangeForm.TOKENS
    assert change.key == key


def test_two_names_of_a_line_are_two_changes() -> None:
    found = changed("send(user, user_id)\n", "send(account, account_id)\n")
    assert [change.key for change in found] == [("user", "account"), ("user_id", "account_id")]


def test_lines_that_came_and_went() -> None:
    (added,) = changed("a()\nc()\n", "a()\n    b()\nc()\n")
    assert (added.form, added.left, added.right) == (ChangeForm.LINES_ADDED, ("a()",), ("c()",))
    (removed,) = changed("a()\nb()\nc()\n", "a()\nc()\n")
    assert (removed.form, removed.key) == (ChangeForm.LINES_REMOVED, ("b()", ""))


def test_lines_that_changed_are_told_from_lines_that_came() -> None:
    found = changed(
        "total = price\nprint(total)\n", "total = cost\nlog.info('bill')\nprint(total, end='')\n"
    )
    assert [change.form for change in found] == [
        ChangeForm.TOKENS,
        ChangeForm.LINES_ADDED,
        ChangeForm.TOKENS,
    ]
