import * as vscode from "vscode";

/** Its step "Install the server" waits for this context key. */
const KEY = "infill-ls.serverFound";
const MOMENT_MS = 100;
/** VS Code reads walkthroughs when it first shows any, and may take five seconds for it. */
const REMIND_AFTER_MS = [0, 1_000, 6_000];

/**
 * Ticks the walkthrough's first step when there is a server.
 *
 * VS Code ticks a step when its key becomes true, but never one whose key is true already when it
 * reads the walkthrough. That is mostly after the server started, and we are not told. So the key
 * is true for a moment only: when the server starts, and when a page opens that may be it.
 */
export class ServerStep implements vscode.Disposable {
  private readonly timers = new Set<NodeJS.Timeout>();
  private tabs: vscode.Disposable | undefined;

  /** There is a server, and it runs. */
  serverRuns(): void {
    this.remind();
    this.tabs ??= vscode.window.tabGroups.onDidChangeTabs(({ opened }) => {
      // Of VS Code's own pages, such as walkthroughs, no input is told.
      if (opened.some((tab) => tab.input === undefined)) this.remind();
    });
  }

  dispose(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.tabs?.dispose();
  }

  private remind(): void {
    for (const delay of REMIND_AFTER_MS) {
      this.after(delay, () => {
        void vscode.commands.executeCommand("setContext", KEY, true);
        this.after(MOMENT_MS, () => void vscode.commands.executeCommand("setContext", KEY, false));
      });
    }
  }

  private after(delay: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      action();
    }, delay);
    this.timers.add(timer);
  }
}
