"""Instructions over LSP: code actions and commands, progress, one edit.

All by standard methods, so that every client has them: a command (``workspace/executeCommand``) works
with progress that can be cancelled, and ends with one ``workspace/applyEdit``, to be looked over first
where the client can show that. The document must be what it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.workspace import TextDocument

from infill_ls.asking import Answered, Instruction, Progress
from infill_ls.errors import InfillError
from infill_ls.instruct import Task, find_place, has_empty_body
from infill_ls.instruct.task import NothingToDoError
from infill_ls.lsp.convert import offset_of
from infill_ls.lsp.instruct_answer import (
    CHANGED,
    Preview,
    Teller,
    as_plain,
    member,
    result_of,
    title_of,
    workspace_edit,
)
from infill_ls.lsp.progress import work_done_progress
from infill_ls.lsp.server import InfillServer
from infill_ls.session import Superseded
from infill_ls.session.asks import TestsPlace, needs_model
from infill_ls.types import Trigger
from infill_retrieval.syntax import Language, language_of

log = logging.getLogger(__name__)

COMMANDS = {task: f"infill-ls.ask.{task.value}" for task in Task}
"""``[uri, range, version or null, instruction, options]``, of which the last three may be left out."""
EXPECT = "infill-ls.ask.expect"
"""``[uri, range]``: an instruction is being typed; what stands before it is read meanwhile. Without a
model for it, the ``message`` of the result says so before anything is typed."""
ACTION_KIND = lsp.CodeActionKind.RefactorRewrite
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
EXPECTED = "expected [uri, range, version, instruction, options]"


def handle_instructions(server: InfillServer) -> None:
    """Add the handlers to the server."""
    for task, command in COMMANDS.items():
        server.command(command)(_runner(server, task))

    @server.command(EXPECT)
    def expect(uri: str, where: Any) -> dict[str, Any] | None:
        if not server.session.asks.has_model:
            return result_of(message=needs_model(Task.REWRITE))
        asked = _asked(server, Task.EXPLAIN, uri, _range_of(where), "")
        if asked is not None:
            server.session.expect_ask(asked)
        return None


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
            case [str(uri), where, *more] if len(more) <= 3:
                version, instruction, wanted = (*more, None, None, None)[:3]
            case _:
                raise JsonRpcInvalidParams(EXPECTED)
        preview = Preview.of(wanted)
        teller = Teller(server, is_silent=preview is not None)
        document = server.workspace.text_documents.get(unquote(uri))
        asked = _asked(server, task, uri, _range_of(where), str(instruction or ""))
        if document is None or asked is None:
            return teller.told("the document is not open")
        if isinstance(version, int) and version != document.version:
            return teller.told(CHANGED)
        if preview is not None:
            asked = replace(asked, attempt=preview.attempt)
        work = _carry_out(server, asked, teller, preview)
        if server.client_name in WAITS_AT_COMMANDS:
            server.run_in_background(_without_answer(work))
            return None
        return await work

    return run


async def _without_answer(work: Any) -> None:
    await work


async def _carry_out(
    server: InfillServer, asked: Instruction, teller: Teller, preview: Preview | None
) -> dict[str, Any]:
    """Carry out an instruction; apply the edit, return it for a preview, or say why there is none."""
    try:
        answered, tests = await _answer(server, asked, preview)
    except _EndedError as ended:
        return result_of(message=str(ended))
    except InfillError as error:
        return teller.told(str(error))
    if answered.edit is None:
        teller.say(answered.words)
        return result_of(words=answered.words)
    edit = workspace_edit(server, asked, answered.edit, tests, confirm=preview is None)
    if isinstance(edit, str):
        return teller.told(edit)
    if preview is not None:
        old = [change.old for change in answered.edit.changes]
        return result_of(message=answered.note, edit=as_plain(edit), old=old)
    return await _apply(server, edit, asked, answered, teller)


class _EndedError(Exception):
    """The user cancelled it."""


async def _answer(
    server: InfillServer, asked: Instruction, preview: Preview | None
) -> tuple[Answered, TestsPlace | None]:
    token = preview.token if preview is not None else None
    bar = work_done_progress(server, title_of(asked), can_cancel=True, of_client=token)
    async with bar as report:
        asking = asyncio.ensure_future(
            server.session.ask(asked, lambda progress: report(_shown(progress), None))
        )
        report.on_cancel(asking.cancel)
        try:
            return await asking
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                raise  # by $/cancelRequest, which pygls answers
            raise _EndedError("cancelled: nothing was changed") from None
        except Superseded:
            raise _EndedError("another instruction for the document replaced it") from None


async def _apply(
    server: InfillServer,
    edit: lsp.WorkspaceEdit,
    asked: Instruction,
    answered: Answered,
    teller: Teller,
) -> dict[str, Any]:
    try:
        params = lsp.ApplyWorkspaceEditParams(edit=edit, label=f"infill-ls: {title_of(asked)}")
        result = await server.workspace_apply_edit_async(params)
    except JsonRpcException as error:
        log.info("the editor refused an edit: %s", error)
        return teller.told("the editor did not apply the edit")
    if not result.applied:
        why = result.failure_reason or "the editor gave no reason"
        return result_of(message=f"the edit was not applied: {why}")
    if answered.note:
        teller.say(answered.note)
    return result_of(is_applied=True, message=answered.note)


def _asked(
    server: InfillServer, task: Task, uri: str, where: lsp.Range, instruction: str
) -> Instruction | None:
    snapshot = server.snapshot(uri, where.start, Trigger.INVOKED)
    if snapshot is None:
        return None
    end = max(offset_of(snapshot.text, where.end, server.encoding), snapshot.offset)
    return Instruction(snapshot, end, task, instruction)


def _range_of(where: Any) -> lsp.Range:
    def number(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise JsonRpcInvalidParams(EXPECTED)
        return value

    try:
        start, end = member(where, "start"), member(where, "end")
        return lsp.Range(
            lsp.Position(number(member(start, "line")), number(member(start, "character"))),
            lsp.Position(number(member(end, "line")), number(member(end, "character"))),
        )
    except (KeyError, TypeError, AttributeError):
        raise JsonRpcInvalidParams(EXPECTED) from None


def _plain(where: lsp.Range) -> dict[str, Any]:
    return {
        name: {"line": place.line, "character": place.character}
        for name, place in (("start", where.start), ("end", where.end))
    }


def _shown(progress: Progress) -> str:
    """Return the text of a progress bar: the growing outline, then the amount of code."""
    outline = progress.outline[-SHOWN_CHARS:]
    if progress.code_lines:
        return f"{_count(progress.code_lines, 'line')} of code, {_count(progress.tokens, 'token')}"
    return outline or _count(progress.tokens, "token")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
