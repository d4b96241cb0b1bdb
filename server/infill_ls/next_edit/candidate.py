"""A candidate: a place that may need the same change, with its features for the judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from infill_ls.next_edit.changes import Change
from infill_ls.next_edit.view import View

PROVED = "proved by declaration"
"""The feature of a place that is wrong as it stands."""

NOT_OPEN = "not open"
"""The feature of a place in a file that nobody looks at; not learnt."""


class Rule(StrEnum):
    """What found the place."""

    NAME = "name"
    """A replaced name, at another place."""
    CASING = "casing"
    """The same name in another spelling, or as a part of a longer one."""
    LITERAL = "literal"
    """A changed number or text."""
    TYPE = "type"
    """A changed type."""
    TEXT = "text"
    """Other tokens that were replaced."""
    DELETION = "deletion"
    """Tokens that were taken out of a line."""
    INSERTION = "insertion"
    """Tokens that were put in between like tokens."""
    ARGUMENT = "argument"
    """An argument added to calls of the same function."""
    SIGNATURE = "signature"
    """A changed list of parameters: calls must follow."""
    LINES_ADDED = "lines added"
    LINES_REMOVED = "lines removed"
    COPY = "copy"
    """A line copied with another name: where the first one is listed, the other belongs too."""
    WRAP = "wrap"
    UNWRAP = "unwrap"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class EditCandidate:
    """``old`` at ``start`` of the document would become ``new``."""

    uri: str
    start: int
    old: str
    new: str
    rule: Rule
    key: tuple[str, str]
    """The change that it repeats."""
    features: dict[str, float] = field(default_factory=dict, compare=False)

    @property
    def end(self) -> int:
        """Where ``old`` ends."""
        return self.start + len(self.old)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A change of the last edit, and those of earlier ones that agree with it."""

    change: Change
    agreeing: tuple[Change, ...]
    """In the same document, the change itself among them."""
    support: int
    """How often it was made, in whatever document."""
    view: View
    earlier: tuple[Change, ...] = ()
    """All that was changed lately, the latest first, in whatever document."""
    others: tuple[View, ...] = ()
    """Other open documents, of the same family of languages."""
    together: tuple[Change, ...] = ()
    """All that the edit changed to which the change belongs."""
    beside: tuple[Change, ...] = ()
    """All that the other of the latest two edits changed."""
    spans: tuple[tuple[int, int], ...] = ()
    """Where the latest edits lie in the document."""
    edits: int = 1
    """In how many of these the change was made."""
    features: dict[str, float] = field(default_factory=dict, compare=False)
    """What is the same at all of its places."""
