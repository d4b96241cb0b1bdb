import * as vscode from "vscode";
import type { GhostText } from "./ghostText";
import { changedPart } from "./nextEditPart";
import { NextEditView } from "./nextEditView";
import { messageOf } from "./processes";

/** True while the edit, or the hint that leads to it, is on the screen: only then the keys are ours. */
const VISIBLE = "infill-ls.nextEditVisible";
/** True while an edit waits for ghost text to go. */
const WAITS = "infill-ls.nextEditWaits";
const INLINE_EDIT = "textDocument/copilotInlineEdit";
const DID_SHOW = "textDocument/didShowInlineEdit";
const REFUSED = "infill-ls.nextEditRefused";
/** Typing has paused. The server computes nothing while keys come faster than it takes. */
const PAUSE_MS = 250;

/** What of the server and of the settings is needed here. */
export interface Server {
  /** Whether edits are wanted in a document now. */
  wantsNextEdit(document: vscode.TextDocument): boolean;
  /** Ask; nothing if no server runs. Positions are LSP's, which are those of VS Code. */
  request<T>(
    method: string,
    params: object,
    token?: vscode.CancellationToken,
  ): Promise<T | undefined>;
  notify(method: string, params: object): Promise<void>;
}

interface Command {
  readonly title: string;
  readonly command: string;
  readonly arguments: readonly unknown[];
}

interface Answer {
  readonly edits: ReadonlyArray<{
    readonly text: string;
    readonly range: { readonly start: Place; readonly end: Place };
    readonly command: Command;
  }>;
}

interface Place {
  readonly line: number;
  readonly character: number;
}

/** An edit that is offered: `old` stands in `range` of one version of the document. */
export interface NextEdit {
  readonly document: vscode.TextDocument;
  readonly version: number;
  readonly range: vscode.Range;
  readonly old: string;
  readonly text: string;
  readonly command: Command;
}

/** Asks for the next edit when typing pauses, shows it, and goes there and applies it by a key. */
export class NextEdits implements vscode.Disposable {
  private readonly view = new NextEditView();
  private readonly subscriptions: vscode.Disposable[];
  private offer: NextEdit | undefined;
  private isVisible = false;
  private waits = false;
  private wasShown = false;
  private timer: NodeJS.Timeout | undefined;
  private asking: vscode.CancellationTokenSource | undefined;

