import * as vscode from "vscode";
import { openSettings } from "./config";
import type { ServerStatus } from "./status";

const REMEDIES: Readonly<Record<string, string>> = {
  "Choose Model": "infill-ls.chooseModel",
  "Open Settings": "infill-ls.openSettings",
  "Show Log": "infill-ls.showLog",
};

/** Tells the user of what keeps the server from working, once, and what can be done about it. */
export class Problems {
  private told: string | undefined;

  async take({ state, message }: ServerStatus): Promise<void> {
    if (state === "ready") this.told = undefined;
    if (state !== "problem" || message === this.told) return;
    this.told = message;
    const remedies = Object.keys(REMEDIES);
    const chosen = await vscode.window.showErrorMessage(`infill-ls: ${message}`, ...remedies);
    const command = chosen && REMEDIES[chosen];
    if (command) await vscode.commands.executeCommand(command);
  }
}

/** Tell of settings that are wrong: all of them in one message, in which VS Code shows no line ends. */
export async function tellOfWrongSettings(problems: readonly string[]): Promise<void> {
  const text =
    problems.length === 1
      ? `a setting is wrong: ${problems[0]}.`
      : `${problems.length} settings are wrong. ${problems.map((one, at) => `(${at + 1}) ${one}.`).join(" ")}`;
  const settings = "Open Settings";
  const chosen = await vscode.window.showWarningMessage(`infill-ls: ${text}`, settings, "Show Log");
  if (chosen === settings) await openSettings();
  else if (chosen) await vscode.commands.executeCommand("infill-ls.showLog");
}
