import * as vscode from "vscode";

/** For so long the status bar tells that there is nothing. */
const TOLD_MS = 5_000;
const BLANKS = /^[ \t]+$/;

/**
 * Whether our ghost text is on the screen, as far as an extension can know: VS Code tells nobody.
 *
 * It is from the answer with a suggestion on until the text changes, the cursor moves, or
 * Escape, of which `gone` is told.
 */
export class GhostText implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable[];
  private requests = 0;
  private shown:
    | {
        document: vscode.TextDocument;
        version: number;
        at: vscode.Position | undefined;
        items: number;
      }
    | undefined;
  /** What the line would begin with if the first suggestion of the last answer were accepted. */
  private offered: { document: vscode.TextDocument; line: number; text: string } | undefined;
  readonly onDidChange = this.changed.event;

  constructor() {
    this.subscriptions = [
      this.changed,
      // Also after each key that types along: the answer to that key comes later.
      vscode.window.onDidChangeTextEditorSelection(({ textEditor, selections }) => {
        const { shown } = this;
        const hasMoved = !shown?.at || !selections[0]?.active.isEqual(shown.at);
        if (shown?.document === textEditor.document && hasMoved) this.gone();
      }),
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges: [first, second] }) => {
        if (!first || second || !BLANKS.test(first.text)) return;
        const position = first.range.start.translate(0, first.text.length);
        if (this.isBesideIndentation(document, position)) void this.askAnew();
      }),
    ];
  }

  /** Whether we have VS Code ask, and not the user: it cannot tell. */
  isAsking = false;

  /** How many requests are being answered. */
  get pending(): number {
    return this.requests;
  }

  asked(): void {
    this.requests += 1;
    this.changed.fire();
  }

  /** A request has its answer; what is no news of the screen, as another followed, has no `items`. */
  answered(document: vscode.TextDocument, items: readonly vscode.InlineCompletionItem[] | undefined): void {
    this.requests -= 1;
    if (items !== undefined) {
      const editor = vscode.window.activeTextEditor;
      const at = editor?.document === document ? editor.selection.active : undefined;
      const [first] = items;
      this.shown = first && { document, version: document.version, at, items: items.length };
      this.offered = first && offeredBy(first, document, at);
    }
    this.changed.fire();
  }

  /** Have VS Code show another suggestion. It says nothing if there is none: then we do. */
  async step(command: "showNext" | "showPrevious"): Promise<void> {
    await vscode.commands.executeCommand(`editor.action.inlineSuggest.${command}`);
    const { shown } = this;
    if (shown?.items === 1 && shown.version === shown.document.version) {
      tell("infill-ls has no other suggestion here");
    }
  }

  gone(): void {
    this.shown = undefined;
    this.changed.fire();
  }

  /** Ask for the whole of what is shown in a document, of which only the beginning had come. */
  async grow(uri: vscode.Uri): Promise<void> {
    const { shown } = this;
    const isThere = shown?.document.version === shown?.version;
    if (!shown || !isThere || shown.document.uri.toString() !== uri.toString()) return;
    if (vscode.window.activeTextEditor?.document !== shown.document) return;
    await this.askAnew();
  }

  /** Have VS Code ask again. It keeps what it shows when it is asked, and puts what comes behind it. */
  private async askAnew(): Promise<void> {
    this.offered = undefined;
    await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
    await this.ask();
  }

  /** Have VS Code ask at the cursor, as it does at a key. */
  async ask(): Promise<void> {
    this.isAsking = true;
    try {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    } finally {
      this.isAsking = false;
    }
  }

  /** Whether nothing else may be drawn. What is there already waits for no request. */
  isInTheWay(editor: vscode.TextEditor, isDrawn: boolean): boolean {
    if (this.requests > 0 && !isDrawn) return true;
    return (
      this.shown?.document === editor.document && this.shown.version === editor.document.version
    );
  }

  /**
   * Whether blanks were typed into the indentation that the suggestion on the screen does not have. VS Code takes
   * it for valid all the same, also beside a newer one, and accepting it would take these blanks away.
   */
  private isBesideIndentation(document: vscode.TextDocument, position: vscode.Position): boolean {
    if (this.offered?.document !== document || this.offered.line !== position.line) return false;
    const before = document.lineAt(position.line).text.slice(0, position.character);
    return !before.trim() && !this.offered.text.startsWith(before);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }
}

export function tell(what: string): void {
  vscode.window.setStatusBarMessage(what, TOLD_MS);
}

function offeredBy(
  item: vscode.InlineCompletionItem,
  document: vscode.TextDocument,
  at: vscode.Position | undefined,
): { document: vscode.TextDocument; line: number; text: string } | undefined {
  const start = item.range?.start ?? at;
  if (!start || start.line >= document.lineCount) return undefined;
  const inserted = typeof item.insertText === "string" ? item.insertText : item.insertText.value;
  const text = document.lineAt(start.line).text.slice(0, start.character) + inserted;
  return { document, line: start.line, text };
}
