import * as vscode from "vscode";

/** What the server says about itself in the notification `didChangeStatus`. */
export interface ServerStatus {
  readonly state: "off" | "loading" | "problem" | "indexing" | "thinking" | "ready";
  /** How much of the model is there, while it loads. */
  readonly percent: number | null;
  readonly message: string;
  readonly indexedFiles: number;
}

/** What there is to be shown, the most important first. */
export interface State {
  readonly problem?: string | undefined;
  readonly missing?: boolean;
  readonly isInstalling?: boolean;
  /** In milliseconds since 1970; infinite until VS Code starts again. */
  readonly pausedUntil?: number | undefined;
  readonly offHere?: string | undefined;
  readonly server?: ServerStatus | undefined;
}

interface Look {
  readonly icon: string;
  readonly detail: string;
  readonly warn?: boolean;
}

export function lookOf(state: State): Look {
  const { server } = state;
  if (state.missing && state.isInstalling) {
    return { icon: "loading~spin", detail: "installing the server" };
  }
  if (state.missing) return { icon: "cloud-download", detail: "not installed", warn: true };
  const problem = state.problem ?? (server?.state === "problem" ? server.message : undefined);
  if (problem !== undefined) return { icon: "error", detail: problem, warn: true };
  if (state.pausedUntil !== undefined) {
    const until = Number.isFinite(state.pausedUntil)
      ? new Date(state.pausedUntil).toLocaleTimeString()
      : "VS Code starts again";
    const off = state.offHere === undefined ? "" : `, and ${state.offHere}`;
    return { icon: "circle-slash", detail: `paused until ${until}${off}` };
  }
  if (state.offHere !== undefined) return { icon: "circle-slash", detail: state.offHere };
  if (!server) return { icon: "loading~spin", detail: "starting" };
  return lookOfServer(server);
}

function lookOfServer({ state, message, percent, indexedFiles }: ServerStatus): Look {
  switch (state) {
    case "loading":
      return { icon: "loading~spin", detail: percent ? `${message}, ${percent} %` : message };
    case "indexing":
      return { icon: "loading~spin", detail: message };
    case "off":
      return { icon: "circle-slash", detail: message };
    case "thinking":
      return { icon: "sparkle", detail: "thinking" };
    default:
      return { icon: "check", detail: `ready, ${indexedFiles} files indexed` };
  }
}

/** The item in the status bar; a click shows the menu. */
export class StatusItem implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;

  constructor() {
    this.item = vscode.window.createStatusBarItem("infill-ls", vscode.StatusBarAlignment.Right, 100);
    this.item.name = "infill-ls";
    this.item.command = "infill-ls.menu";
    this.item.show();
  }

  show(state: State): void {
    const look = lookOf(state);
    this.item.text = `$(${look.icon}) Infill`;
    this.item.tooltip = `infill-ls: ${look.detail}`;
    this.item.accessibilityInformation = { label: `infill-ls: ${look.detail}` };
    this.item.backgroundColor = look.warn
      ? new vscode.ThemeColor("statusBarItem.warningBackground")
      : undefined;
  }

  dispose(): void {
    this.item.dispose();
  }
}
