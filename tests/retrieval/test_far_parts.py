"""Tests of signatures from parts of the edited file that the prompt does not show."""

from __future__ import annotations

from pathlib import Path

import pytest

from infill_retrieval import Channel, Query, RetrievalSettings
from infill_retrieval.index import WorkspaceIndex
from workspaces import count_tokens, write

HERE = RetrievalSettings(crawl_in_process=False)
FAR = "".join(f"# {number}: nothing of interest on this line\n" for number in range(200))

SAMPLES = {
    "pots.py": (
        "class Pot:\n    handle: str\n\n    def lift_pot(self, high: bool) -> int:\n        return 1\n\n",
        "def cook(pot: Pot) -> None:\n    pot.",
        "    def lift_pot(self, high: bool) -> int:",
    ),
    "pots.ts": (
        "class Pot {\n  liftPot(high: boolean): number { return 1; }\n}\n",
        "function cook(pot: Pot) {\n  pot.",
        "  liftPot(high: boolean): number",
    ),
    "Pots.java": (
        "class Pot {\n  int liftPot(boolean high) { return 1; }\n}\n",
        "class Cook {\n  void cook(Pot pot) {\n    pot.",
        "  int liftPot(boolean high)",
    ),
    "Pots.cs": (
        "class Pot {\n  public int LiftPot(bool high) { return 1; }\n}\n",
        "class Cook {\n  void Do(Pot pot) {\n    pot.",
        "  public int LiftPot(bool high)",
    ),
    "pots.go": (
        "package pots\n\ntype Pot struct{}\n\nfunc (p *Pot) LiftPot(high bool) int { return 1 }\n",
        "func cook(pot *Pot) {\n\tpot.",
        "func (p *Pot) LiftPot(high bool) int",
    ),
    "pots.rs": (
        "struct Pot;\nimpl Pot {\n    fn lift_pot(&self, high: bool) -> u32 { 1 }\n}\n",
        "fn cook(pot: &Pot) {\n    pot.",
        "    fn lift_pot(&self, high: bool) -> u32",
    ),
}


def far_parts(
    index: WorkspaceIndex, path: Path, prefix: str, suffix: str = "\n", language_id: str = ""
) -> str:
    query = Query(path=str(path), language_id=language_id, prefix=prefix, suffix=suffix)
    found = index.retrieve(query, 512, count_tokens)
    assert found.tokens <= 512
    return "".join(s.text for s in found.snippets if s.channel is Channel.FAR)


def comments(name: str) -> str:
    return FAR if name.endswith(".py") else FAR.replace("#", "//")


@pytest.mark.parametrize("name", SAMPLES)
def test_far_members_of_the_file_itself_are_shown_and_near_ones_are_not(
    tmp_path: Path, name: str
) -> None:
    declared, place, expected = SAMPLES[name]
    with WorkspaceIndex([tmp_path], HERE) as index:
        far = far_parts(index, tmp_path / name, declared + comments(name) + place)
        assert expected in far.splitlines()
        assert far_parts(index, tmp_path / name, declared + place) == ""


def test_what_is_called_far_below_is_shown(tmp_path: Path) -> None:
    below = FAR + "def boil(water: float, lid: bool = True) -> None:\n    ...\n"
    with WorkspaceIndex([tmp_path], HERE) as index:
        shown = far_parts(index, tmp_path / "a.py", "boil(", "\n" + below)
    assert shown == "def boil(water: float, lid: bool = True) -> None:\n"


def test_a_line_that_has_changed_since_is_not_shown(tmp_path: Path) -> None:
    declared, place, expected = SAMPLES["pots.py"]
    path = tmp_path.resolve() / "pots.py"
    with WorkspaceIndex([tmp_path], HERE) as index:
        before = declared + FAR + place
        index.open_buffer(path, before)
        assert expected in far_parts(index, path, before)
        after = before.replace("high: bool", "low: bool")
        index.open_buffer(path, after)
        assert "lift_pot" not in far_parts(index, path, after)
        index.prepare(Query(path=str(path), language_id="", prefix=after, suffix=""))
        assert "def lift_pot(self, low: bool)" in far_parts(index, path, after)


def test_a_secret_of_the_file_itself_is_not_shown(tmp_path: Path) -> None:
    text = 'class Pot:\n    lid: str = "glass"\n    password: str = "hunter2-hunter2"\n\n' + FAR
    with WorkspaceIndex([tmp_path], HERE) as index:
        shown = far_parts(index, tmp_path / "a.py", text + "def cook(pot: Pot) -> None:\n    pot.")
    assert 'lid: str = "glass"' in shown
    assert "hunter2" not in shown


def test_a_region_in_another_language_has_no_far_parts(tmp_path: Path) -> None:
    text = "<script>\nfunction boilWater(x) {}\n" + "// nothing\n" * 400 + "boilWater("
    path = write(tmp_path.resolve() / "page.html", text)
    with WorkspaceIndex([tmp_path], HERE) as index:
        assert far_parts(index, path, text[9:], language_id="javascript") == ""