  constructor(
    private readonly server: Server,
    private readonly ghost: GhostText,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.subscriptions = [
      this.view,
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length) this.changed(document);
      }),
      vscode.window.onDidChangeActiveTextEditor(() => this.askSoon()),
      vscode.window.onDidChangeTextEditorSelection(() => this.draw()),
      vscode.window.onDidChangeTextEditorVisibleRanges(() => this.draw()),
      vscode.workspace.onDidChangeConfiguration(() => this.draw()),
      ghost.onDidChange(() => this.draw()),
      vscode.commands.registerCommand("infill-ls.nextEdit", () => this.goOrApply()),
      vscode.commands.registerCommand("infill-ls.dismissNextEdit", () => this.dismiss()),
    ];
  }

  dispose(): void {
    this.take(undefined);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private changed(document: vscode.TextDocument): void {
    if (document === vscode.window.activeTextEditor?.document) this.askSoon();
    else if (document === this.offer?.document) this.take(undefined);
  }

  /** What was offered is over; ask when nothing has happened for a while. */
  private askSoon(afterMs = PAUSE_MS): void {
    this.take(undefined);
    this.timer = setTimeout(() => void this.ask(), afterMs);
  }

  private async ask(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor || editor.selections.length > 1) return;
    const { document } = editor;
    if (!this.server.wantsNextEdit(document)) return;
    const { version, uri } = document;
    const { line, character } = editor.selection.active;
    const asking = (this.asking = new vscode.CancellationTokenSource());
    try {
      const answer = await this.server.request<Answer>(
        INLINE_EDIT,
        {
          textDocument: { uri: uri.toString(), version },
          position: { line, character },
          context: { triggerKind: 2 },
        },
        asking.token,
      );
      const edit = answer?.edits[0];
      // A change, and another editor, have cancelled it.
      if (!edit || asking.token.isCancellationRequested || document.version !== version) return;
      const { start, end } = edit.range;
      const range = new vscode.Range(start.line, start.character, end.line, end.character);
      if (!document.validateRange(range).isEqual(range)) return;
      const old = document.getText(range);
      this.take({ document, version, range, old, text: edit.text, command: edit.command });
    } catch (error) {
      // Also of a server that knows no such method: it is asked again, which costs nothing.
      if (!asking.token.isCancellationRequested) this.log.debug(`no next edit: ${messageOf(error)}`);
    } finally {
      asking.dispose();
      if (this.asking === asking) this.asking = undefined;
    }
  }

  /** Offer this, or nothing any more. */
  private take(offer: NextEdit | undefined): void {
    clearTimeout(this.timer);
    this.asking?.cancel();
    this.offer = offer;
    this.wasShown = false;
    this.draw();
  }

  /** The editor that the offer is for, while it still stands there and edits are wanted. */
  private editorOf(offer: NextEdit): vscode.TextEditor | undefined {
    const editor = vscode.window.activeTextEditor;
    const { document, version } = offer;
    const stands = editor?.document === document && document.version === version;
    return stands && this.server.wantsNextEdit(document) ? editor : undefined;
  }

  private draw(): void {
    const editor = this.offer && this.editorOf(this.offer);
    const waits = editor !== undefined && this.ghost.isInTheWay(editor, this.isVisible);
    const isVisible =
      this.offer !== undefined && editor !== undefined && !waits
        ? this.view.draw(editor, this.offer)
        : this.view.erase();
    if (isVisible !== this.isVisible) setContext(VISIBLE, (this.isVisible = isVisible));
    if (waits !== this.waits) setContext(WAITS, (this.waits = waits));
    if (isVisible && !this.wasShown && this.offer) {
      this.wasShown = true;
      void this.server.notify(DID_SHOW, { item: { command: this.offer.command } });
    }
  }

  /** The first key goes to the place; there it applies the edit. */
  private async goOrApply(): Promise<void> {
    const offer = this.offer;
    const editor = offer && this.editorOf(offer);
    if (!offer || !editor || !this.isVisible) {
      // The edit went in the very moment in which the key came: it means what it means without us.
      await vscode.commands.executeCommand("tab");
    } else if (isAt(editor, offer)) await this.apply(editor, offer);
    else go(editor, offer);
  }

  private async apply(editor: vscode.TextEditor, offer: NextEdit): Promise<void> {
    const { document, range, old, text, command } = offer;
    if (document.getText(range) !== old) return this.take(undefined);
    const part = changedPart(old, text);
    const start = document.offsetAt(range.start);
    // VS Code refuses it too if the document changes meanwhile; it is a step of its own to undo.
    const isDone = await editor.edit((builder) => builder.replace(range, text), {
      undoStopBefore: true,
      undoStopAfter: true,
    });
    if (!isDone) return this.take(undefined);
    // Lines may end in other characters here than in the edit.
    const inserted = text.slice(0, part.start + part.text.length).replaceAll(/\r\n?|\n/g, "\n");
    const eol = document.eol === vscode.EndOfLine.CRLF ? "\r\n" : "\n";
    const end = document.positionAt(start + inserted.replaceAll("\n", eol).length);
    editor.selection = new vscode.Selection(end, end);
    this.askSoon(0);
    await this.tell(command.command, command);
  }

  /** Ghost text goes first. Then the edit goes, and what it repeats is not offered again. */
  private async dismiss(): Promise<void> {
    if (this.waits) {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
      this.ghost.gone();
      return;
    }
    const command = this.isVisible ? this.offer?.command : undefined;
    this.take(undefined);
    if (command) await this.tell(REFUSED, command);
  }

  private async tell(name: string, command: Command): Promise<void> {
    try {
      const params = { command: name, arguments: command.arguments };
      await this.server.request("workspace/executeCommand", params);
    } catch (error) {
      this.log.warn(`the server was not told of the next edit: ${messageOf(error)}`);
    }
  }
}

/** Whether the cursor is where the edit is. */
function isAt(editor: vscode.TextEditor, { range }: NextEdit): boolean {
  const { line } = editor.selection.active;
  return range.start.line <= line && line <= range.end.line;
}

function go(editor: vscode.TextEditor, { document, range, old, text }: NextEdit): void {
  const part = changedPart(old, text);
  const place = document.positionAt(document.offsetAt(range.start) + part.start + part.old.length);
  editor.selection = new vscode.Selection(place, place);
  editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

function setContext(key: string, value: boolean): void {
  void vscode.commands.executeCommand("setContext", key, value);
}
