"""The edits of one editor and the offers that follow: the state around ``next_edit``.

Proposals are computed when the editor asks, in a thread of their own, and kept until the next
change. While keys come faster than that takes nothing is computed.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from infill_ls.next_edit import Document, History, Offer, Proposal, RecentEdit, propose, sought
from infill_ls.next_edit.history import Key
from infill_ls.next_edit.offer import MAX_CLOSED_DOCUMENTS
from infill_ls.settings import Settings
from infill_retrieval.secrets.judgement import certain_lines
from infill_retrieval.syntax import TreeCache, language_of

log = logging.getLogger(__name__)

REMEMBERED = 200
"""Offers whose acceptance or refusal may still be told."""
LONGEST_PAUSE_S = 0.25


def _no_files(_words: Iterable[str], _most: int) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class InClosedFiles:
    """Offers in files that are not open, and what these files hold."""

    offers: tuple[Offer, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


class EditSession:
    """The edits of one editor. ``is_sensitive`` tells whether a document holds secrets.

    ``closed_files_with`` returns the text of files that are not open and have one of some words.
    """

    def __init__(
        self,
        settings: Settings,
        is_sensitive: Callable[[str], bool],
        closed_files_with: Callable[[Iterable[str], int], Mapping[str, str]] = _no_files,
    ) -> None:
        self.settings = settings
        self._is_sensitive = is_sensitive
        self._closed_files_with = closed_files_with
        self._history = History()
        self._languages: dict[str, str] = {}
        self._trees = TreeCache()
        self._thread = ThreadPoolExecutor(1, "infill-next-edit")
        self._known: dict[str, tuple[int, Proposal]] = {}
        """The last proposal of each document, and for which state of all of them it was made."""
        self._offers: OrderedDict[str, Offer] = OrderedDict()
        self._ids = itertools.count(1)
        self._cost_s = 0.0

    def changed(self, uri: str, text: str, language_id: str, *, is_new: bool = False) -> None:
        """Take the text of a document into account."""
        if not self._is_on(language_id) or self._is_sensitive(uri):
            self._history.forget(uri)
            return
        self._languages[uri] = language_id
        if is_new:
            self._history.opened(uri, text)
        else:
            self._history.changed(uri, text)

    def closed(self, uri: str) -> None:
        """Forget a document."""
        self._history.forget(uri)
        self._languages.pop(uri, None)
        self._known.pop(uri, None)

    def reconfigure(self, settings: Settings) -> None:
        """Use other settings; where nothing is proposed any more, nothing is remembered."""
        self.settings = settings
        for uri, language_id in tuple(self._languages.items()):
            if not self._is_on(language_id):
                self.closed(uri)

    async def propose(self, uri: str, *, waits: bool = True) -> Proposal:
        """Return the proposal for a document; nothing if the document changes meanwhile.

        With ``waits`` a key that comes within the time that an answer takes is waited for.
        """
        serial = self._history.serial
        known = self._known.get(uri)
        if known is not None and known[0] == serial:
            return known[1]
        if not self._is_on(self._languages.get(uri, "")):
            return Proposal(reason="switched off")
        if waits and self._cost_s:
            await asyncio.sleep(min(self._cost_s, LONGEST_PAUSE_S))
        # What was done in the document that was edited last is repeated in this one too.
        for one in {uri, *(edit.uri for edit in self._history.edits[-1:])}:
            if self._is_sensitive(one) or self._pasted_secret(one):
                self._history.forget(one)
                return Proposal(reason="the file holds secrets")
        if serial != self._history.serial:
            return Proposal(reason="typing went on")
        documents, edits, refused = self._state()
        proposal = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._compute, uri, serial, documents, edits, refused
        )
        if serial != self._history.serial:
            return Proposal(reason="typing went on")
        self._known[uri] = serial, proposal
        return proposal

    async def propose_in_closed(self, uri: str) -> InClosedFiles:
        """Return what the latest edits of a document call for in files that are not open.

        The files are read anew each time, so what an offer replaces stands there now.
        """
        proposal = await self.propose(uri, waits=False)
        serial = self._history.serial
        if self._known.get(uri) != (serial, proposal):
            return InClosedFiles()  # nothing may be proposed here
        found = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._compute_in_closed, uri, *self._state()
        )
        return found if serial == self._history.serial else InClosedFiles()

    def remember(self, offer: Offer) -> str:
        """Return an id with which the editor reports the outcome of an offer."""
        for identity, known in self._offers.items():
            if (known.uri, known.key, known.start) == (offer.uri, offer.key, offer.start):
                return identity
        identity = f"edit-{next(self._ids)}"
        self._offers[identity] = offer
        while len(self._offers) > REMEMBERED:
            self._offers.popitem(last=False)
        return identity

    def offer_of(self, identity: str) -> Offer | None:
        """Return the offer with an id, if it is still remembered."""
        return self._offers.get(identity)

    def refuse(self, identity: str) -> None:
        """Silence an offer and all others that repeat it."""
        offer = self._offers.get(identity)
        if offer is not None:
            self._history.refuse([offer.key, (offer.old, offer.new)])

    def explain(self, uri: str) -> dict[str, Any] | None:
        """Return the reasoning of the last request in a document."""
        known = self._known.get(uri)
        if known is None:
            return None
        _, proposal = known
        return {
            "reason": proposal.reason,
            "offers": [_told(offer) for offer in proposal.offers],
            "declined": [_told(offer) for offer in proposal.declined],
            "ms": round(self._cost_s * 1000, 1),
        }

    def abandon(self) -> None:
        """Stop the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _is_on(self, language_id: str) -> bool:
        settings = self.settings
        return (
            settings.completion.enabled
            and settings.next_edit
            and language_id not in settings.completion.disabled_languages
        )

    def _compute(
        self,
        uri: str,
        serial: int,
        documents: dict[str, Document],
        edits: tuple[RecentEdit, ...],
        refused: frozenset[Key],
    ) -> Proposal:
        if serial != self._history.serial:
            return Proposal(reason="typing went on")
        started = time.perf_counter()
        proposal = propose(uri, documents, edits, refused, self._trees)
        self._cost_s = time.perf_counter() - started
        return proposal

    def _state(self) -> tuple[dict[str, Document], tuple[RecentEdit, ...], frozenset[Key]]:
        """Return copies for the thread: the history belongs to the event loop."""
        documents = {
            one: Document(text, language_of(one, self._languages.get(one, "")))
            for one, text in self._history.texts.items()
        }
        return documents, self._history.edits, self._history.refused

    def _compute_in_closed(
        self,
        uri: str,
        documents: dict[str, Document],
        edits: tuple[RecentEdit, ...],
        refused: frozenset[Key],
    ) -> InClosedFiles:
        words = sought(uri, documents, edits, refused)
        if not words:
            return InClosedFiles()
        found = self._closed_files_with(words, MAX_CLOSED_DOCUMENTS)
        closed = {
            one: Document(text, language)
            for one, text in found.items()
            # An editor would give it one of several ids; it is left alone if any is switched off.
            if one not in documents
            and (language := language_of(one))
            and all(map(self._is_on, (language.name, *language.aliases)))
        }
        if not closed:
            return InClosedFiles()
        proposal = propose(uri, documents, edits, refused, self._trees, closed)
        offers = tuple(offer for offer in proposal.offers if offer.uri in closed)
        return InClosedFiles(offers, {offer.uri: closed[offer.uri].text for offer in offers})

    def _pasted_secret(self, uri: str) -> bool:
        """Tell whether what was edited holds a secret; the whole file is looked at in pauses."""
        edits = [edit for edit in self._history.edits if edit.uri == uri]
        text = self._history.texts.get(uri, "")
        pieces = [text[max(e.start - 200, 0) : e.end + 200] for e in edits]
        lines = [
            line for piece in (*pieces, *(e.old for e in edits)) for line in piece.splitlines()
        ]
        return bool(certain_lines(lines))


def _told(offer: Offer) -> dict[str, Any]:
    return {
        "uri": offer.uri,
        "offset": offer.start,
        "old": offer.old,
        "new": offer.new,
        "rule": offer.rule.value,
        "probability": round(offer.verdict.probability, 3),
        "why": offer.why,
        "weighed": {name: round(weight, 2) for name, weight in offer.verdict.reasons},
    }
