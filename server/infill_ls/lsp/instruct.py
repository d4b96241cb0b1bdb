"""Instructions over LSP: code actions and commands, progress, one edit.

All by standard methods, so that every client has them: a command (``workspace/executeCommand``) works
with progress that can be cancelled, and ends with one ``workspace/applyEdit``, to be looked over first
where the client can show that. The document must be what it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.workspace import TextDocument

from infill_ls.asking import Answered, Asked, Progress
from infill_ls.errors import InfillError
from infill_ls.instruct import Edit, Task, find_place, has_empty_body
from infill_ls.instruct.task import NothingToDoError
from infill_ls.lsp.convert import offset_of, position_of
from infill_ls.lsp.progress import work_done_progress
from infill_ls.lsp.server import InfillServer
from infill_ls.session import Superseded
from infill_ls.session.asks import TestsPlace
from infill_ls.types import Trigger
from infill_retrieval.syntax import Language, language_of

log = logging.getLogger(__name__)

COMMANDS = {task: f"infill-ls.ask.{task.value}" for task in Task}
"""``[uri, range, version or null, instruction]``, of which the last two may be left out."""
EXPECT = "infill-ls.ask.expect"
"""``[uri, range]``: an instruction is being typed; what stands before it is read meanwhile."""
ACTION_KIND = lsp.CodeActionKind.RefactorRewrite
ANNOTATION = "infill-ls.instruct"
WAITS_AT_COMMANDS = frozenset({"Eglot", "emacs"})
"""Clients that can do nothing while a command runs: they have its answer at once, and the edit later."""
TITLES = {
    Task.IMPLEMENT: "Implement {name}",
    Task.REWRITE: "Rewrite as the comment says",
    Task.EXPLAIN: "Explain {name}",
    Task.DOCUMENT: "Document {name}",
    Task.TESTS: "Write tests for {name}",
}
SHOWN_CHARS = 400
"""Of an outline in a progress bar: its end."""
TITLE_CHARS = 60
MOST_UNASKED_CHARS = 200_000
"""A longer document is not parsed whenever the cursor moves, only when the user opens the menu."""
EXPECTED = "expected [uri, range, version, instruction]"
CHANGED = "the document has changed meanwhile: nothing is changed"


def handle_instructions(server: InfillServer) -> None:
    """Add the handlers to the server."""
    for task, command in COMMANDS.items():
        server.command(command)(_runner(server, task))

    @server.command(EXPECT)
    def expect(uri: str, where: Any) -> None:
        asked = _asked(server, Task.EXPLAIN, uri, _range_of(where), "")
        if asked is not None:
            server.session.expect_ask(asked)


async def instruct_actions(
    server: InfillServer, document: TextDocument, params: lsp.CodeActionParams
) -> list[lsp.CodeAction]:
    """Return what can be asked for at a place: all if the user looks for it, else a body to be written."""
    workspace = server.client_capabilities.workspace
    if workspace is None or not workspace.apply_edit:
        return []
    text, language_id = document.source, document.language_id or ""
    start = offset_of(text, params.range.start, server.encoding)
    end = offset_of(text, params.range.end, server.encoding)
    language = language_of(document.uri, language_id)
    is_invoked = params.context.trigger_kind == lsp.CodeActionTriggerKind.Invoked
    if not is_invoked and len(text) > MOST_UNASKED_CHARS:
        return []
    version = document.version
    offers = await asyncio.to_thread(
        lambda: tuple(_offers(text, document.uri, language_id, start, end, language))
    )
    if document.version != version:
        return []
    has_model = server.session.asks.has_model
    actions = []
    for task, title, instruction, is_wanted in offers:
        if (is_invoked and (has_model or task is Task.IMPLEMENT)) or is_wanted:
            where = _plain(params.range)
            arguments = [document.uri, where, version, instruction]
            command = lsp.Command(title, COMMANDS[task], arguments=arguments)
            actions.append(lsp.CodeAction(title=title, kind=ACTION_KIND, command=command))
    if is_invoked and actions and has_model:
        asked = _asked(server, Task.EXPLAIN, document.uri, params.range, "")
        if asked is not None:
            server.session.expect_ask(asked)
    return actions


def _offers(
    text: str, uri: str, language_id: str, start: int, end: int, language: Language
) -> Iterator[tuple[Task, str, str, bool]]:
    """Yield what fits the place: a task, its title, an instruction, whether it suggests itself."""
    try:
        place = find_place(text, uri, language_id, start, end, Task.IMPLEMENT)
    except NothingToDoError:
        place = None
    if place is not None and place.function is not None:
        name = place.function.name
        is_empty = has_empty_body(place.function, text, language)
        if is_empty:
            yield Task.IMPLEMENT, TITLES[Task.IMPLEMENT].format(name=name), "", True
        else:
            for task in (Task.DOCUMENT, Task.TESTS, Task.EXPLAIN):
                yield task, TITLES[task].format(name=name), "", False
    selected = text[start:end].strip()
    if selected.startswith(language.comment) and "\n" in selected:
        instruction = selected.split("\n")[0].strip().strip(language.comment + "*/- ").strip()
        if instruction:
            short = (
                instruction if len(instruction) <= TITLE_CHARS else instruction[:TITLE_CHARS] + "…"
            )
            yield Task.REWRITE, f"{TITLES[Task.REWRITE]}: {short}", instruction, False


def _runner(server: InfillServer, task: Task) -> Callable[..., Any]:
    async def run(*arguments: Any) -> dict[str, Any] | None:  # pygls takes no optional ones
        match arguments:
            case [str(uri), where, *more] if len(more) <= 2:
                version, instruction = (*more, None, None)[:2]
            case _:
                raise JsonRpcInvalidParams(EXPECTED)
        document = server.workspace.text_documents.get(unquote(uri))
        asked = _asked(server, task, uri, _range_of(where), str(instruction or ""))
        if document is None or asked is None:
            return _told(server, "the document is not open")
        if isinstance(version, int) and version != document.version:
            return _told(server, CHANGED)
        work = _carry_out(server, asked, document.version)
        if server.client_name in WAITS_AT_COMMANDS:
            server.run_in_background(_without_answer(work))
            return None
        return await work

    return run


async def _without_answer(work: Any) -> None:
    await work


async def _carry_out(server: InfillServer, asked: Asked, version: int | None) -> dict[str, Any]:
    """Do what is asked and have the edit made; say why if there is none."""
    said: list[Progress] = []
    async with work_done_progress(server, _title_of(asked), can_cancel=True) as report:

        def tell(progress: Progress) -> None:
            said.append(progress)
            report(_shown(progress), None)

        asking = asyncio.ensure_future(server.session.ask(asked, tell))
        report.on_cancel(asking.cancel)
        try:
            answered, tests = await asking
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                raise  # by $/cancelRequest, which pygls answers
            return _result(message="cancelled: nothing is changed")
        except Superseded:
            return _result(message="another instruction for the document has taken its place")
        except InfillError as error:
            return _told(server, str(error))
    if answered.edit is None:
        server.show(lsp.MessageType.Info, answered.words)
        return _result(words=answered.words)
    return await _apply(server, asked, version, answered, tests)


async def _apply(
    server: InfillServer,
    asked: Asked,
    version: int | None,
    answered: Answered,
    tests: TestsPlace | None,
) -> dict[str, Any]:
    assert answered.edit is not None
    title = _title_of(asked)
    if tests is not None:
        edit = _edit_of_tests(server, tests, answered.edit, title)
        if isinstance(edit, str):
            return _told(server, edit)
    else:
        document = server.workspace.text_documents.get(unquote(asked.snapshot.uri))
        if document is None or document.version != version:
            return _told(server, CHANGED)
        if not answered.edit.fits(document.source):
            return _told(server, CHANGED)
        edit = _edit_in(server, document, answered.edit, title)
    try:
        params = lsp.ApplyWorkspaceEditParams(edit=edit, label=f"infill-ls: {title}")
        result = await server.workspace_apply_edit_async(params)
    except JsonRpcException as error:
        log.info("the editor refused an edit: %s", error)
        return _told(server, "the editor did not make the edit")
    if not result.applied:
        why = result.failure_reason or "it was not accepted"
        return _result(message=f"the edit was not made: {why}")
    if answered.note:
        server.show(lsp.MessageType.Info, answered.note)
    return _result(is_applied=True, message=answered.note)


def _edit_in(
    server: InfillServer, document: TextDocument, edit: Edit, title: str
) -> lsp.WorkspaceEdit:
    edits = _text_edits(server, document.source, edit)
    can = _edits_of_client(server)
    if can is None or not can.document_changes:
        return lsp.WorkspaceEdit(changes={document.uri: edits})
    identifier = lsp.OptionalVersionedTextDocumentIdentifier(document.uri, document.version)
    return _annotated(server, identifier, edits, title)


def _text_edits(server: InfillServer, text: str, edit: Edit) -> list[lsp.TextEdit]:
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
    server: InfillServer, tests: TestsPlace, edit: Edit, title: str
) -> lsp.WorkspaceEdit | str:
    """Return the edit of the file of tests, which is made if there is none; or why it cannot be."""
    can = _edits_of_client(server)
    if can is None or not can.document_changes:
        return "the editor makes no edits of other files"
    uri = tests.path.as_uri()
    if tests.text is None:
        kinds = can.resource_operations or ()
        if lsp.ResourceOperationKind.Create not in kinds:
            return f"the editor makes no new files: make {tests.name} and ask again"
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
    """Return an edit that is looked over first, where the client can show that."""
    can = _edits_of_client(server)
    if can is None or can.change_annotation_support is None:
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


def _asked(
    server: InfillServer, task: Task, uri: str, where: lsp.Range, instruction: str
) -> Asked | None:
    snapshot = server.snapshot(uri, where.start, Trigger.INVOKED)
    if snapshot is None:
        return None
    end = max(offset_of(snapshot.text, where.end, server.encoding), snapshot.offset)
    return Asked(snapshot, end, task, instruction)


def _range_of(where: Any) -> lsp.Range:
    def number(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise JsonRpcInvalidParams(EXPECTED)
        return value

    try:
        start, end = _member(where, "start"), _member(where, "end")
        return lsp.Range(
            lsp.Position(number(_member(start, "line")), number(_member(start, "character"))),
            lsp.Position(number(_member(end, "line")), number(_member(end, "character"))),
        )
    except (KeyError, TypeError, AttributeError):
        raise JsonRpcInvalidParams(EXPECTED) from None


def _member(value: Any, name: str) -> Any:
    return value[name] if isinstance(value, dict) else getattr(value, name)


def _plain(where: lsp.Range) -> dict[str, Any]:
    return {
        name: {"line": place.line, "character": place.character}
        for name, place in (("start", where.start), ("end", where.end))
    }


def _title_of(asked: Asked) -> str:
    return {
        Task.IMPLEMENT: "Implement the function",
        Task.REWRITE: "Rewrite",
        Task.EXPLAIN: "Explain",
        Task.DOCUMENT: "Document the function",
        Task.TESTS: "Write tests",
    }[asked.task]


def _shown(progress: Progress) -> str:
    """Return what a progress bar says: the outline as it grows, then how much code there is."""
    outline = progress.outline[-SHOWN_CHARS:]
    if progress.code_lines:
        return f"{progress.code_lines} lines of code, {progress.tokens} tokens"
    return outline or f"{progress.tokens} tokens"


def _told(server: InfillServer, message: str) -> dict[str, Any]:
    """Say to the user why nothing is changed."""
    server.show(lsp.MessageType.Warning, message)
    return _result(message=message)


def _result(*, is_applied: bool = False, message: str = "", words: str = "") -> dict[str, Any]:
    return {"applied": is_applied, "message": message, "words": words}
