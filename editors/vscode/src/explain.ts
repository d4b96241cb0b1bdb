import * as vscode from "vscode";

/** The parts of the server's report that are shown. */
interface Report {
  readonly reason: string;
  readonly trigger: string;
  readonly suggestion: string | null;
  readonly snippets: ReadonlyArray<{
    readonly path: string;
    readonly firstLine: number;
    readonly channel: string;
    readonly tokens: number;
  }>;
  readonly stepMs: Readonly<Record<string, number>>;
  readonly prompt: { readonly text: string; readonly tokens: number } | null;
}

export async function showExplanation(report: unknown): Promise<void> {
  const content = describe(report as Report);
  const document = await vscode.workspace.openTextDocument({ language: "markdown", content });
  await vscode.window.showTextDocument(document, vscode.ViewColumn.Beside, true);
}

export function describe(report: Report): string {
  const lines = ["# The last completion", "", `${report.reason} (${report.trigger})`];
  const addCode = (title: string, text: string): void => {
    lines.push("", `## ${title}`, "", "````", text, "````");
  };
  if (report.suggestion !== null) addCode("Suggestion", report.suggestion);
  lines.push("", "## Times", "");
  for (const [step, ms] of Object.entries(report.stepMs)) {
    lines.push(`- ${step}: ${ms.toFixed(1)} ms`);
  }
  lines.push("", "## Snippets of other files", "");
  for (const { path, firstLine, channel, tokens } of report.snippets) {
    lines.push(`- ${path}:${firstLine + 1} (${channel}, ${tokens} tokens)`);
  }
  if (report.prompt) addCode(`Prompt, ${report.prompt.tokens} tokens`, report.prompt.text);
  return lines.join("\n") + "\n";
}
