import { spawn } from "node:child_process";
import * as path from "node:path";
import * as vscode from "vscode";

/**
 * Where programs run: not in the workspace, which VS Code may have been started in, and from which
 * Python and Windows would take modules and programs.
 */
export const SAFE_FOLDER = path.parse(process.execPath).root;

const OWN_ERROR = /^infill-ls[^:]*: error: /;

/** To whoever asks for what only a server can do. */
export const NONE_RUNS = "infill-ls: the server does not run.";

/** Runs a program; rejects if it fails, and with a `CancellationError` if the user cancels. */
export type Run = (command: string, ...args: string[]) => Promise<void>;

/** Do something with a notification that shows the last line of output and can be cancelled. */
export async function withRunner(
  title: string,
  log: vscode.LogOutputChannel,
  task: (run: Run, report: (line: string) => void) => Promise<void>,
): Promise<void> {
  const location = vscode.ProgressLocation.Notification;
  await vscode.window.withProgress({ location, title, cancellable: true }, (progress, token) => {
    const report = (line: string): void => progress.report({ message: line.slice(0, 80) });
    return task((command, ...args) => runLogged(command, args, log, token, report), report);
  });
}

function runLogged(
  command: string,
  args: readonly string[],
  log: vscode.LogOutputChannel,
  token: vscode.CancellationToken,
  onLine: (line: string) => void,
): Promise<void> {
  log.info([command, ...args].join(" "));
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: SAFE_FOLDER, stdio: ["ignore", "pipe", "pipe"] });
    const cancelled = token.onCancellationRequested(() => child.kill());
    let last = "";
    let told = ""; // what our own programs say of why they fail; the log has all lines
    const read = (data: Buffer): void => {
      for (const line of data.toString().split(/\r?\n|\r/)) {
        if (!line.trim()) continue;
        log.info(line);
        onLine(line);
        last = line.trim();
        if (OWN_ERROR.test(last)) told = last.replace(OWN_ERROR, "");
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("error", reject);
    child.on("close", (code) => {
      cancelled.dispose();
      if (token.isCancellationRequested) reject(new vscode.CancellationError());
      else if (code === 0) resolve();
      else if (told) reject(new Error(told));
      else reject(new Error(`${command} ended with status ${code}${last && `: ${last}`}`));
    });
  });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Tell the user that something failed, unless that is what they wanted. */
export async function showFailure(
  what: string,
  error: unknown,
  log: vscode.LogOutputChannel,
): Promise<void> {
  if (error instanceof vscode.CancellationError) return;
  log.error(`${what}: ${messageOf(error)}`);
  const choice = await vscode.window.showErrorMessage(`${what}: ${messageOf(error)}`, "Show Log");
  if (choice) log.show();
}
