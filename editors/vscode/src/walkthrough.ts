import * as vscode from "vscode";

/** Its step "Install the server" waits for this context key. */
const KEY = "infill-ls.serverFound";
const MOMENT_MS = 100;
/** VS Code reads walkthroughs when it first shows any, and may take five seconds for it. */
const REMIND_AFTER_MS = [0, 1_000, 6_000];
/** Not at once: a step that is ticked while its page is being drawn stays without a tick on it. */
const REMIND_PAGE_AFTER_MS = [1_000, 6_000];
/** And while a page that may be it is open, as a busy machine takes longer. */
const REMIND_EVERY_MS = 10_000;

/** Of VS Code's own pages, such as walkthroughs, no input is told. */
const isOwnPage = (tab: vscode.Tab): boolean => tab.input === undefined;

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
  private whileOpen: NodeJS.Timeout | undefined;

  /** There is a server, and it runs. */
  serverRuns(): void {
    this.remind(REMIND_AFTER_MS);
    this.tabs ??= vscode.window.tabGroups.onDidChangeTabs(({ opened }) => {
      if (opened.some(isOwnPage)) this.remind(REMIND_PAGE_AFTER_MS);
      this.remindWhileOpen();
    });
    this.remindWhileOpen();
  }

  dispose(): void {
    clearInterval(this.whileOpen);
    for (const timer of this.timers) clearTimeout(timer);
    this.tabs?.dispose();
  }

  private remind(delays: readonly number[]): void {
    for (const delay of delays) this.after(delay, () => this.remindOnce());
  }

  private remindOnce(): void {
    void vscode.commands.executeCommand("setContext", KEY, true);
    this.after(MOMENT_MS, () => void vscode.commands.executeCommand("setContext", KEY, false));
  }

  private remindWhileOpen(): void {
    if (vscode.window.tabGroups.all.some(({ tabs }) => tabs.some(isOwnPage))) {
      this.whileOpen ??= setInterval(() => this.remindOnce(), REMIND_EVERY_MS);
    } else {
      clearInterval(this.whileOpen);
      this.whileOpen = undefined;
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
