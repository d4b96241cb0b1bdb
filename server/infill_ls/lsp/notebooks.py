"""Notebooks: the cells before and after the one with the cursor, as if all were one document.

A client that synchronizes notebooks sends no ``didOpen`` for cells: they come with the notebook. One
that does not sends cells as documents of their own, with ``vscode-notebook-cell:`` addresses that
share the notebook's path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit

from lsprotocol import types as lsp
from pygls.workspace import TextDocument, Workspace

from infill_ls.document.cells import NotebookCell, around
from infill_retrieval.syntax import language_of

CELL_SCHEME = "vscode-notebook-cell"
SYNC = lsp.NotebookDocumentSyncOptions(
    notebook_selector=[
        lsp.NotebookDocumentFilterWithNotebook(
            notebook="*", cells=[lsp.NotebookCellLanguage(language="*")]
        )
    ]
)


def notebook_of(workspace: Workspace, uri: str) -> str | None:
    """Return the address of the notebook that a cell belongs to, or ``None`` if it is no cell."""
    notebook = workspace.get_notebook_document(cell_uri=uri)
    if notebook is not None:
        return notebook.uri
    parts = urlsplit(uri)
    return f"file://{parts.netloc}{parts.path}" if parts.scheme == CELL_SCHEME else None


def cells_around(workspace: Workspace, uri: str, language_id: str) -> tuple[str, str]:
    """Return the text of the cells before and after a cell, each with the line ends it needs.

    Both are empty for what is no cell.
    """
    cells = _cells(workspace, uri)
    place = next((n for n, cell in enumerate(cells) if unquote(cell.uri) == unquote(uri)), None)
    if place is None:
        return "", ""
    shown = [NotebookCell(cell.source, language_of("", cell.language_id or "")) for cell in cells]
    return around(shown, place, language_of("", language_id))


def _cells(workspace: Workspace, uri: str) -> Sequence[TextDocument]:
    notebook = workspace.get_notebook_document(cell_uri=uri)
    if notebook is not None:
        addresses: Iterator[str] = (unquote(cell.document) for cell in notebook.cells)
        found = (workspace.text_documents.get(address) for address in addresses)
        return [document for document in found if document is not None]
    parts = urlsplit(uri)
    if parts.scheme != CELL_SCHEME:
        return []
    # In the order in which they were opened, which is that of the notebook as it was opened.
    return [
        document
        for document in workspace.text_documents.values()
        if urlsplit(document.uri)[:3] == parts[:3]
    ]
