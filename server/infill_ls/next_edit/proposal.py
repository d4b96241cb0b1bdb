"""What is proposed: offers, each with the text that it replaces, and what was declined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from infill_ls.next_edit.candidate import Rule
from infill_ls.next_edit.history import Key
from infill_ls.next_edit.judge import EditVerdict
from infill_retrieval.syntax import Language


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is open."""

    text: str
    language: Language


NO_DOCUMENTS: Mapping[str, Document] = MappingProxyType({})


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
    verdict: EditVerdict

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


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return f"`{line[:40]}…`" if len(line) > 40 else f"`{line}`" if line else ""
