"""Notebook files as documents: to learn from and to measure on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from infill_ls.document.cells import NotebookCell, shown
from infill_retrieval.syntax import PLAIN_TEXT, language_of

SUFFIX = ".ipynb"
MOST_BYTES = 4_000_000
"""Pictures and tables, which are left out, make notebooks long."""
_PYTHON = language_of("", "python")
_MARKDOWN = language_of("", "markdown")
_KINDS = {"code": _PYTHON, "markdown": _MARKDOWN, "raw": PLAIN_TEXT}


@dataclass(frozen=True)
class Notebook:
    """The cells of one notebook in Python, without what they printed."""

    cells: tuple[NotebookCell, ...]

    @property
    def text(self) -> str:
        """All cells as one document, the text between them as comments: more than the server shows."""
        return "".join(f"{shown(cell, _PYTHON)}\n" for cell in self.cells)

    def starts(self) -> list[int]:
        """Return where each cell begins in ``text``, and at the end the length of it."""
        found = [0]
        for cell in self.cells:
            found.append(found[-1] + len(shown(cell, _PYTHON)) + 1)
        return found

    def has_code(self, number: int) -> bool:
        """Return whether the cell ``number`` is code."""
        return self.cells[number].language is _PYTHON


def read_notebook(raw: str) -> Notebook | None:
    """Return the notebook in a file; ``None`` if it is no notebook, or one of another language."""
    try:
        record = json.loads(raw)
        cells = [_cell(one) for one in record["cells"]]
        kernel = record.get("metadata", {}).get("kernelspec", {})
        language = str(kernel.get("language") or kernel.get("name") or "python")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if language.rstrip("0123456789") not in {"python", "ipython"}:
        return None
    return Notebook(tuple(cell for cell in cells if cell.text.strip()))


def _cell(record: dict[str, Any]) -> NotebookCell:
    source = record["source"]
    text = source if isinstance(source, str) else "".join(source)
    return NotebookCell(text, _KINDS.get(record["cell_type"], PLAIN_TEXT))
