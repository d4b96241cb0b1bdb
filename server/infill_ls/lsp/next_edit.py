"""The next edit over LSP: ``textDocument/copilotInlineEdit`` and a code action.

LSP has no method for edits away from the cursor. Copilot's is what other clients speak
(sidekick.nvim, copilot.el, copilotlsp-nvim); the code action is for all editors. An edit names the
version of the document that it was made for, and is not made if that is no longer the document's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.workspace import TextDocument

from infill_ls.lsp.convert import position_of
from infill_ls.lsp.cursor import place_is_named
from infill_ls.lsp.instruct import instruct_actions
from infill_ls.lsp.server import InfillServer
from infill_ls.next_edit import Offer

log = logging.getLogger(__name__)

INLINE_EDIT = "textDocument/copilotInlineEdit"
"""``{textDocument: {uri, version}, position}``; ``{edits: [{text, range, textDocument, command}]}``."""
DID_SHOW = "textDocument/didShowInlineEdit"
"""``{item: {command}}``"""
ACCEPTED = "infill-ls.nextEditAccepted"
"""The command that each edit carries."""
REFUSED = "infill-ls.nextEditRefused"
"""For clients that tell of a dismissal; the same argument."""
APPLY = "infill-ls.applyNextEdits"
"""``[uri, version]``: for editors whose edits name no version. The server checks and applies."""
ACTION_KIND = lsp.CodeActionKind.RefactorRewrite
ANNOTATION = "infill-ls"


def handle_next_edit(server: InfillServer) -> None:
    """Add the handlers to the server."""

    @server.feature(INLINE_EDIT)
    async def inline_edit(params: Any) -> dict[str, Any]:
        uri, version = _asked(params)
        document = server.workspace.text_documents.get(unquote(uri))
        if document is None or (version is not None and version != document.version):
            return {"edits": []}
        version = document.version
        if (position := _position_in(params)) is not None:
            place_is_named(server, uri, position)
        proposal = await server.session.edits.propose(uri)
        # All are alternatives to most clients, and copilot.el takes the first: one at a time.
        offers = [offer for offer in proposal.offers if offer.uri == uri][:1]
        if document.version != version:
            return {"edits": []}
        return {"edits": [_inline_edit(server, document, offer) for offer in offers]}

    @server.feature(DID_SHOW)
    def did_show(params: Any) -> None:
        if (identity := _identity_of(params)) is not None:
            server.statistics.edit_told("shown", identity)

    @server.command(ACCEPTED)
    def accepted(identity: str) -> None:
        if server.session.edits.offer_of(identity) is not None:
            server.statistics.edit_told("accepted", identity)

    @server.command(REFUSED)
    def refused(identity: str) -> None:
        if server.session.edits.offer_of(identity) is not None:
            server.session.edits.refuse(identity)
            server.statistics.edit_told("refused", identity)

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
        asking = await instruct_actions(server, document, params)
        return [*(action for action in actions if action is not None), *asking]

    @server.command(APPLY)
    async def apply(uri: str, version: int) -> None:
        document = server.workspace.text_documents.get(unquote(uri))
        if document is None or document.version != version:
            log.info("the document has changed: nothing was applied")
            return
        proposal = await server.session.edits.propose(uri)
        offers = [offer for offer in proposal.offers if _stands(server, offer)]
        if offers and document.version == version:
            edit = lsp.WorkspaceEdit(changes=_changes(server, offers))
            server.workspace_apply_edit(
                lsp.ApplyWorkspaceEditParams(edit=edit, label=_title(offers))
            )


def _asked(params: Any) -> tuple[str, int | None]:
    match params:
        case {"textDocument": {"uri": str(uri), "version": int(version)}}:
            return uri, version
        case {"textDocument": {"uri": str(uri)}}:
            return uri, None
    raise JsonRpcInvalidParams("expected {textDocument: {uri, version}, position}")


def _position_in(params: Any) -> lsp.Position | None:
    match params:
        case {"position": {"line": int(line), "character": int(character)}}:
            return lsp.Position(max(line, 0), max(character, 0))
    return None


def _inline_edit(server: InfillServer, document: TextDocument, offer: Offer) -> dict[str, Any]:
    identity = server.session.edits.remember(offer)
    language = document.language_id or ""
    server.statistics.edit_offered(identity, language, offer.rule.value, len(offer.new))
    edit_range = _range(document.source, offer, server)
    return {
        "text": offer.new,
        "range": {
            "start": {"line": edit_range.start.line, "character": edit_range.start.character},
            "end": {"line": edit_range.end.line, "character": edit_range.end.character},
        },
        "textDocument": {"uri": document.uri, "version": document.version},
        "command": {"title": offer.why, "command": ACCEPTED, "arguments": [identity]},
    }


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
    changes = []
    for uri, mine in _by_document(offers).items():
        document = server.workspace.text_documents[unquote(uri)]
        edits: list[lsp.TextEdit | lsp.AnnotatedTextEdit | lsp.SnippetTextEdit] = []
        for offer in mine:
            place = _range(document.source, offer, server)
            if annotated:
                edits.append(lsp.AnnotatedTextEdit(ANNOTATION, place, offer.new))
            else:
                edits.append(lsp.TextEdit(place, offer.new))
        identifier = lsp.OptionalVersionedTextDocumentIdentifier(uri, document.version)
        changes.append(lsp.TextDocumentEdit(identifier, edits))
    annotation = lsp.ChangeAnnotation(
        label=_title(offers), needs_confirmation=not confirmed, description=offers[0].why
    )
    return lsp.WorkspaceEdit(
        document_changes=changes, change_annotations={ANNOTATION: annotation} if annotated else None
    )


def _changes(server: InfillServer, offers: Sequence[Offer]) -> dict[str, list[lsp.TextEdit]]:
    return {
        uri: [
            lsp.TextEdit(
                _range(server.workspace.text_documents[unquote(uri)].source, offer, server), offer.new
            )
            for offer in mine
        ]
        for uri, mine in _by_document(offers).items()
    }  # fmt: skip


def _by_document(offers: Sequence[Offer]) -> dict[str, list[Offer]]:
    found: dict[str, list[Offer]] = {}
    for offer in offers:
        found.setdefault(offer.uri, []).append(offer)
    return found


def _stands(server: InfillServer, offer: Offer) -> bool:
    document = server.workspace.text_documents.get(unquote(offer.uri))
    return document is not None and offer.stands_in(document.source)


def _range(text: str, offer: Offer, server: InfillServer) -> lsp.Range:
    return lsp.Range(
        position_of(text, offer.start, server.encoding),
        position_of(text, offer.end, server.encoding),
    )


def _title(offers: Sequence[Offer]) -> str:
    count = len(offers)
    return f"Apply this change to {count} more {'place' if count == 1 else 'places'}"


def _holds(asked: str, kind: str) -> bool:
    return kind == asked or kind.startswith(f"{asked}.") or asked == ""


def _identity_of(params: Any) -> str | None:
    match params:
        case {"item": {"command": {"arguments": [str(identity), *_]}}}:
            return identity
    return None
