"""Tests of the language at the cursor in documents with several languages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.document import embedded
from infill_ls.document.cursor_window import cursor_window
from infill_ls.document.cut import cut
from infill_ls.document.embedded import region_at
from infill_ls.suggesting.filters import Site, conclude, filters_of
from infill_ls.types import Completion, EngineTimings, Hole, Mode, StopReason
from infill_retrieval.syntax import language_named
from unit.documents import snapshot


def hole_at(document: str, name: str) -> Hole:
    return cut(replace(snapshot(document, name=name), language_id=""))


VUE = """<script>
export default {
  methods: {
    paint(color) {
      ‸
    },
  },
};
</script>
<template><p>it's</p></template>
"""


@pytest.mark.parametrize(
    ("name", "document", "language"),
    [
        ("a.html", "<script>\nlet a = ‸\n</script>", "javascript"),
        ("a.html", "<script type='module'>let a = ‸", "javascript"),
        ("a.html", '<script type="application/ld+json">{‸}</script>', "json"),
        ("a.html", "<script type='text/template'><p>‸</script>", "html"),
        ("a.html", "<style>\na { ‸ }\n</style>", "css"),
        ("a.html", "<script>f()</script>\n<p>‸</p>", "html"),
        ("a.vue", '<script setup lang="ts">\nconst a = ‸\n</script>', "typescript"),
        ("a.vue", "<style lang='scss'>\na { ‸ }\n</style>", "scss"),
        ("a.vue", "<template>\n<p>‸</p>\n</template>", "vue"),
        ("a.svelte", "<script>\nlet a = ‸\n</script>\n<p>", "javascript"),
        ("a.astro", "---\nconst a = ‸\n---\n<p>", "typescript"),
        ("a.astro", "---\nconst a = 1\n---\n<p>‸", "astro"),
        ("a.php", "<h1><?php echo ‸ ?></h1>", "php"),
        ("a.php", "<h1>‸</h1><?php echo 1 ?>", "html"),
        ("a.php", "<?php\n$a = ‸\n", "php"),
        ("a.erb", "<p><%= @user.‸ %></p>", "ruby"),
        ("a.ejs", "<p><%= user.‸ %></p>", "javascript"),
        ("a.heex", "<p><%= @user.‸ %></p>", "elixir"),
        ("a.erb", "<p><%= a %>‸</p>", "erb"),
        ("a.md", "Text\n\n```python\nx = ‸\n```\n", "python"),
        ("a.md", "Text\n\n```\nx = ‸\n```\n", "markdown"),
        ("a.md", "```python\nx = 1\n```\nText ‸", "markdown"),
    ],
)
def test_the_language_at_the_cursor(name: str, document: str, language: str) -> None:
    assert hole_at(document, name).language.name == language


def test_a_script_is_completed_as_a_file_of_its_own_would_be() -> None:
    hole = hole_at(VUE, "Color.vue")
    assert hole.mode is Mode.BLOCK
    assert cursor_window(hole).before.startswith("\nexport default")
    assert "template" not in cursor_window(hole).after
    assert "<script>" in hole.prefix
    site = Site.of(hole)
    written = 'this.setColor(color || "#fff");'
    completion = Completion(written, StopReason.END, -0.1, EngineTimings(0, 0, 0.0, 1, 1.0))
    suggestion, reason = conclude(filters_of(completion, site), site)
    assert suggestion is not None, reason
    assert suggestion.text == written


def test_an_unknown_language_may_have_several_lines() -> None:
    assert hole_at("thing foo {\n‸\n}\n", "a.unknown").mode is Mode.LINE
    assert hole_at("thing foo {‸", "a.unknown").mode is Mode.BLOCK


PIECES = st.sampled_from(
    [
        "<script>", "</script>", "<style lang=\"scss\">", "</style>", "<?php", "?>", "<?=", "<%", "-%>",
        "```python\n", "```\n", "````\n", "---\n", "\n", "x", " ", "<", "`",
    ]
)  # fmt: skip


@given(
    st.lists(PIECES, max_size=30).map("".join),
    st.integers(0, 200),
    st.sampled_from(["html", "php", "markdown", "erb", "vue", "astro"]),
)
def test_what_is_remembered_of_a_page_changes_nothing(text: str, offset: int, name: str) -> None:
    language, offset = language_named(name), min(offset, len(text))
    assert language is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "REMEMBERED_CHARS", 1 << 40)
        whole = region_at(language, f"a.{name}", text, offset)
        patch.setattr(embedded, "REMEMBERED_CHARS", 4)
        assert region_at(language, f"a.{name}", text, offset) == whole


def test_a_key_far_down_a_page_looks_at_none_of_it_again() -> None:
    page = "<p><?php echo $x; ?></p>\n" * 20_000
    language = language_named("php")
    assert language is not None
    region_at(language, "a.php", page, len(page))
    before = embedded._last_end.cache_info().misses
    for typed in ("<", "<?", "<?p", "<?ph"):
        region_at(language, "a.php", page + typed, len(page) + len(typed))
    assert embedded._last_end.cache_info().misses == before
