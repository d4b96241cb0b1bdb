"""Tests of a diff rendered as comments: without secrets, with a share for every file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infill_ls.commits import comments_of

DIFF = """\
diff --git a/shop/orders.py b/shop/orders.py
index 1234567..89abcde 100644
--- a/shop/orders.py
+++ b/shop/orders.py
@@ -1,2 +1,2 @@ def total
 def total(order):
-    return 0
+    return sum(order)
"""


def added(name: str, *lines: str) -> str:
    body = "".join(f"+{line}\n" for line in lines)
    return (
        f"diff --git a/{name} b/{name}\nnew file mode 100644\nindex 0..1\n"
        f"--- /dev/null\n+++ b/{name}\n@@ -0,0 +1,{len(lines)} @@\n{body}"
    )


def test_names_and_changed_lines_are_comments() -> None:
    assert comments_of(DIFF, max_chars=1000) == (
        "# Changes to be committed:\n"
        "# shop/orders.py\n"
        "#  def total(order):\n"
        "# -    return 0\n"
        "# +    return sum(order)\n"
    )


def test_nothing_staged_is_nothing_shown() -> None:
    assert comments_of("", max_chars=1000) == ""
    assert comments_of(added(".env", "X=1"), max_chars=1000) == ""


def test_a_file_of_secrets_is_left_out_by_its_name_and_by_what_is_in_it() -> None:
    key = "AKIA" + "Q7WZ3KD8M2XN5RTB"
    diff = (
        added(".env", "WORD=hunter2hunter2")
        + added("local.mine", "x = 1")
        + added("deploy.py", f'KEY = "{key}"', "print()")
        + DIFF
    )
    shown = comments_of(diff, max_chars=5000, sensitive_names=("*.mine",))
    assert "orders.py" in shown
    for secret in ("hunter2", "x = 1", key, "deploy.py"):
        assert secret not in shown


def test_a_line_with_a_named_secret_is_left_out() -> None:
    shown = comments_of(
        added("settings.py", 'password = "kuZ8!mWq2#"', "DEBUG = True"), max_chars=5000
    )
    assert "kuZ8" not in shown
    assert "DEBUG = True" in shown


def test_a_large_file_does_not_push_the_small_ones_out() -> None:
    diff = added("a_lock.json", *["x" * 60] * 500) + DIFF
    shown = comments_of(diff, max_chars=1000)
    assert "return sum(order)" in shown
    assert "a_lock.json" in shown
    assert len(shown) <= 1000


@given(st.text(alphabet="diff -+@#ab\n/\\", max_size=400), st.integers(0, 300))
def test_any_text_gives_comments_within_bounds(noise: str, max_chars: int) -> None:
    shown = comments_of(DIFF + noise, max_chars=max_chars)
    assert len(shown) <= max(max_chars, 0)
    assert all(line.startswith("#") for line in shown.splitlines())
