"""Statistics of suggestions, kept in a file on this machine and never sent anywhere.

One JSON object a line: an ``offered`` event for each suggestion, and the events that refer to it
by its id. There is no text, no path and no name in it: the language, the kind of place, lengths and
times are all.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from platformdirs import user_data_path

from infill_ls.reporting.kept import AcceptedTexts, KeptLook, Watched
from infill_ls.types import Report, Suggestion

log = logging.getLogger(__name__)

LARGEST_FILE_BYTES = 4_000_000
"""The file is put aside when it gets larger, and the one before it forgotten."""
LONGEST_LINE_BYTES = 10_000
"""A line that is longer is none of ours."""
REMEMBERED = 100
"""Suggestions that may still be accepted: far more than an editor shows at a time."""

_Chars = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
_Name = Annotated[str, msgspec.Meta(max_length=100)]


class StatisticsEvent(msgspec.Struct, frozen=True):
    """A line of the file. Which fields there are depends on ``event``."""

    event: _Name
    id: _Name
    at: Annotated[float, msgspec.Meta(ge=0, le=2e11)] = 0.0
    """Seconds since 1970, up to a year that a calendar has."""
    language: _Name = "?"
    place: _Name = "?"
    """The kind of place: a mode of :class:`infill_ls.types.Mode`."""
    trigger: _Name = "automatic"
    chars: _Chars = 0
    ms: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = 0.0
    after: _Chars = 0
    """Seconds from the acceptance to a look at what is kept."""
    kept: _Chars = 0


def default_path() -> Path:
    """Return where the events of this user are kept."""
    return user_data_path("infill-ls", appauthor=False) / "statistics.jsonl"


@dataclass(slots=True)
class _Offer:
    key: tuple[str, int]
    """The document and its text as it would be: the same as long as the user types along."""
    start: int
    """Where in its document it is put."""
    text: str
    taken_chars: int = 0

    @property
    def uri(self) -> str:
        return self.key[0]


class Statistics:
    """Records what one server offers. Trouble with the file is logged, never raised."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._offers: OrderedDict[str, _Offer] = OrderedDict()
        self._accepted = AcceptedTexts()
        self._session = secrets.token_hex(4)
        self._count = 0

    @property
    def path(self) -> Path | None:
        """Where the events go; ``None`` if nothing is counted."""
        return self._path

    @property
    def offers(self) -> int:
        """How many suggestions were recorded since the start."""
        return self._count

    def offered(self, report: Report, suggestion: Suggestion, latency_ms: float) -> str:
        """Record one of a report's suggestions and return its id.

        One that the user is typing along is the same suggestion, however often it is sent.
        """
        snapshot = report.snapshot
        key = (snapshot.uri, hash(snapshot.text[: snapshot.offset] + suggestion.text))
        for known, offer in self._offers.items():
            if offer.key == key:
                return known
        self._count += 1
        identity = f"{self._session}-{self._count}"
        self._offers[identity] = _Offer(key, snapshot.offset, suggestion.text)
        if len(self._offers) > REMEMBERED:
            self._offers.popitem(last=False)
        self._write(
            event="offered",
            id=identity,
            language=snapshot.language_id,
            place=report.hole.mode.value if report.hole is not None else "?",
            trigger=snapshot.trigger.value,
            chars=len(suggestion.text),
            ms=round(latency_ms, 1),
        )
        return identity

    def stop(self) -> None:
        """Count nothing any more, nor what waits to be looked at."""
        self._path = None

    def document_of(self, identity: str) -> str | None:
        """Return the URI of the document that a suggestion was for, while that is remembered."""
        offer = self._offers.get(identity)
        return offer.uri if offer is not None else None

    def shown(self, identity: str) -> None:
        """Record that the editor showed a suggestion; not every editor tells."""
        if identity in self._offers:
            self._write(event="shown", id=identity)

    def accepted(self, identity: str, text: str | None = None) -> Watched | None:
        """Record that a suggestion was accepted to its end; ``text`` is its document's.

        What is returned is to be looked at later, by :meth:`look`.
        """
        offer = self._offers.get(identity)
        if offer is None:
            return None
        offer.taken_chars = len(offer.text)
        self._write(event="accepted", id=identity, chars=len(offer.text))
        return self._watch(identity, offer, text)

    def partially_accepted(
        self, identity: str, item_chars: int, chars: int, text: str | None = None
    ) -> Watched | None:
        """Record that the first ``chars`` characters of an item of ``item_chars`` were accepted.

        An item may repeat the line before the cursor, which nobody accepted.
        """
        offer = self._offers.get(identity)
        if offer is None:
            return None
        taken = min(max(chars - (item_chars - len(offer.text)), 0), len(offer.text))
        if taken <= offer.taken_chars:
            return None
        offer.taken_chars = taken
        self._write(event="partly", id=identity, chars=taken)
        return self._watch(identity, offer, text)

    def text_changed(self, uri: str, text: str) -> None:
        """Follow what was accepted through an edit."""
        self._accepted.text_changed(uri, text)

    def document_closed(self, uri: str) -> None:
        """Record how much text is kept in a document that is closed early."""
        self._record(self._accepted.document_closed(uri))

    def close(self) -> None:
        """Record what is kept as the editor ends: not every one closes its documents."""
        self._record(self._accepted.all_closed())

    def look(self, watched: Watched, after_s: int) -> None:
        """Record how much is kept of a text that was accepted ``after_s`` ago."""
        found = self._accepted.look(watched, after_s)
        self._record([found] if found is not None else [])

    def edit_offered(self, identity: str, language: str, rule: str, chars: int) -> None:
        """Record that a next edit was offered; ``identity`` is unique within the session."""
        self._write(
            event="edit offered", id=self._edit(identity), language=language, rule=rule, chars=chars
        )

    def edit_told(self, what: str, identity: str) -> None:
        """Record the outcome of a next edit: ``shown``, ``accepted`` or ``refused``."""
        self._write(event=f"edit {what}", id=self._edit(identity))

    def _edit(self, identity: str) -> str:
        return f"{self._session}-{identity}"

    def _watch(self, identity: str, offer: _Offer, text: str | None) -> Watched | None:
        if self._path is None or text is None:
            return None
        taken = offer.text[: offer.taken_chars]
        return self._accepted.watch(identity, offer.uri, text, offer.start, taken)

    def _record(self, looks: Iterable[KeptLook]) -> None:
        for one in looks:
            self._write(
                event="kept",
                id=one.identity,
                after=one.after_s,
                chars=one.chars,
                kept=one.kept_chars,
            )

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
            log.warning("cannot save statistics in %s: %s", self._path, error)
            self._path = None


def read_events(path: Path) -> Iterator[StatisticsEvent]:
    """Read the events back, oldest first; a line that is none of ours is passed over."""
    read = msgspec.json.Decoder(StatisticsEvent).decode
    for file in (_older(path), path):
        try:
            lines = file.open("rb")
        except FileNotFoundError:
            continue
        with lines:
            while line := lines.readline(LONGEST_LINE_BYTES):
                try:
                    yield read(line)
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    continue


def _older(path: Path) -> Path:
    return path.with_name(path.name + ".1")
