import * as vscode from "vscode";

const SCHEME = "infill-ls-report";

/** Shows the server's reports in documents that cannot be edited, and so never need saving. */
export class Reports implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly texts = new Map<string, string>();
  // Last: VS Code looks for `onDidChange` when it is registered, and never again.
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.path) ?? "";
  }

  /** Show a text; `name` is that of a file, and says what kind of text it is. */
  async show(name: string, text: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: name });
    this.texts.set(uri.path, text);
    this.changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, vscode.ViewColumn.Beside, true);
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}
