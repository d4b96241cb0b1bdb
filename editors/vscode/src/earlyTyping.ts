import * as vscode from "vscode";

/**
 * Whether something was typed while no server ran: VS Code asks for ghost text at a key, and never again if
 * nobody could answer it then.
 */
export class EarlyTyping implements vscode.Disposable {
  private readonly subscriptions: vscode.Disposable[];
  private typed:
    | { readonly document: vscode.TextDocument; readonly version: number; at?: vscode.Position }
    | undefined;

  constructor(isRunning: () => boolean) {
    const editor = vscode.window.activeTextEditor;
    // A document begins with version 1: this one was changed before there was anybody to hear of it.
    if (editor && editor.document.version > 1 && !isRunning()) {
      const { document, selection } = editor;
      this.typed = { document, version: document.version, at: selection.active };
    }
    this.subscriptions = [
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges, reason }) => {
        if (document !== vscode.window.activeTextEditor?.document || !contentChanges.length) return;
        const isTyped = !isRunning() && reason === undefined;
        this.typed = isTyped ? { document, version: document.version } : undefined;
      }),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor, selections }) => {
        const { typed } = this;
        if (typed?.document !== textEditor.document) return;
        const at = selections[0]?.active;
        // The first one is where the key has put the cursor; what comes later moves it away.
        if (typed.at && at && !typed.at.isEqual(at)) this.typed = undefined;
        else if (at) typed.at = at;
      }),
    ];
  }

  /** Whether the cursor is where something was typed that no server was asked for; told once. */
  take(): boolean {
    const { typed } = this;
    this.typed = undefined;
    const isThere = vscode.window.activeTextEditor?.document === typed?.document;
    return typed !== undefined && isThere && typed.document.version === typed.version;
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }
}
