import * as vscode from "vscode";

/**
 * The walkthrough shows "Install the server" where this context key is not set, and "The server is installed" where it is.
 *
 * It is no event that ticks a step (`onContext:`): VS Code ticks a step for an event once in a session, not at all if the
 * key is true in the moment in which it reads the walkthrough, and not on a page that it is drawing just then.
 */
const KEY = "infill-ls.serverRuns";

/** Choose the walkthrough's step: there is a server that runs, or there is none. */
export function showServerStep(runs: boolean): void {
  void vscode.commands.executeCommand("setContext", KEY, runs);
}
