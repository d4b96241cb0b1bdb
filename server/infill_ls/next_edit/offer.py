"""From the history of edits to offers: changes, candidates, judgement, order.

Pure: documents and edits in, offers out. The order of offers is that of the text, from the last
edit on and round to its beginning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice

from infill_ls.next_edit.candidate import Candidate, Pattern, Rule
from infill_ls.next_edit.changes import Change, changes_of
from infill_ls.next_edit.history import Edit, Key
from infill_ls.next_edit.judge import Verdict, judge
from infill_ls.next_edit.rules import RULES
from infill_ls.next_edit.rules.evidence import of_pattern
from infill_ls.next_edit.tokens import bounded
from infill_ls.next_edit.view import View
from infill_retrieval.secrets.judgement import is_bare, secret_lines
from infill_retrieval.secrets.statements import LINES
from infill_retrieval.syntax import Language, TreeCache, family_of

MAX_EDITS_ASKED = 2
"""So many of the latest edits are repeated; earlier ones only speak for them."""
MAX_PATTERNS = 8
MAX_OTHER_DOCUMENTS = 8
MAX_OTHER_CHARS = 100_000
MAX_CANDIDATES = 400
MAX_OCCURRENCES = 1_500
"""Of the old text in the window."""
MAX_DECLINED = 100
ABOVE_CHARS = 2_000
"""Looked at above an edit for the name of a secret."""
LEAST_ASKED = 0.3
"""Probability of what is shown to somebody who asks."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is open."""

    text: str
    language: Language


@dataclass(frozen=True, slots=True)
class Offer:
    """An edit to make: ``old`` stands at ``start`` of the document, and is to become ``new``."""

    uri: str
    start: int
    old: str
    new: str
    rule: Rule
    key: Key
    """What is refused when the offer is."""
    verdict: Verdict

    @property
    def end(self) -> int:
        """Where ``old`` ends."""
        return self.start + len(self.old)

    @property
    def why(self) -> str:
        """What it repeats, in words."""
        old, new = (_shown(text) for text in self.key)
        if not old:
            what = f"{new} was put in"
        elif not new:
            what = f"{old} was taken out"
        else:
            what = f"{old} became {new}"
        return f"{what} ({self.rule.value}, {self.verdict.probability:.0%})"

    def stands_in(self, text: str) -> bool:
        """Tell whether the replaced text is still in its place."""
        return self.start >= 0 and text[self.start : self.end] == self.old and self.end <= len(text)

    def applied_to(self, text: str) -> str:
        """Return the document with the edit made. Raises :class:`ValueError` if it has changed."""
        if not self.stands_in(text):
            raise ValueError("the text has changed under the offer")
        return text[: self.start] + self.new + text[self.end :]


@dataclass(frozen=True, slots=True)
class Proposal:
    """The offers, and the candidates that were considered but not offered."""

    offers: tuple[Offer, ...] = ()
    declined: tuple[Offer, ...] = ()
    """The likeliest first."""
    asked: tuple[Offer, ...] = ()
    """``offers``, and what is less sure: for somebody who asks and looks it over."""
    reason: str = ""
    """Why nothing is offered."""


def propose(
    uri: str,
    documents: Mapping[str, Document],
    edits: tuple[Edit, ...],
    refused: frozenset[Key] = frozenset(),
    trees: TreeCache | None = None,
) -> Proposal:
    """Propose changes after the latest edits of document ``uri``, in other documents too.

    If its own edits call for nothing, those of the document that was edited last are repeated in it.
    """
    trees = trees if trees is not None else TreeCache()
    own = _after_own(uri, documents, edits, refused, trees)
    last = edits[-1].uri if edits else uri
    if own.offers or last == uri or uri not in documents or last not in documents:
        return own
    if family_of(documents[last].language) != family_of(documents[uri].language):
        return own
    beside = _after_own(last, {uri: documents[uri], last: documents[last]}, edits, refused, trees)
    offers = tuple(one for one in beside.offers if one.uri == uri)
    if not offers and own.declined:
        return own
    return Proposal(
        offers,
        tuple(one for one in beside.declined if one.uri == uri),
        tuple(one for one in beside.asked if one.uri == uri),
        "" if offers else beside.reason or "no place is like it",
    )


