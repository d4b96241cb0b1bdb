"""Records for declarations and imports found in a file of any language."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAX_SIGNATURE_LINES = 8
MAX_DECLARATIONS = 2000
"""Most declarations kept of one file; generated bindings have tens of thousands."""


class DeclarationKind(StrEnum):
    """What a declaration is, as far as retrieval cares."""

    TYPE = "type"
    FUNCTION = "function"
    VALUE = "value"
    FIELD = "field"


@dataclass(frozen=True, slots=True)
class Declaration:
    """A named thing and the lines that declare it, its body left out."""

    name: str
    kind: DeclarationKind
    first_line: int
    last_line: int
    """Last line of the signature, included."""
    end_column: int
    """Column in ``last_line`` where the body begins; -1 if all of the line belongs to it."""
    parent: int
    """Place of the enclosing type in the file's declarations, or -1."""
    owner: str = ""
    """Name of the type it is a member of, if that does not enclose it: ``func (o *Owner) name()``."""
    types: tuple[str, ...] = ()
    """Names of its types: the bases of a type, what a function returns, what a field is. A name with
    ``()`` behind it is a function whose result it holds."""


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, in the words of the language, and the names taken from it."""

    module: str
    names: tuple[str, ...] = ()
    """Names taken one by one; empty if the module itself, or all of it, is imported."""
    aliases: tuple[str, ...] = ()
    """Names that the importing file uses for the module or for what it takes from it."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline of a file: what it declares and what it imports."""

    declarations: tuple[Declaration, ...] = ()
    imports: tuple[Import, ...] = ()
    package: str = ""


EMPTY_OUTLINE = Outline()
