import * as vscode from "vscode";
import type { NextEdit } from "./nextEdit";
import { changedPart } from "./nextEditPart";

/** So much is drawn of a long edit; the hover has all of it. */
const MAX_LINES = 12;
const MAX_COLUMNS = 160;
/** Blanks between a line and what is drawn right of it. */
const GAP = 4;

const colour = (name: string): vscode.ThemeColor => new vscode.ThemeColor(name);

/**
 * Draws an edit where it is to be made: the old text struck, the new behind it.
 *
 * VS Code draws no lines that a document does not have. New text of several lines stands right of
 * the lines that are there, like a page beside them.
 */
export class NextEditView implements vscode.Disposable {
  private readonly struck = vscode.window.createTextEditorDecorationType({
    textDecoration: "line-through",
    backgroundColor: colour("diffEditor.removedTextBackground"),
    overviewRulerColor: colour("editorOverviewRuler.modifiedForeground"),
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  private readonly fresh = vscode.window.createTextEditorDecorationType({
    after: {
      color: colour("editorGhostText.foreground"),
      backgroundColor: colour("diffEditor.insertedTextBackground"),
    },
    overviewRulerColor: colour("editorOverviewRuler.addedForeground"),
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  private readonly hint = vscode.window.createTextEditorDecorationType({
    after: { color: colour("editorCodeLens.foreground"), margin: "0 0 0 2em" },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  private drawnIn: vscode.TextEditor | undefined;

  /** Draw the edit, or a hint where it is if it is out of sight; tell whether anything is seen. */
  draw(editor: vscode.TextEditor, edit: NextEdit): boolean {
    if (this.drawnIn !== editor) this.erase();
    this.drawnIn = editor;
    const cursor = editor.selection.active;
    const isInSight = sees(editor, edit.range);
    editor.setDecorations(this.struck, isInSight ? struckOf(edit) : []);
    editor.setDecorations(this.fresh, isInSight ? freshOf(editor, edit) : []);
    const there = edit.range.start.line + 1;
    const hint = after(endOf(editor.document, cursor.line), `→ line ${there}: next edit, Tab to go`);
    editor.setDecorations(this.hint, isInSight ? [] : [hint]);
    return isInSight || sees(editor, new vscode.Range(cursor, cursor));
  }

  /** Draw nothing; returns whether anything is seen then. */
  erase(): false {
    for (const type of [this.struck, this.fresh, this.hint]) this.drawnIn?.setDecorations(type, []);
    this.drawnIn = undefined;
    return false;
  }

  dispose(): void {
    for (const type of [this.struck, this.fresh, this.hint]) type.dispose();
  }
}

function sees(editor: vscode.TextEditor, range: vscode.Range): boolean {
  return editor.visibleRanges.some((visible) => visible.intersection(range) !== undefined);
}

function struckOf(edit: NextEdit): vscode.DecorationOptions[] {
  const { document, range, old, text, command } = edit;
  const part = changedPart(old, text);
  const start = document.offsetAt(range.start) + part.start;
  const place = new vscode.Range(
    document.positionAt(start),
    document.positionAt(start + part.old.length),
  );
  return [{ range: place, hoverMessage: hoverOf(edit, command.title) }];
}

function hoverOf({ old, text }: NextEdit, why: string): vscode.MarkdownString {
  const marked = (sign: string, lines: string): string =>
    lines ? lines.replace(/\r?\n$/, "").split(/\r?\n/).map((line) => `${sign} ${line}`).join("\n") : "";
  const hover = new vscode.MarkdownString("infill-ls, next edit: ");
  hover.appendText(`${why}. Tab applies it, Escape dismisses it.`);
  return hover.appendCodeblock(`${marked("-", old)}\n${marked("+", text)}`, "diff");
}

function freshOf(editor: vscode.TextEditor, edit: NextEdit): vscode.DecorationOptions[] {
  const { document, range, old, text } = edit;
  const part = changedPart(old, text);
  if (!part.text) return [];
  const end = document.positionAt(document.offsetAt(range.start) + part.start + part.old.length);
  if (!/\n/.test(part.text)) return [after(end, part.text)];
  const { first, lines } = besides(document, edit, end.line);
  const tab = Number(editor.options.tabSize) || 4;
  const columns = lines.map((_, at) => expand(document.lineAt(first + at).text, tab).length);
  const margin = Math.max(...columns) + GAP;
  return lines.map((line, at) => ({
    range: new vscode.Range(endOf(document, first + at), endOf(document, first + at)),
    renderOptions: {
      after: {
        contentText: shown(`+ ${expand(line, tab)}`),
        margin: `0 0 0 ${margin - (columns[at] ?? 0)}ch`,
      },
    },
  }));
}

/** The new lines of an edit, and the line of the document beside which the first of them stands. */
function besides(
  document: vscode.TextDocument,
  { range, text }: NextEdit,
  last: number,
): { first: number; lines: string[] } {
  const before = document.lineAt(range.start.line).text.slice(0, range.start.character);
  const behind = document.lineAt(range.end.line).text.slice(range.end.character);
  const lines = `${before}${text}${behind}`.split(/\r?\n/);
  let first = range.start.line;
  while (lines.length > 1 && lines[0] === document.lineAt(first).text) {
    lines.shift();
    first = Math.min(first + 1, document.lineCount - 1);
  }
  let end = range.end.line;
  while (lines.length > 1 && end >= last && lines.at(-1) === document.lineAt(end).text) {
    lines.pop();
    end -= 1;
  }
  const room = Math.min(MAX_LINES, document.lineCount - first);
  if (lines.length <= room) return { first, lines };
  const rest = `${lines[room - 1]} … ${lines.length - room} more`;
  return { first, lines: [...lines.slice(0, room - 1), rest] };
}

function after(place: vscode.Position, text: string): vscode.DecorationOptions {
  return {
    range: new vscode.Range(place, place),
    renderOptions: { after: { contentText: shown(text) } },
  };
}

/** Text as it may stand in a decoration, which would draw blanks together. */
function shown(text: string): string {
  const cut = text.length > MAX_COLUMNS ? `${text.slice(0, MAX_COLUMNS)}…` : text;
  return cut.replaceAll(" ", "\u00a0").replaceAll("\t", "\u00a0\u00a0\u00a0\u00a0");
}

function endOf(document: vscode.TextDocument, line: number): vscode.Position {
  return document.lineAt(line).range.end;
}

function expand(line: string, tab: number): string {
  let text = "";
  for (const character of line) {
    text += character === "\t" ? " ".repeat(tab - (text.length % tab)) : character;
  }
  return text;
}
