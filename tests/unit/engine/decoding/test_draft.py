"""Tests of when drafts are used, by their measured and later observed cost."""

from __future__ import annotations

from infill_ls.engine.decoding.draft import Drafter

COSTS = ((1, 1.0), (2, 1.1), (4, 1.3), (8, 1.7), (16, 2.6))
TEXT = [*range(40)] * 2


def drafter(*, learns_costs: bool) -> Drafter:
    made = Drafter(frozenset(), COSTS, learns_costs=learns_costs)
    made.begin(TEXT, len(TEXT))
    made.add([0, 1, 2])
    return made


def test_what_came_before_is_proposed() -> None:
    assert drafter(learns_costs=False).propose(3, 5) == [4, 5, 6, 7, 8]


def test_drafts_that_take_too_long_are_given_up_and_tried_again_later() -> None:
    one = drafter(learns_costs=True)
    one.learn(0, 0, 10.0)
    drafts = 0
    while draft := one.propose(3, 15):
        one.learn(len(draft), len(draft), 400.0)  # all right, but many times too slow
        drafts += 1
        assert drafts < 20
    steps = 0
    while not one.propose(3, 15):
        one.learn(0, 0, 10.0)
        steps += 1
        assert steps < 5_000
    assert steps > 100


def test_fixed_costs_are_believed() -> None:
    one = drafter(learns_costs=False)
    for _ in range(50):
        one.learn(10, 10, 4_000.0)
    assert one.propose(3, 15)
    assert not Drafter(frozenset(), ((1, 1.0), (16, 1000.0))).propose(3, 15)
