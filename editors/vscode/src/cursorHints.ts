import * as vscode from "vscode";
import type { GhostText } from "./ghostText";

const RESTS = "infill/cursorRests";
/** The experimental capability of a server that wants to be told. */
const WANTED = "cursorRests";
const REST_MS = 300;

/** What of the server is needed here. */
export interface Server {
  isCapableOf(name: string): boolean;
  isWantedIn(document: vscode.TextDocument): boolean;
  notify(method: string, params: object): Promise<void>;
}

/** Tells the server where the cursor rests, so that it prepares that place; not while one types. */
export class CursorHints implements vscode.Disposable {
  private readonly subscriptions: vscode.Disposable[];
  private timer: NodeJS.Timeout | undefined;
  private seen: { document: vscode.TextDocument; version: number } | undefined;

  constructor(
    private readonly server: Server,
    private readonly ghost: GhostText,
  ) {
    this.subscriptions = [
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.moved(textEditor)),
      vscode.window.onDidChangeActiveTextEditor((editor) => editor && this.moved(editor)),
      vscode.window.onDidChangeWindowState(({ focused }) => {
        const editor = vscode.window.activeTextEditor;
        if (focused && editor) this.moved(editor);
      }),
    ];
  }

  /** There is a server now. */
  started(): void {
    const editor = vscode.window.activeTextEditor;
    if (editor) this.moved(editor);
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private moved({ document }: vscode.TextEditor): void {
    clearTimeout(this.timer);
    const { version } = document;
    // A key that types moves the cursor too; it is asked about by itself.
    const isTyping = this.seen?.document === document && this.seen.version !== version;
    this.seen = { document, version };
    if (!isTyping) this.timer = setTimeout(() => void this.rests(document, version), REST_MS);
  }

  private async rests(document: vscode.TextDocument, version: number): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document !== document || document.version !== version) return;
    if (this.ghost.pending || !this.server.isCapableOf(WANTED)) return;
    if (!this.server.isWantedIn(document)) return;
    const { line, character } = editor.selection.active;
    await this.server.notify(RESTS, {
      textDocument: { uri: document.uri.toString() },
      position: { line, character },
    });
  }
}
