"""Tests of the lines in pages and notebooks that are asked for in several ways."""

from __future__ import annotations

import json
from pathlib import Path

from bench.model.forms import ALL, ALONE, CODE, forms_of
from bench.model.lines import HOLE
from bench.packages import archives_of

PAGE = """<template>
  <p v-if="isShown">{{ greeting }}</p>
</template>

<script lang="ts">
export const greetingOfTheDay = "good morning";
export const farewellOfTheDay = "good night";
</script>
"""
CELLS = [
    ("code", "prices = [100, 200, 300]\ntotal = sum(prices)"),
    ("markdown", "All prices in zloty, which is what this notebook is about."),
    ("code", "average = total / len(prices)\nprint(average)"),
    ("markdown", "And so it ends."),
    ("code", "largest = max(prices)"),
]


def test_a_line_of_a_script_is_asked_for_in_its_page_and_alone(tmp_path: Path) -> None:
    (tmp_path / "Greeting.vue").write_text(PAGE)
    found = list(forms_of(tmp_path, "vue", 9))
    assert len(found) == 2
    for hole, ((whole, page), (alone, script)) in found:
        assert (whole, alone) == (HOLE, ALONE)
        assert page.text == PAGE[: hole.start] + PAGE[hole.end :]
        assert page.offset == hole.start
        assert script.language_id == "typescript"
        assert script.name == "Greeting.ts"
        assert script.text.startswith("export const")
        assert "</script>" not in script.text
        assert script.text[: script.offset].endswith(page.text[hole.start - 1 : hole.start])


def test_a_line_of_a_cell_is_asked_for_with_all_cells_with_code_and_alone(tmp_path: Path) -> None:
    record = {"cells": [{"cell_type": kind, "source": text} for kind, text in CELLS]}
    (tmp_path / "prices.ipynb").write_text(json.dumps(record))
    for hole, ways in forms_of(tmp_path, "notebook", 9):
        by_name = dict(ways)
        assert list(by_name) == [HOLE, ALL, CODE, ALONE]
        whole = by_name[ALL]
        assert whole.whole_text == (hole.text[: hole.start] + hole.text[hole.end :])[:-1]
        assert whole.whole_offset == hole.start
        assert "zloty" not in by_name[CODE].whole_text
        assert ("zloty" in by_name[HOLE].whole_text) == ("average" in whole.text)
        assert "it ends" in whole.whole_text
        assert by_name[ALONE].whole_text == whole.text
        assert {snapshot.language_id for snapshot in by_name.values()} == {"python"}
        assert len({snapshot.uri for snapshot in by_name.values()}) == 4


def test_source_archives_are_packages_and_parts_of_debians_are_not(tmp_path: Path) -> None:
    for name in ("c/cjson_1.7.dsc", "c/cjson_1.7.orig.tar.gz", "notebook/py_mesa-3.5.1.tar.gz"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert [(language, path.name) for language, path in archives_of(tmp_path)] == [
        ("c", "cjson_1.7.dsc"),
        ("notebook", "py_mesa-3.5.1.tar.gz"),
    ]
