"""What came of the suggestions, kept in a file on this machine and never sent anywhere.

One JSON object a line: an ``offered`` event for each suggestion, and the events that refer to it
by its id. There is no text, no path and no name in it: the language, lengths and times are all.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from infill_ls.types import Report, Suggestion

log = logging.getLogger(__name__)

LARGEST_FILE_BYTES = 4_000_000
"""The file is put aside when it gets larger, and the one before it forgotten."""
REMEMBERED = 100
"""Suggestions that may still be accepted: far more than an editor shows at a time."""


def default_path() -> Path:
    """Return where the events of this user are kept."""
    return user_data_path("infill-ls", appauthor=False) / "statistics.jsonl"


@dataclass(slots=True)
class _Offer:
    key: tuple[str, str]
    """The document and its text as it would be: the same as long as the user types along."""
    chars: int
    taken_chars: int = 0


class Statistics:
    """Records what one server offers. Trouble with the file is logged, never raised."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._offers: OrderedDict[str, _Offer] = OrderedDict()
        self._session = secrets.token_hex(4)
        self._count = 0

    def offered(self, report: Report, suggestion: Suggestion, latency_ms: float) -> str:
        """Record one of a report's suggestions and return its id.

        One that the user is typing along is the same suggestion, however often it is sent.
        """
        snapshot = report.snapshot
        key = (snapshot.uri, snapshot.text[: snapshot.offset] + suggestion.text)
        for known, offer in self._offers.items():
            if offer.key == key:
                return known
        self._count += 1
        identity = f"{self._session}-{self._count}"
        self._offers[identity] = _Offer(key, len(suggestion.text))
        if len(self._offers) > REMEMBERED:
            self._offers.popitem(last=False)
        self._write(
            event="offered",
            id=identity,
            language=snapshot.language_id,
            trigger=snapshot.trigger.value,
            chars=len(suggestion.text),
            ms=round(latency_ms, 1),
        )
        return identity

    def shown(self, identity: str) -> None:
        """Record that the editor showed a suggestion; not every editor tells."""
        if identity in self._offers:
            self._write(event="shown", id=identity)

    def accepted(self, identity: str) -> None:
        """Record that a suggestion was accepted to its end."""
        offer = self._offers.get(identity)
        if offer is not None:
            offer.taken_chars = offer.chars
            self._write(event="accepted", id=identity, chars=offer.chars)

    def partially_accepted(self, identity: str, item_chars: int, chars: int) -> None:
        """Record that the first ``chars`` characters of an item of ``item_chars`` were accepted.

        An item may repeat the line before the cursor, which nobody accepted.
        """
        offer = self._offers.get(identity)
        if offer is not None:
            taken = min(max(chars - (item_chars - offer.chars), 0), offer.chars)
            if taken > offer.taken_chars:
                offer.taken_chars = taken
                self._write(event="partly", id=identity, chars=taken)

    def edit_offered(self, identity: str, language: str, rule: str, chars: int) -> None:
        """Record that a next edit was offered; ``identity`` is unique within the session."""
        self._write(
            event="edit offered", id=self._edit(identity), language=language, rule=rule, chars=chars
        )

    def edit_told(self, what: str, identity: str) -> None:
        """Record what came of a next edit: ``shown``, ``accepted`` or ``refused``."""
        self._write(event=f"edit {what}", id=self._edit(identity))

    def _edit(self, identity: str) -> str:
        return f"{self._session}-{identity}"

    def _write(self, **event: Any) -> None:
        if self._path is None:
            return
        line = json.dumps({"at": round(time.time(), 1), **event}) + "\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists() and self._path.stat().st_size > LARGEST_FILE_BYTES:
                self._path.replace(_older(self._path))
            # Servers of several editors append to one file: a line in one write stays whole.
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            log.warning("cannot keep statistics in %s: %s", self._path, error)
            self._path = None


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """Read the events back, oldest first; a line cut short is passed over."""
    for file in (_older(path), path):
        if not file.exists():
            continue
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict) and "event" in event and "id" in event:
                    yield event


def _older(path: Path) -> Path:
    return path.with_name(path.name + ".1")
