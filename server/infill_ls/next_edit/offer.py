"""From the history of edits to offers: changes, candidates, judgement, order.

Pure: documents and edits in, offers out. The order of offers is that of the text, from the last
edit on and round to its beginning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice

from infill_ls.next_edit.candidate import EditCandidate, Pattern
from infill_ls.next_edit.changes import Change, changes_of
from infill_ls.next_edit.history import Key, RecentEdit
from infill_ls.next_edit.judge import judge
from infill_ls.next_edit.proposal import NO_DOCUMENTS, Document, Offer, Proposal
from infill_ls.next_edit.rules import RULES
from infill_ls.next_edit.rules.evidence import of_pattern
from infill_ls.next_edit.rules.rewrites import LEAST_SOUGHT_CHARS
from infill_ls.next_edit.tokens import bounded, is_word
from infill_ls.next_edit.view import View
from infill_retrieval.secrets.judgement import is_bare, secret_lines
from infill_retrieval.secrets.statements import LINES
from infill_retrieval.syntax import TreeCache, family_of

MAX_EDITS_ASKED = 2
"""So many of the latest edits are repeated; earlier ones only speak for them."""
MAX_PATTERNS = 8
MAX_OTHER_DOCUMENTS = 8
MAX_CLOSED_DOCUMENTS = 16
"""Files that are not open; as many are read for one answer."""
MAX_OTHER_CHARS = 100_000
MAX_CANDIDATES = 400
MAX_OCCURRENCES = 1_500
"""Of the old text in the window."""
MAX_DECLINED = 100
ABOVE_CHARS = 2_000
"""Looked at above an edit for the name of a secret."""
LEAST_ASKED = 0.3
"""Probability of what is shown to somebody who asks."""


def propose(
    uri: str,
    documents: Mapping[str, Document],
    edits: tuple[RecentEdit, ...],
    refused: frozenset[Key] = frozenset(),
    trees: TreeCache | None = None,
    closed: Mapping[str, Document] = NO_DOCUMENTS,
) -> Proposal:
    """Propose changes after the latest edits of document ``uri``, in other documents too.

    Those ``closed`` are files that are not open; ``sought`` says for which words they are looked up.
    If its own edits call for nothing, those of the document that was edited last are repeated in it.
    """
    trees = trees if trees is not None else TreeCache()
    own = _after_own(uri, documents, edits, refused, trees, closed)
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
    edits: tuple[RecentEdit, ...],
    refused: frozenset[Key],
    trees: TreeCache,
    closed: Mapping[str, Document] = NO_DOCUMENTS,
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
    found: list[EditCandidate] = []
    others = (
        *_others(view, documents, trees, MAX_OTHER_DOCUMENTS, are_open=True),
        *_others(view, closed, trees, MAX_CLOSED_DOCUMENTS, are_open=False),
    )
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
    return _judged(found, {**closed, **documents}, refused, here, view)


def sought(
    uri: str,
    documents: Mapping[str, Document],
    edits: tuple[RecentEdit, ...],
    refused: frozenset[Key] = frozenset(),
) -> tuple[str, ...]:
    """Return the names that the latest edits replaced: files that have them may have to follow."""
    latest = [edit for edit in edits if edit.uri == uri][: -MAX_EDITS_ASKED - 1 : -1]
    changes = [
        change
        for edit in latest
        if uri in documents
        for change in _changes(edit, documents[uri].text)
        if change.key not in refused and is_word(change.old) and is_word(change.new)
    ]
    names = dict.fromkeys(one.old for one in changes if len(one.old) >= LEAST_SOUGHT_CHARS)
    return tuple(names)[:MAX_PATTERNS]


def _is_everywhere(change: Change, view: View) -> bool:
    old = change.old.strip()
    if not old or view.text.count(old, view.low, view.high) <= MAX_OCCURRENCES:
        return False
    # A short name is a part of many words, and may be rare as a name.
    found = re.compile(bounded(old)).finditer(view.text, view.low, view.high)
    return next(islice(found, MAX_OCCURRENCES, None), None) is not None


def _changes(edit: RecentEdit, text: str) -> list[Change]:
    return changes_of(text, edit.start, edit.old, edit.new)


def _others(
    view: View, documents: Mapping[str, Document], trees: TreeCache, most: int, *, are_open: bool
) -> tuple[View, ...]:
    family = family_of(view.language)
    kin = [
        (uri, document)
        for uri, document in documents.items()
        if uri != view.uri and family_of(document.language) == family
    ]
    views = (
        View(
            uri, document.text, document.language, len(document.text) // 2, trees, is_open=are_open
        )
        for uri, document in kin[-most:]
        if len(document.text) <= MAX_OTHER_CHARS
    )
    return tuple(view for view in views if view.is_legible)


def _judged(
    found: list[EditCandidate],
    documents: Mapping[str, Document],
    refused: frozenset[Key],
    here: list[Change],
    view: View,
) -> Proposal:
    undone = {(one.new, one.old) for one in here}
    known: set[tuple[str, int, str, str]] = set()
    chosen_from: list[EditCandidate] = []
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
