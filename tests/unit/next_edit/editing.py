"""Helper that plays an editor: versions of a document in, next edits out."""

from __future__ import annotations

from collections.abc import Mapping

from infill_ls.next_edit import Document, History, Offer, Proposal, propose
from infill_ls.next_edit.candidate import Rule
from infill_retrieval.syntax import PLAIN_TEXT, language_named

URI = "file:///project/a"


def history_of(*versions: str, uri: str = URI) -> History:
    history = History()
    history.opened(uri, versions[0])
    for version in versions[1:]:
        history.changed(uri, version)
    return history


def proposed(
    *versions: str, language: str = "python", others: Mapping[str, str] | None = None
) -> Proposal:
    """Return what is proposed after the versions of a document, beside other open ones."""
    history = History()
    found = language_named(language) or PLAIN_TEXT
    documents = {URI: Document(versions[-1], found)}
    for uri, text in (others or {}).items():
        history.opened(uri, text)
        documents[uri] = Document(text, found)
    history.opened(URI, versions[0])
    for version in versions[1:]:
        history.changed(URI, version)
    return propose(URI, documents, history.edits, history.refused)


def found_by(
    rule: Rule,
    *versions: str,
    language: str = "python",
    others: Mapping[str, str] | None = None,
) -> list[Offer]:
    """Return what a rule has found, whatever the judge says, in the order of the text."""
    proposal = proposed(*versions, language=language, others=others)
    both = (*proposal.offers, *proposal.declined)
    return sorted((one for one in both if one.rule is rule), key=lambda one: (one.uri, one.start))


def applied(text: str, offers: list[Offer]) -> str:
    """Return the document with all offers applied."""
    for offer in sorted(offers, key=lambda one: -one.start):
        text = offer.applied_to(text)
    return text
