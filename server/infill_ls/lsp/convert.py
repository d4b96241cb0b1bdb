r"""Convert between LSP and our records. The only place that knows position encodings.

LSP lines end at ``\n``, ``\r\n`` or ``\r`` and nowhere else; a character is a code unit of the
encoding that client and server agreed on. A position beyond its line means the line's end, one
beyond the document means the document's end.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lsprotocol import types as lsp
from pygls.uris import to_fs_path

from infill_ls.document.lines import line_end, line_start, split_lines
from infill_ls.types import Report, Snapshot, Suggestion, Trigger
from infill_retrieval.syntax import language_of

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
MAX_REPEATED_CHARS = 1_000
"""So much of the line before the cursor is sent back with each suggestion."""
MAX_WORD_CHARS = 200
"""A word that is longer is none to editors either: it is data."""

Encoding = lsp.PositionEncodingKind | str
CommandFor = Callable[[Suggestion], lsp.Command | None]
"""Gives the command that an editor runs when a suggestion is accepted."""


def split_lsp_lines(text: str) -> list[str]:
    """Split into lines as LSP counts them, line ends kept. ``""`` has no lines."""
    if "\r" not in text:
        return split_lines(text)
    return _LINE.findall(text)


def offset_of(text: str, position: lsp.Position, encoding: Encoding) -> int:
    """Return the code-point offset of a position; clamped to its line, and to the document."""
    start = _line_start(text, position.line)
    if start is None:
        return len(text)
    end = line_end(text, start)
    line = text[start:end]
    return start + _units_to_chars(line, max(position.character, 0), encoding)


def position_of(text: str, offset: int, encoding: Encoding) -> lsp.Position:
    """Return the position of a code-point offset."""
    before = text[:offset]
    line = before.count("\n") + before.count("\r") - before.count("\r\n")
    start = max(before.rfind("\n"), before.rfind("\r")) + 1
    if before.endswith("\r") and text[offset : offset + 1] == "\n":
        line, start = line - 1, max(before.rfind("\n", 0, -1), before.rfind("\r", 0, -1)) + 1
    return lsp.Position(line, _length_in_units(text[start:offset], encoding))


def path_of(uri: str) -> Path | None:
    """Return the absolute path of a ``file:`` URI, or ``None`` for any other."""
    path = to_fs_path(uri)
    return Path(path) if path is not None and uri.startswith("file:") else None


def snapshot_of(
    uri: str,
    text: str,
    language_id: str | None,
    position: lsp.Position,
    encoding: Encoding,
    folders: list[Path],
    trigger: Trigger,
    *,
    file_uri: str | None = None,
) -> Snapshot:
    """Return the snapshot for a request; ``file_uri`` is the file that a part of a file is in."""
    path = path_of(file_uri or uri)
    name = path.name if path is not None else ""
    for folder in folders:
        if path is not None and path.is_relative_to(folder):
            name = path.relative_to(folder).as_posix()
    return Snapshot(
        uri=uri,
        path=str(path) if path is not None else "",
        name=name,
        language_id=language_id or language_of(name).name,
        text=text,
        offset=offset_of(text, position, encoding),
        trigger=trigger,
    )


def with_selected_completion(
    snapshot: Snapshot, info: lsp.SelectedCompletionInfo, encoding: Encoding
) -> Snapshot:
    """Return the snapshot as if the item selected in the suggest widget had been accepted."""
    start = offset_of(snapshot.text, info.range.start, encoding)
    end = offset_of(snapshot.text, info.range.end, encoding)
    text = snapshot.text[:start] + info.text + snapshot.text[end:]
    return replace(snapshot, text=text, offset=start + len(info.text))


def trigger_of(context: lsp.InlineCompletionContext) -> Trigger:
    """Return why the editor asks."""
    invoked = context.trigger_kind == lsp.InlineCompletionTriggerKind.Invoked
    return Trigger.INVOKED if invoked else Trigger.AUTOMATIC


def inline_completion_of(
    report: Report,
    encoding: Encoding,
    selected: lsp.SelectedCompletionInfo | None = None,
    *,
    at_cursor: bool = False,
    may_replace: bool = False,
    command_for: CommandFor = lambda _: None,
) -> lsp.InlineCompletionList:
    """Return ghost text: an empty list for no suggestion, which clears what an editor shows.

    The range is always sent: VS Code would replace up to the end of the line without one. It
    starts at the line's start, so that the text does not jump when a word of it is accepted, or at
    the word's where the line is long; with an item selected in the suggest widget it is that
    item's range, as VS Code demands. With
    ``at_cursor`` it starts at the cursor, for Neovim: by itself it would draw over what is right of
    the cursor otherwise. So it does if an emoji stands before the cursor: VS Code shows nothing else.
    Where the client ``may_replace`` what is right of the cursor, the range ends behind the brackets
    and quotes that the text closes itself; elsewhere the text ends before it would have to.
    The editor runs the command for a suggestion when that is accepted.
    """
    if report.suggestion is None:
        return lsp.InlineCompletionList(items=[])
    snapshot = report.snapshot
    cursor = position_of(snapshot.text, snapshot.offset, encoding)
    typed = snapshot.text[line_start(snapshot.text, snapshot.offset) : snapshot.offset]
    if selected is not None:
        before, replaced = selected.text, selected.range
    else:
        before = typed if len(typed) <= MAX_REPEATED_CHARS else word_before(typed)
        if at_cursor or any(ord(char) > 0xFFFF for char in before):
            before = ""
        start = cursor.character - _length_in_units(before, encoding)
        replaced = lsp.Range(lsp.Position(cursor.line, start), cursor)
    items = []
    for suggestion in (report.suggestion, *report.alternatives):
        text = suggestion.text if may_replace else suggestion.text_to_insert
        right = suggestion.replaced if may_replace else 0
        if not text.strip():
            continue
        end = position_of(snapshot.text, snapshot.offset + right, encoding) if right else None
        items.append(
            lsp.InlineCompletionItem(
                insert_text=before + text,
                range=lsp.Range(replaced.start, end) if end is not None else replaced,
                command=command_for(suggestion),
            )
        )
    return lsp.InlineCompletionList(items=items)


def completion_of(
    report: Report,
    encoding: Encoding,
    *,
    single_line: bool = False,
    editor_indents: bool = False,
    command_for: CommandFor = lambda _: None,
) -> lsp.CompletionList:
    """Return an item for the pop-up menu.

    The list is always incomplete, so that the next key asks again. Label and filter text begin
    with the word before the cursor: editors match what is typed against them. ``single_line`` is
    for menus that insert the first line only, ``editor_indents`` for those that indent the other
    lines like the cursor's and know no other way.
    """
    if report.suggestion is None:
        return lsp.CompletionList(is_incomplete=True, items=[])
    snapshot = report.snapshot
    typed = snapshot.text[line_start(snapshot.text, snapshot.offset) : snapshot.offset]
    indent = typed[: len(typed) - len(typed.lstrip())] if editor_indents else None
    text = report.suggestion.text_to_insert
    if single_line:
        text = text.partition("\n")[0]
    elif indent is not None:
        text = _lines_indented_by(text, indent)
    if not text.strip():
        return lsp.CompletionList(is_incomplete=True, items=[])
    item = _completion_item(snapshot, typed, text, indent, encoding)
    item.command = command_for(report.suggestion)
    return lsp.CompletionList(is_incomplete=True, items=[item])


def word_before(text: str) -> str:
    """Return the word at the end of a text; a very long one does not count."""
    start = len(text)
    least = max(start - MAX_WORD_CHARS - 1, 0)
    while start > least and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    word = text[start:]
    return word if len(word) <= MAX_WORD_CHARS else ""


def utf16_to_chars(text: str, units: int) -> int:
    """Return how many characters the first ``units`` UTF-16 code units of ``text`` are."""
    return _units_to_chars(text, max(units, 0), lsp.PositionEncodingKind.Utf16)


def _completion_item(
    snapshot: Snapshot, typed: str, text: str, indent: str | None, encoding: Encoding
) -> lsp.CompletionItem:
    """Return the item; with ``indent``, which all its lines have, the editor puts that in."""
    word = word_before(typed)
    full = new_text = word + text
    mode = lsp.InsertTextMode.AsIs
    if indent is not None:
        new_text = full.replace("\n" + indent, "\n")
        mode = lsp.InsertTextMode.AdjustIndentation
    first_line, newline, _ = full.partition("\n")
    start = position_of(snapshot.text, snapshot.offset - len(word), encoding)
    end = position_of(snapshot.text, snapshot.offset, encoding)
    return lsp.CompletionItem(
        label=(first_line.strip() or full.strip().partition("\n")[0]) + (" …" if newline else ""),
        kind=lsp.CompletionItemKind.Text,
        detail="infill-ls",
        sort_text="0",
        filter_text=first_line,
        insert_text_format=lsp.InsertTextFormat.PlainText,
        insert_text_mode=mode,
        text_edit=lsp.TextEdit(range=lsp.Range(start, end), new_text=new_text),
        documentation=lsp.MarkupContent(
            lsp.MarkupKind.Markdown, f"```{snapshot.language_id}\n{full}\n```"
        ),
    )


def _lines_indented_by(text: str, indent: str) -> str:
    """Return the first line and those after it, up to the first that lacks the indent."""
    first, *others = text.split("\n")
    indented = itertools.takewhile(lambda line: not line.strip() or line.startswith(indent), others)
    return "\n".join([first, *indented]).rstrip("\n")


_BLOCK_CHARS = 4096


def _line_start(text: str, line: int) -> int | None:
    """Return where a line starts, or ``None`` if the document has fewer lines."""
    if line <= 0:
        return 0
    if "\r" not in text:
        block, left = 0, line
        # Counting is much faster than finding: only the ends of the last block are found.
        while (count := text.count("\n", block, block + _BLOCK_CHARS)) < left:
            block, left = block + _BLOCK_CHARS, left - count
            if block >= len(text):
                return None
        start = block - 1
        for _ in range(left):
            start = text.find("\n", start + 1)
        return start + 1
    ends = re.finditer(r"\r\n|\r|\n", text)
    end = next(itertools.islice(ends, line - 1, None), None)
    return end.end() if end is not None else None


def _units_to_chars(line: str, units: int, encoding: Encoding) -> int:
    """Return how many characters ``units`` code units are; inside a character means its start."""
    if encoding == lsp.PositionEncodingKind.Utf32 or line.isascii():
        return min(units, len(line))
    used = 0
    for count, char in enumerate(line):
        used += _length_in_units(char, encoding)
        if used > units:
            return count
    return len(line)


def _length_in_units(text: str, encoding: Encoding) -> int:
    if encoding == lsp.PositionEncodingKind.Utf32 or text.isascii():
        return len(text)
    if encoding == lsp.PositionEncodingKind.Utf8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) + sum(1 for char in text if ord(char) > 0xFFFF)
