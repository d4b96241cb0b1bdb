"""Decide whether this machine has power to spare for work ahead of requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from infill_ls.settings import Settings

ASK_EVERY_S = 30.0
"""The state of a battery changes slowly, and asking for it takes a system call or more."""
SAMPLE_S = 0.1
BUSY_PERCENT = 70.0
"""Of the processors' time is used by others, while we do nothing."""


@dataclass(frozen=True, slots=True)
class Battery:
    """What a machine runs on."""

    percent: float = 100.0
    is_discharging: bool = False


def battery_of_this_machine() -> Battery:
    """Return the state of the battery; full, if there is none or it cannot be told."""
    sensors = getattr(psutil, "sensors_battery", None)
    try:
        found = sensors() if sensors is not None else None
    except Exception:  # noqa: BLE001 - a driver that fails is no reason to do anything else
        found = None
    if found is None or found.power_plugged is not False:
        return Battery()
    return Battery(float(found.percent), is_discharging=True)


def is_machine_busy() -> bool:
    """Tell whether others keep the processors busy; takes 0.1 s, in which we must be idle."""
    return psutil.cpu_percent(interval=SAMPLE_S) > BUSY_PERCENT


class Power:
    """Decides which work is done unasked. ``battery`` is asked now and then."""

    def __init__(
        self,
        battery: Callable[[], Battery] = battery_of_this_machine,
        is_busy: Callable[[], bool] = is_machine_busy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_busy = is_busy
        self._ask = battery
        self._clock = clock
        self._known = Battery()
        self._ask_at = float("-inf")

    def is_frugal(self, settings: Settings) -> bool:
        """Tell whether to do only requested work, and only after a longer pause."""
        if settings.unasked.frugal == "auto":
            return self._battery().is_discharging
        return settings.unasked.frugal == "on"

    def may_think_ahead(self, settings: Settings) -> bool:
        """Tell whether to compute in the user's pauses what may be wanted next."""
        return settings.unasked.think_ahead and not self.is_frugal(settings)

    def may_prepare(self, settings: Settings, *, is_remote: bool) -> bool:
        """Tell whether to prepare the place where the cursor rests."""
        if settings.unasked.cursor_hints != "auto":
            return settings.unasked.cursor_hints == "always"
        battery = self._battery()
        has_charge = (
            not battery.is_discharging or battery.percent >= settings.unasked.hint_battery_percent
        )
        return has_charge and not is_remote and not self.is_frugal(settings)

    def _battery(self) -> Battery:
        now = self._clock()
        if now >= self._ask_at:
            self._ask_at = now + ASK_EVERY_S
            self._known = self._ask()
        return self._known
