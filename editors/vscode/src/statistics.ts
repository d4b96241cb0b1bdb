import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { SAFE_FOLDER } from "./processes";

/** The page has colours of its own for a browser; here it takes those of the theme. */
const THEME = `<style>
:root:root {
  --ink: var(--vscode-editor-foreground); --faint: var(--vscode-editorLineNumber-foreground);
  --good: var(--vscode-charts-green); --line: var(--vscode-charts-blue);
}
</style></head>`;

/** Shows the statistics beside the file, as the page with plots that the server makes of them. */
export class StatisticsPage implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;

  async show(server: string): Promise<void> {
    const html = (await pageOf(server)).replace("</head>", THEME);
    const panel = (this.panel ??= this.open());
    panel.webview.html = html;
    panel.reveal(undefined, true);
  }

  dispose(): void {
    this.panel?.dispose();
  }

  private open(): vscode.WebviewPanel {
    const where = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const panel = vscode.window.createWebviewPanel("infill-ls.statistics", "Infill: Statistics", where, {
      localResourceRoots: [],
    });
    panel.onDidDispose(() => (this.panel = undefined));
    return panel;
  }
}

async function pageOf(server: string): Promise<string> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "infill-ls-"));
  try {
    const file = path.join(folder, "statistics.html");
    await promisify(execFile)(server, ["stats", "--html", file], { cwd: SAFE_FOLDER });
    return await fs.readFile(file, "utf8");
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}
