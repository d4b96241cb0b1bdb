"""The code actions of the next edit: the same change at all places, in files that are not open too.

An edit of an open document names the version that it was made for. A file that is not open has none: its
edits are made by the server, at the moment at which they are asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from lsprotocol import types as lsp
from pygls.workspace import TextDocument

from infill_ls.lsp.convert import position_of
from infill_ls.lsp.cursor import place_is_named
from infill_ls.lsp.instruct import instruct_actions
from infill_ls.lsp.server import InfillServer
from infill_ls.next_edit import Offer
from infill_ls.session.edits import InClosedFiles

log = logging.getLogger(__name__)

APPLY = "infill-ls.applyNextEdits"
"""``[uri, version]``: for editors whose edits name no version. The server checks and applies."""
APPLY_IN_CLOSED = "infill-ls.applyNextEditsInClosedFiles"
"""``[uri, version]``: for files that are not open. The server reads them again, checks and applies."""
ACTION_KIND = lsp.CodeActionKind.RefactorRewrite
ANNOTATION = "infill-ls"


def handle_next_edit_actions(server: InfillServer) -> None:
    """Add the handlers to the server."""

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=[ACTION_KIND])
    )
    async def code_action(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        only = params.context.only
        if only and not any(_holds(str(kind), ACTION_KIND.value) for kind in only):
            return []
        uri = params.text_document.uri
        document = server.workspace.text_documents.get(unquote(uri))
        if document is None:
            return []
        place_is_named(server, uri, params.range.end)
        version = document.version
        proposal = await server.session.edits.propose(uri)
        if document.version != version:
            return []
        offers = [offer for offer in proposal.offers if _stands(server, offer)]
        actions = [_action(server, uri, version, offers)] if offers else []
        if params.context.trigger_kind == lsp.CodeActionTriggerKind.Invoked:
            asked = [offer for offer in proposal.asked if _stands(server, offer)]
            if len(asked) > len(offers):
                actions.append(_unsure_action(server, asked, len(asked) - len(offers)))
            actions.append(await _action_in_closed(server, uri, version))
            if document.version != version:
                return []
        asking = await instruct_actions(server, document, params)
        return [*(action for action in actions if action is not None), *asking]

    @server.command(APPLY)
    async def apply(uri: str, version: int) -> None:
        document = _as_it_was(server, uri, version)
        if document is None:
            return
        proposal = await server.session.edits.propose(uri)
        offers = [offer for offer in proposal.offers if _stands(server, offer)]
        if offers and document.version == version:
            texts = {
                offer.uri: server.workspace.text_documents[unquote(offer.uri)].source
                for offer in offers
            }
            edit = lsp.WorkspaceEdit(changes=_changes(server, offers, texts))
            _apply_edit(server, edit, _title(offers))

    @server.command(APPLY_IN_CLOSED)
    async def apply_in_closed(uri: str, version: int) -> None:
        document = _as_it_was(server, uri, version)
        if document is None:
            return
        found = await server.session.edits.propose_in_closed(uri)
        if found.offers and document.version == version:
            edit = _edit_of_closed(server, found)
            _apply_edit(server, edit, _title_in_closed(found))


def _as_it_was(server: InfillServer, uri: str, version: int) -> TextDocument | None:
    """Return an open document if it still is the version that an action was made for."""
    document: TextDocument | None = server.workspace.text_documents.get(unquote(uri))
    if document is None or document.version != version:
        log.info("the document has changed: nothing was applied")
        return None
    return document


def _apply_edit(server: InfillServer, edit: lsp.WorkspaceEdit, label: str) -> None:
    server.workspace_apply_edit(lsp.ApplyWorkspaceEditParams(edit=edit, label=label))


def _action(
    server: InfillServer, uri: str, version: int | None, offers: Sequence[Offer]
) -> lsp.CodeAction | None:
    workspace = server.client_capabilities.workspace
    can = workspace.workspace_edit if workspace is not None else None
    action = lsp.CodeAction(title=_title(offers), kind=ACTION_KIND)
    if can is not None and can.document_changes:
        action.edit = _versioned(
            server, offers, annotated=can.change_annotation_support is not None
        )
    elif workspace is not None and workspace.apply_edit:
        action.command = lsp.Command(_title(offers), APPLY, arguments=[uri, version])
    else:
        return None
    return action


async def _action_in_closed(
    server: InfillServer, uri: str, version: int | None
) -> lsp.CodeAction | None:
    """Return an action for files that are not open; ``None`` if none has a place for the change.

    It is a command, not an edit: such files have no version with which an editor would notice that
    they have changed since.
    """
    workspace = server.client_capabilities.workspace
    if workspace is None or not workspace.apply_edit:
        return None
    found = await server.session.edits.propose_in_closed(uri)
    if not found.offers:
        return None
    title = _title_in_closed(found)
    command = lsp.Command(title, APPLY_IN_CLOSED, arguments=[uri, version])
    return lsp.CodeAction(title=title, kind=ACTION_KIND, command=command)


def _edit_of_closed(server: InfillServer, found: InClosedFiles) -> lsp.WorkspaceEdit:
    """Return the edits of files without a version; looked over first where the editor can."""
    workspace = server.client_capabilities.workspace
    can = workspace.workspace_edit if workspace is not None else None
    if can is None or not can.document_changes:
        return lsp.WorkspaceEdit(changes=_changes(server, found.offers, found.texts))
    annotation = lsp.ChangeAnnotation(
        label=_title_in_closed(found), needs_confirmation=True, description=found.offers[0].why
    )
    is_annotated = can.change_annotation_support is not None
    return _edit_of(server, found.offers, found.texts, {}, annotation if is_annotated else None)


def _title_in_closed(found: InClosedFiles) -> str:
    files = len({offer.uri for offer in found.offers})
    where = "a file that is" if files == 1 else f"{files} files that are"
    return f"{_title(found.offers)} in {where} not open…"


def _unsure_action(
    server: InfillServer, offers: Sequence[Offer], unsure: int
) -> lsp.CodeAction | None:
    """Return an action that is looked over first; ``None`` where the editor cannot show it."""
    workspace = server.client_capabilities.workspace
    can = workspace.workspace_edit if workspace is not None else None
    if can is None or not can.document_changes or can.change_annotation_support is None:
        return None
    action = lsp.CodeAction(title=f"{_title(offers)} ({unsure} unsure)…", kind=ACTION_KIND)
    action.edit = _versioned(server, offers, annotated=True, confirmed=False)
    return action


def _versioned(
    server: InfillServer, offers: Sequence[Offer], *, annotated: bool, confirmed: bool = True
) -> lsp.WorkspaceEdit:
    texts = {offer.uri: server.workspace.text_documents[unquote(offer.uri)] for offer in offers}
    return _edit_of(
        server,
        offers,
        {uri: document.source for uri, document in texts.items()},
        {uri: document.version for uri, document in texts.items()},
        lsp.ChangeAnnotation(
            label=_title(offers), needs_confirmation=not confirmed, description=offers[0].why
        )
        if annotated
        else None,
    )


def _edit_of(
    server: InfillServer,
    offers: Sequence[Offer],
    texts: Mapping[str, str],
    versions: Mapping[str, int | None],
    annotation: lsp.ChangeAnnotation | None,
) -> lsp.WorkspaceEdit:
    changes: list[lsp.TextDocumentEdit | lsp.CreateFile | lsp.RenameFile | lsp.DeleteFile] = []
    for uri, mine in _by_document(offers).items():
        edits: list[lsp.TextEdit | lsp.AnnotatedTextEdit | lsp.SnippetTextEdit] = []
        for offer in mine:
            place = range_of(texts[uri], offer, server)
            if annotation is not None:
                edits.append(lsp.AnnotatedTextEdit(ANNOTATION, place, offer.new))
            else:
                edits.append(lsp.TextEdit(place, offer.new))
        identifier = lsp.OptionalVersionedTextDocumentIdentifier(uri, versions.get(uri))
        changes.append(lsp.TextDocumentEdit(identifier, edits))
    return lsp.WorkspaceEdit(
        document_changes=changes,
        change_annotations={ANNOTATION: annotation} if annotation is not None else None,
    )


def _changes(
    server: InfillServer, offers: Sequence[Offer], texts: Mapping[str, str]
) -> dict[str, list[lsp.TextEdit]]:
    return {
        uri: [lsp.TextEdit(range_of(texts[uri], offer, server), offer.new) for offer in mine]
        for uri, mine in _by_document(offers).items()
    }


def _by_document(offers: Sequence[Offer]) -> dict[str, list[Offer]]:
    found: dict[str, list[Offer]] = {}
    for offer in offers:
        found.setdefault(offer.uri, []).append(offer)
    return found


def _stands(server: InfillServer, offer: Offer) -> bool:
    document = server.workspace.text_documents.get(unquote(offer.uri))
    return document is not None and offer.stands_in(document.source)


def range_of(text: str, offer: Offer, server: InfillServer) -> lsp.Range:
    """Return the range of what an offer replaces in a text."""
    return lsp.Range(
        position_of(text, offer.start, server.encoding),
        position_of(text, offer.end, server.encoding),
    )


def _title(offers: Sequence[Offer]) -> str:
    count = len(offers)
    return f"Apply this change to {count} more {'place' if count == 1 else 'places'}"


def _holds(asked: str, kind: str) -> bool:
    return kind == asked or kind.startswith(f"{asked}.") or asked == ""
