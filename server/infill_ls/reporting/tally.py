"""Totals of the events of suggestions. The table, JSON and the page show these figures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from statistics import median

from infill_ls.reporting.kept import LOOKS_AFTER_S
from infill_ls.reporting.statistics import StatisticsEvent
from infill_ls.types import Accepted, Trigger


@dataclass(slots=True)
class Tally:
    """What came of some suggestions."""

    offered: int = 0
    taken: int = 0
    """Accepted, whole or in part."""
    saved_chars: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    looked_chars: dict[int, int] = field(default_factory=dict)
    """Accepted characters that were looked for, by seconds after the acceptance."""
    kept_chars: dict[int, int] = field(default_factory=dict)
    """Those of them that were still there."""

    @property
    def share_taken(self) -> float:
        """The part of the suggestions that was taken, 0 to 1."""
        return self.taken / self.offered if self.offered else 0.0

    @property
    def median_ms(self) -> float:
        """The latency that half of the suggestions did not exceed."""
        return median(self.latencies_ms or [0.0])

    @property
    def ms_95(self) -> float:
        """The latency that 95 % of the suggestions did not exceed."""
        return _percentile(self.latencies_ms, 0.95)

    def share_kept(self, after_s: int) -> float | None:
        """Return the part of the accepted text that was still there; ``None`` if nobody looked."""
        looked = self.looked_chars.get(after_s, 0)
        return self.kept_chars.get(after_s, 0) / looked if looked else None


@dataclass(slots=True)
class Summary:
    """Tallies of all suggestions, by language, by kind of place and by day."""

    total: Tally = field(default_factory=Tally)
    by_language: dict[str, Tally] = field(default_factory=dict)
    by_place: dict[str, Tally] = field(default_factory=dict)
    by_language_and_place: dict[str, dict[str, Tally]] = field(default_factory=dict)
    by_day: dict[date, Tally] = field(default_factory=dict)
    edits: int = 0
    """Next edits that were offered."""
    edits_taken: int = 0


@dataclass(slots=True)
class _Fate:
    """What came of one suggestion."""

    offer: StatisticsEvent
    taken_chars: int | None = None
    looks: dict[int, StatisticsEvent] = field(default_factory=dict)


def summarize(events: Iterable[StatisticsEvent], since: float = 0.0) -> Summary:
    """Count the events of suggestions that were offered after ``since``."""
    fates: dict[str, _Fate] = {}
    edits: set[str] = set()
    edits_taken: set[str] = set()
    for event in events:
        if event.event == "offered" and event.at >= since:
            fates[event.id] = _Fate(event)
        elif event.event == "edit offered" and event.at >= since:
            edits.add(event.id)
        elif event.event == "edit accepted":
            edits_taken.add(event.id)
        elif (fate := fates.get(event.id)) is not None:
            if event.event in {"partly", "accepted"}:
                fate.taken_chars = max(fate.taken_chars or 0, event.chars)
            elif event.event == "kept" and event.after in LOOKS_AFTER_S:
                fate.looks[event.after] = event
    summary = Summary(edits=len(edits), edits_taken=len(edits & edits_taken))
    for fate in fates.values():
        places = summary.by_language_and_place.setdefault(fate.offer.language, {})
        # The day as the user lived it.
        day = datetime.fromtimestamp(fate.offer.at).astimezone().date()
        for tally in (
            summary.total,
            summary.by_language.setdefault(fate.offer.language, Tally()),
            summary.by_place.setdefault(fate.offer.place, Tally()),
            places.setdefault(fate.offer.place, Tally()),
            summary.by_day.setdefault(day, Tally()),
        ):
            _add(tally, fate)
    return summary


def accepted_by_place(events: Iterable[StatisticsEvent]) -> dict[tuple[str, str], Accepted]:
    """Count what was offered unasked and taken, by language id and kind of place."""
    offers: dict[str, tuple[str, str]] = {}
    taken: set[str] = set()
    for event in events:
        if event.event == "offered" and event.trigger == Trigger.AUTOMATIC.value:
            offers[event.id] = (event.language, event.place)
        elif event.event in {"partly", "accepted"} and event.id in offers:
            taken.add(event.id)
    offered, accepted = Counter(offers.values()), Counter(offers[one] for one in taken)
    return {place: Accepted(count, accepted[place]) for place, count in offered.items()}


def by_use(tallies: dict[str, Tally]) -> list[tuple[str, Tally]]:
    """Return the tallies with their names, what was offered most first."""
    return sorted(tallies.items(), key=lambda item: (-item[1].offered, item[0]))


def _add(tally: Tally, fate: _Fate) -> None:
    tally.offered += 1
    tally.latencies_ms.append(fate.offer.ms)
    if fate.taken_chars is not None:
        tally.taken += 1
        # Accepting is a key too.
        tally.saved_chars += max(fate.taken_chars - 1, 0)
    for after_s, look in fate.looks.items():
        tally.looked_chars[after_s] = tally.looked_chars.get(after_s, 0) + look.chars
        kept = min(look.kept, look.chars)
        tally.kept_chars[after_s] = tally.kept_chars.get(after_s, 0) + kept


def _percentile(values: list[float], share: float) -> float:
    """Return the value that ``share`` of the values do not exceed."""
    if not values:
        return 0.0
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]