def _after_own(
    uri: str,
    documents: Mapping[str, Document],
    edits: tuple[Edit, ...],
    refused: frozenset[Key],
    trees: TreeCache,
) -> Proposal:
    mine = [edit for edit in edits if edit.uri == uri]
    if not mine or uri not in documents:
        return Proposal(reason="nothing was edited here")
    document = documents[uri]
    view = View(uri, document.text, document.language, mine[-1].end, trees)
    if not view.is_legible:
        return Proposal(reason="no person wrote this text")
    latest = mine[: -MAX_EDITS_ASKED - 1 : -1]
    asked = [_changes(edit, document.text) for edit in latest]
    spans = tuple((edit.start, edit.end) for edit in latest)
    earlier = [
        change
        for edit in mine[-MAX_EDITS_ASKED - 1 :: -1]
        for change in _changes(edit, document.text)
    ]
    abroad = [
        change
        for edit in reversed(edits)
        if edit.uri != uri and edit.uri in documents
        for change in _changes(edit, documents[edit.uri].text)
    ]
    here = [*(change for changes in asked for change in changes), *earlier]
    if any(_is_everywhere(change, view) for changes in asked for change in changes):
        return Proposal(reason="the change fits too many places")
    found: list[Candidate] = []
    others = _others(view, documents, trees)
    seen: set[Key] = set()
    for change, together in [(change, changes) for changes in asked for change in changes]:
        if change.key in seen or change.key in refused or not any(change.key):
            continue
        if len(seen) == MAX_PATTERNS:
            break
        seen.add(change.key)
        agreeing = tuple(one for one in here if one.key == change.key and one.form is change.form)
        support = len(agreeing) + sum(1 for one in abroad if one.key == change.key)
        pattern = Pattern(
            change,
            agreeing,
            support,
            view,
            (*here, *abroad),
            others,
            together=tuple(together),
            beside=tuple(one for some in asked if some is not together for one in some),
            spans=spans,
            edits=sum(any(one.key == change.key for one in some) for some in asked),
        )
        pattern.features.update(of_pattern(pattern))
        for rule in RULES:
            found.extend(rule(pattern))
        if len(found) > MAX_CANDIDATES:
            return Proposal(reason="the change fits too many places")
    return _judged(found, documents, refused, here, view)


def _is_everywhere(change: Change, view: View) -> bool:
    old = change.old.strip()
    if not old or view.text.count(old, view.low, view.high) <= MAX_OCCURRENCES:
        return False
    # A short name is a part of many words, and may be rare as a name.
    found = re.compile(bounded(old)).finditer(view.text, view.low, view.high)
    return next(islice(found, MAX_OCCURRENCES, None), None) is not None


def _changes(edit: Edit, text: str) -> list[Change]:
    return changes_of(text, edit.start, edit.old, edit.new)


def _others(view: View, documents: Mapping[str, Document], trees: TreeCache) -> tuple[View, ...]:
    family = family_of(view.language)
    kin = [
        (uri, document)
        for uri, document in documents.items()
        if uri != view.uri and family_of(document.language) == family
    ]
    views = (
        View(uri, document.text, document.language, len(document.text) // 2, trees)
        for uri, document in kin[-MAX_OTHER_DOCUMENTS:]
        if len(document.text) <= MAX_OTHER_CHARS
    )
    return tuple(view for view in views if view.is_legible)


def _judged(
    found: list[Candidate],
    documents: Mapping[str, Document],
    refused: frozenset[Key],
    here: list[Change],
    view: View,
) -> Proposal:
    undone = {(one.new, one.old) for one in here}
    known: set[tuple[str, int, str, str]] = set()
    chosen_from: list[Candidate] = []
    for one in found:
        place = one.uri, one.start, one.old, one.new
        if place in known or (one.old, one.new) in refused:
            continue
        known.add(place)
        stands = documents[one.uri].text[one.start : one.end] == one.old
        if one.start >= 0 and stands and (one.old.strip(), one.new.strip()) not in undone:
            chosen_from.append(one)
    offers = [
        Offer(one.uri, one.start, one.old, one.new, one.rule, one.key, verdict)
        for one, verdict in zip(chosen_from, judge(chosen_from), strict=True)
    ]
    offers.sort(key=lambda offer: -offer.verdict.probability)
    chosen: list[Offer] = []
    declined: list[Offer] = []
    for offer in offers:
        if any(_overlap(offer, other) for other in chosen):
            continue
        if not offer.verdict.is_offered:
            declined.append(offer)
        elif not _is_secret(offer, documents[offer.uri]):
            chosen.append(offer)
    asked = list(chosen)
    for offer in declined:
        if offer.verdict.probability < LEAST_ASKED:
            break
        is_free = not any(_overlap(offer, other) for other in asked)
        if is_free and not _is_secret(offer, documents[offer.uri]):
            asked.append(offer)
    for some in (chosen, asked):
        some.sort(
            key=lambda one: (
                one.uri != view.uri,
                one.uri == view.uri and one.start < view.around,
                one.uri,
                one.start,
            )
        )
    reason = "" if chosen else "no place is sure enough" if declined else "no place is like it"
    return Proposal(tuple(chosen), tuple(declined[:MAX_DECLINED]), tuple(asked), reason)


def _overlap(one: Offer, other: Offer) -> bool:
    if one.uri != other.uri:
        return False
    if one.start == other.start:
        return True
    return one.start < other.end and other.start < one.end


def _is_secret(offer: Offer, document: Document) -> bool:
    """Tell whether an edit would touch or write a line that holds a secret."""
    text = document.text
    start = text.rfind("\n", 0, offer.start) + 1
    end = text.find("\n", offer.end)
    end = end if end >= 0 else len(text)
    # The name may stand above: ``password = (``.
    above = text[max(start - ABOVE_CHARS, 0) : start].split("\n")[-LINES:-1]
    bare = is_bare(document.language.name, offer.uri)
    for new in (offer.old, offer.new):
        became = text[start : offer.start] + new + text[offer.end : end]
        lines = [*above, *became.split("\n")]
        hidden = secret_lines(lines, bare=bare, language=document.language)
        if hidden and hidden[-1] >= len(above):
            return True
    return False


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return f"`{line[:40]}…`" if len(line) > 40 else f"`{line}`" if line else ""


def moved(offer: Offer, by: int) -> Offer:
    """Return an offer whose document got ``by`` characters longer before it."""
    return replace(offer, start=offer.start + by)
