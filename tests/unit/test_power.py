"""Tests of background work: it depends on the battery, on other programs, and on settings."""

from __future__ import annotations

import pytest

from infill_ls.session.power import ASK_EVERY_S, Battery, Power
from infill_ls.settings import settings_with

FULL, HALF, LOW = Battery(), Battery(50, is_discharging=True), Battery(20, is_discharging=True)


def power(battery: Battery) -> Power:
    return Power(lambda: battery, lambda: False, lambda: 0.0)


@pytest.mark.parametrize(
    ("setting", "battery", "is_frugal"),
    [("auto", FULL, False), ("auto", HALF, True), ("on", FULL, True), ("off", LOW, False)],
)
def test_energy_is_saved_on_a_battery_or_as_the_user_says(
    setting: str, battery: Battery, is_frugal: bool
) -> None:
    settings = settings_with(frugal=setting)
    assert power(battery).is_frugal(settings) is is_frugal
    assert power(battery).may_think_ahead(settings) is not is_frugal


@pytest.mark.parametrize(
    ("options", "battery", "may"),
    [
        ({}, FULL, True),
        ({}, HALF, False),  # frugal
        ({"frugal": "off"}, HALF, True),
        ({"frugal": "off"}, LOW, False),
        ({"frugal": "off", "hint_battery_percent": 10}, LOW, True),
        ({"cursor_hints": "always"}, LOW, True),
        ({"cursor_hints": "never"}, FULL, False),
        ({"frugal": "on"}, FULL, False),
    ],
)
def test_when_a_place_is_prepared(options: dict[str, object], battery: Battery, may: bool) -> None:
    settings = settings_with(**options)
    assert power(battery).may_prepare(settings, is_remote=False) is may
    if options.get("cursor_hints") != "always":
        assert not power(battery).may_prepare(settings, is_remote=True)


def test_the_battery_is_asked_now_and_then() -> None:
    times = [0.0, 1.0, ASK_EVERY_S - 1, ASK_EVERY_S + 1, ASK_EVERY_S + 2]
    clock = iter(times)
    asked: list[Battery] = []

    def ask() -> Battery:
        asked.append(FULL)
        return FULL

    one = Power(ask, lambda: False, lambda: next(clock))
    numbers = []
    for _ in times:
        one.is_frugal(settings_with())
        numbers.append(len(asked))
    assert numbers == [1, 1, 1, 2, 2]
