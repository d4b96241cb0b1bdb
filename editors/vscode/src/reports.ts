import { randomUUID } from "node:crypto";
import * as vscode from "vscode";

/** Of VS Code's own Markdown extension, which a user may have switched off. */
const RENDER = "markdown.api.render";

const STYLE = `
body { max-width: 60em; padding: 0 1em 2em; line-height: 1.5; }
h1, h2, h3 { font-weight: 600; line-height: 1.25; }
pre, code { font-family: var(--vscode-editor-font-family), monospace; font-size: var(--vscode-editor-font-size); }
pre { padding: 0.7em 1em; overflow-x: auto; background: var(--vscode-textCodeBlock-background); }
pre code { padding: 0; background: none; }
table { border-collapse: collapse; }
th, td { padding: 0.2em 0.7em; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--vscode-editorWidget-border); }
`;

/**
 * Shows reports of the server's and descriptions of the model's, which are Markdown, beside the file.
 *
 * They hold text of the workspace, and what a model made of it. So the page is one of our own and not VS Code's
 * preview: that would load a picture from whatever address the text names, and so tell what it is told to.
 */
export class Reports implements vscode.Disposable {
  private readonly panels = new Map<string, vscode.WebviewPanel>();

  /** Show a text in place of the last one of this title. */
  async show(title: string, markdown: string): Promise<void> {
    const body = await rendered(markdown);
    const panel = this.panels.get(title) ?? this.open(title);
    panel.webview.html = pageOf(body);
    panel.reveal(undefined, true);
  }

  dispose(): void {
    for (const panel of this.panels.values()) panel.dispose();
  }

  private open(title: string): vscode.WebviewPanel {
    const where = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const panel = vscode.window.createWebviewPanel("infill-ls.report", `Infill: ${title}`, where, {
      enableFindWidget: true,
      localResourceRoots: [],
    });
    this.panels.set(title, panel);
    panel.onDidDispose(() => this.panels.delete(title));
    return panel;
  }
}

async function rendered(markdown: string): Promise<string> {
  try {
    const html = await vscode.commands.executeCommand<string | undefined>(RENDER, markdown);
    if (html) return html;
  } catch {
    // It is shown as it is.
  }
  const text = markdown.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<pre>${text}</pre>`;
}

function pageOf(body: string): string {
  const nonce = randomUUID();
  return `<!DOCTYPE html>
<html><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'">
<style nonce="${nonce}">${STYLE}</style></head>
<body>${body}</body></html>`;
}
