import type * as vscode from "vscode";

/** A pause, for some minutes or until VS Code starts again; `changed` is told when it begins and ends. */
export class Pause implements vscode.Disposable {
  private timer: NodeJS.Timeout | undefined;
  private end: number | undefined;

  constructor(private readonly changed: () => void) {}

  /** When it ends, in milliseconds since 1970: infinite until VS Code starts again, undefined if there is none. */
  get until(): number | undefined {
    return this.end;
  }

  start(minutes: number): void {
    clearTimeout(this.timer);
    this.end = Date.now() + minutes * 60_000;
    if (Number.isFinite(minutes)) this.timer = setTimeout(() => this.stop(), minutes * 60_000);
    this.changed();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.end = undefined;
    this.changed();
  }

  dispose(): void {
    clearTimeout(this.timer);
  }
}
