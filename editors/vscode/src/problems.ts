import * as vscode from "vscode";
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
