"""Tests of anchors: where prefix, typed text and suffix meet while somebody types."""

from __future__ import annotations

from infill_ls.document.anchors import MAX_TYPED_LINES, AnchorKeeper, PlannedAnchor
from infill_ls.document.cut import cut
from infill_ls.types import Hole
from unit.documents import snapshot


def hold(keeper: AnchorKeeper, marked: str, name: str = "a.py") -> Hole:
    place = snapshot(marked, name=name)
    return keeper.hold(place, cut(place))


def parts(hole: Hole) -> tuple[str, str, str, str]:
    return hole.prefix, hole.typed, hole.line_tail, hole.below


def test_typing_on_a_line_changes_only_what_is_typed() -> None:
    keeper = AnchorKeeper()
    assert parts(hold(keeper, "a = 1\nb‸\nc = 3")) == ("a = 1\n", "b", "", "\nc = 3")
    assert parts(hold(keeper, "a = 1\nb = f(‸)\nc = 3")) == ("a = 1\n", "b = f(", ")", "\nc = 3")


def test_the_next_lines_keep_the_anchor() -> None:
    keeper = AnchorKeeper()
    hold(keeper, "a = 1\n‸\nc = 3")
    assert parts(hold(keeper, "a = 1\nb = 2\n  x‸\nc = 3")) == (
        "a = 1\n",
        "b = 2\n  x",
        "",
        "\nc = 3",
    )
    assert hold(keeper, "a = 1\nb = 2\n  x‸\nc = 3").line_typed == "  x"


def test_too_many_lines_move_the_anchor() -> None:
    keeper = AnchorKeeper()
    hold(keeper, "a = 1\n‸\nc = 3")
    lines = "x\n" * (MAX_TYPED_LINES + 1)
    moved = hold(keeper, f"a = 1\n{lines}‸\nc = 3")
    assert parts(moved) == (f"a = 1\n{lines}", "", "", "\nc = 3")


def test_a_change_above_or_below_moves_the_anchor() -> None:
    for changed in ("A = 1\nb = 2\n‸\nc = 3", "a = 1\nb = 2\n‸\nC = 3", "‸a = 1\n\nc = 3"):
        keeper = AnchorKeeper()
        hold(keeper, "a = 1\n‸\nc = 3")
        place = snapshot(changed)
        assert keeper.hold(place, cut(place)) == cut(place)


def test_each_document_has_its_own_anchor() -> None:
    keeper = AnchorKeeper()
    hold(keeper, "a = 1\n‸\nc = 3")
    hold(keeper, "other\n‸", name="b.py")
    assert hold(keeper, "a = 1\nb = 2\n‸\nc = 3").typed == "b = 2\n"


def test_line_ends_of_windows() -> None:
    keeper = AnchorKeeper()
    hold(keeper, "a = 1\r\n‸\r\nc = 3")
    hole = hold(keeper, "a = 1\r\nb = 2\r\n‸\r\nc = 3")
    assert parts(hole) == ("a = 1\n", "b = 2\n", "", "\nc = 3")


def plan(keeper: AnchorKeeper, marked: str) -> PlannedAnchor:
    place = snapshot(marked, name="a.py")
    planned = PlannedAnchor(place, cut(place), cut(place))
    keeper.plan(planned)
    return planned


def test_a_plan_is_used_when_its_prompt_is_read_and_not_before() -> None:
    keeper = AnchorKeeper()
    hold(keeper, "a = 1\n‸\nz")
    planned = plan(keeper, "a = 1\nb\nc‸\nz")
    assert hold(keeper, "a = 1\nb\nc\nd‸\nz").typed == "b\nc\nd"
    assert keeper.planned(snapshot("a = 1\nb\nc\nd‸\nz", name="a.py")) is planned
    keeper.use(planned)
    assert hold(keeper, "a = 1\nb\nc\nd‸\nz").typed == "c\nd"
    assert keeper.planned(snapshot("a = 1\nb\nc\nd‸\nz", name="a.py")) is None


def test_a_plan_for_another_place_is_dropped() -> None:
    for elsewhere in ("‸a = 1\nb\nc\nz", "A = 1\nb\nc‸\nz", "a = 1\nb\nc‸\nZ"):
        keeper = AnchorKeeper()
        hold(keeper, "a = 1\n‸\nz")
        plan(keeper, "a = 1\nb\nc‸\nz")
        assert keeper.planned(snapshot(elsewhere, name="a.py")) is None
        assert keeper.hold(snapshot(elsewhere, name="a.py"), cut(snapshot(elsewhere))) == cut(
            snapshot(elsewhere)
        )
