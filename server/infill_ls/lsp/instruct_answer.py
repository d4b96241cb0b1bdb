"""The answer to an instruction in LSP terms: the edit, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

from infill_ls.asking import Instruction
from infill_ls.instruct import DocumentEdit, Task
from infill_ls.lsp.convert import position_of
from infill_ls.lsp.pygls_fixes import plain_converter
from infill_ls.lsp.server import InfillServer
from infill_ls.session.asks import TestsPlace

ANNOTATION = "infill-ls.instruct"
CHANGED = "the text there has changed meanwhile: nothing was changed"


@dataclass(frozen=True, slots=True)
class Preview:
    """The options of a client that shows the edit itself and applies it when the user accepts."""

    token: str | None
    """Its own token, for progress and to cancel by."""
    attempt: int
    """How often the same was asked for before."""

    @classmethod
    def of(cls, wanted: Any) -> Preview | None:
        """Return what the last argument of a command says, ``{preview, token, attempt}``; ``None`` for no preview."""
        if wanted is None or member(wanted, "preview") is not True:
            return None
        token, attempt = member(wanted, "token"), member(wanted, "attempt")
        is_count = isinstance(attempt, int) and not isinstance(attempt, bool) and attempt >= 0
        if not isinstance(token, str | None) or not (attempt is None or is_count):
            raise JsonRpcInvalidParams("expected {preview, token, attempt}")
        return cls(token or None, attempt or 0)


@dataclass(frozen=True, slots=True)
class Teller:
    """Says things to the user, unless the client does that."""

    server: InfillServer
    is_silent: bool

    def say(self, words: str) -> None:
        """Say something that went well."""
        if not self.is_silent:
            self.server.show(lsp.MessageType.Info, words)

    def told(self, message: str) -> dict[str, Any]:
        """Say why nothing is changed, and return that as a result."""
        if not self.is_silent:
            self.server.show(lsp.MessageType.Warning, message)
        return result_of(message=message)


def result_of(
    *, is_applied: bool = False, message: str = "", words: str = "", **more: Any
) -> dict[str, Any]:
    """Return the result of a command."""
    return {"applied": is_applied, "message": message, "words": words, **more}


def title_of(asked: Instruction) -> str:
    """Return the title of the task."""
    return {
        Task.IMPLEMENT: "Implement the function",
        Task.REWRITE: "Rewrite",
        Task.EXPLAIN: "Explain",
        Task.DOCUMENT: "Document the function",
        Task.TESTS: "Write tests",
    }[asked.task]


def workspace_edit(
    server: InfillServer,
    asked: Instruction,
    edit: DocumentEdit,
    tests: TestsPlace | None,
    *,
    confirm: bool,
) -> lsp.WorkspaceEdit | str:
    """Return an edit in the editor's words, or why it cannot be made now.

    With ``confirm`` it is looked over first, where the client can show that.
    """
    title = title_of(asked) if confirm else ""
    if tests is not None:
        return _edit_of_tests(server, tests, edit, title)
    document = server.workspace.text_documents.get(unquote(asked.snapshot.uri))
    # Who types on elsewhere in the document meanwhile loses nothing.
    moved = edit.moved(asked.snapshot.text, document.source) if document is not None else None
    if document is None or moved is None:
        return CHANGED
    edits = _text_edits(server, document.source, moved)
    can = _edits_of_client(server)
    if confirm and (can is None or not can.document_changes):
        return lsp.WorkspaceEdit(changes={document.uri: edits})
    identifier = lsp.OptionalVersionedTextDocumentIdentifier(document.uri, document.version)
    return _annotated(server, identifier, edits, title)


def as_plain(edit: lsp.WorkspaceEdit) -> Any:
    """Return an edit as it is sent inside of a result."""
    return plain_converter().unstructure(edit, lsp.WorkspaceEdit)


def member(value: Any, name: str) -> Any:
    """Return a member of an object in the parameters of a command; ``None`` if it has none."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _text_edits(server: InfillServer, text: str, edit: DocumentEdit) -> list[lsp.TextEdit]:
    return [
        lsp.TextEdit(
            lsp.Range(
                position_of(text, one.start, server.encoding),
                position_of(text, one.end, server.encoding),
            ),
            one.new,
        )
        for one in edit.changes
    ]


def _edit_of_tests(
    server: InfillServer, tests: TestsPlace, edit: DocumentEdit, title: str
) -> lsp.WorkspaceEdit | str:
    """Return the edit of the file of tests, which is made if there is none; or why it cannot be."""
    can = _edits_of_client(server)
    asks_us = bool(title)  # who shows the edit makes it by itself
    if asks_us and (can is None or not can.document_changes):
        return "the editor does not edit other files"
    uri = tests.path.as_uri()
    if tests.text is None:
        kinds = (can.resource_operations if can is not None else None) or ()
        if asks_us and lsp.ResourceOperationKind.Create not in kinds:
            return f"the editor does not create files: create {tests.name} and ask again"
        identifier = lsp.OptionalVersionedTextDocumentIdentifier(uri, None)
        made = _annotated(server, identifier, _text_edits(server, "", edit), title)
        create = lsp.CreateFile(uri, options=lsp.CreateFileOptions(overwrite=False))
        made.document_changes = [create, *(made.document_changes or ())]
        return made
    document = server.workspace.text_documents.get(unquote(uri))
    text = document.source if document is not None else tests.text
    if not edit.fits(text) or text != tests.text:
        return CHANGED
    version = document.version if document is not None else None
    identifier = lsp.OptionalVersionedTextDocumentIdentifier(uri, version)
    return _annotated(server, identifier, _text_edits(server, text, edit), title)


def _annotated(
    server: InfillServer,
    identifier: lsp.OptionalVersionedTextDocumentIdentifier,
    edits: list[lsp.TextEdit],
    title: str,
) -> lsp.WorkspaceEdit:
    """Return an edit that is looked over first if it has a title, and where the client can show that."""
    can = _edits_of_client(server)
    if not title or can is None or can.change_annotation_support is None:
        return lsp.WorkspaceEdit(document_changes=[lsp.TextDocumentEdit(identifier, edits)])
    annotated = lsp.TextDocumentEdit(
        identifier, [lsp.AnnotatedTextEdit(ANNOTATION, one.range, one.new_text) for one in edits]
    )
    annotation = lsp.ChangeAnnotation(label=title, needs_confirmation=True)
    return lsp.WorkspaceEdit(
        document_changes=[annotated], change_annotations={ANNOTATION: annotation}
    )


def _edits_of_client(server: InfillServer) -> lsp.WorkspaceEditClientCapabilities | None:
    workspace = server.client_capabilities.workspace
    return workspace.workspace_edit if workspace is not None else None
