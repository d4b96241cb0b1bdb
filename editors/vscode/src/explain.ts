import * as vscode from "vscode";

const SCHEME = "infill-ls-explanation";
const DOCUMENT = vscode.Uri.from({ scheme: SCHEME, path: "The last completion.md" });

/** Shows the server's report in a document that cannot be edited, and so never needs saving. */
export class Explanation implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  private text = "";
  readonly onDidChange = this.changed.event;

  provideTextDocumentContent(): string {
    return this.text;
  }

  async show(markdown: string): Promise<void> {
    this.text = markdown;
    this.changed.fire(DOCUMENT);
    const document = await vscode.workspace.openTextDocument(DOCUMENT);
    await vscode.window.showTextDocument(document, vscode.ViewColumn.Beside, true);
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}
