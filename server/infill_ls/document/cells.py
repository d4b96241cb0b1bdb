"""A notebook's cells as one document, for the cell that has the cursor.

Cells of the cursor's language stand as they are, one after the other. Of those in another language, such as
the text between them, only what stands right above the cursor's cell is shown, as comments: it often says
what is to come. All of the text cost the model more right lines than it brought (``bench/model/forms.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infill_ls.document.lines import with_lf
from infill_retrieval.syntax import Language


@dataclass(frozen=True, slots=True)
class NotebookCell:
    """One cell and its language."""

    text: str
    language: Language


def around(cells: Sequence[NotebookCell], place: int, language: Language) -> tuple[str, str]:
    """Return the text before and after the cell at ``place``, each with the line ends it needs."""
    above = [cell for cell in cells[: max(0, place - 1)] if cell.language is language]
    above += cells[max(0, place - 1) : place]
    below = [cell for cell in cells[place + 1 :] if cell.language is language]
    before = "".join(f"{shown(cell, language)}\n" for cell in above)
    return before, "".join(f"\n{shown(cell, language)}" for cell in below)


def shown(cell: NotebookCell, language: Language) -> str:
    """Return a cell's text as it stands in a document of ``language``, without a line end behind it."""
    text = with_lf(cell.text).rstrip("\n")
    if cell.language is language:
        return text
    end = f" {language.comment_end}" if language.comment_end else ""
    return "\n".join(f"{language.comment} {line}{end}".rstrip() for line in text.split("\n"))
