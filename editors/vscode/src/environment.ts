import { spawn } from "node:child_process";
import * as path from "node:path";
import * as vscode from "vscode";
import { serverSettings } from "./config";

const WINDOWS = process.platform === "win32";
const PYTHONS = WINDOWS ? ["py", "python"] : ["python3", "python"];
const OLDEST_PYTHON = "import sys; sys.exit(sys.version_info < (3, 11))";

/** The server in the environment that this extension manages, whether it exists or not. */
export function managedServer(context: vscode.ExtensionContext): string {
  const program = WINDOWS ? "infill-ls.exe" : "infill-ls";
  return path.join(managedFolder(context), WINDOWS ? "Scripts" : "bin", program);
}

function managedFolder(context: vscode.ExtensionContext): string {
  return path.join(context.globalStorageUri.fsPath, "environment");
}

/** Create the environment and install the server into it, with progress; the user can cancel. */
export async function installServer(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
): Promise<void> {
  await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: "Installing infill-ls",
      cancellable: true,
    },
    async (progress, token) => {
      const run = (command: string, ...args: string[]): Promise<void> =>
        runLogged(command, args, log, token, (line) => progress.report({ message: line }));
      progress.report({ message: "looking for Python 3.11 or newer" });
      const python = await findPython(run);
      const folder = managedFolder(context);
      await vscode.workspace.fs.createDirectory(context.globalStorageUri);
      await run(python, "-m", "venv", folder);
      const installed = path.join(folder, WINDOWS ? "Scripts" : "bin", "python");
      // Without a wheel for this platform the inference engine is compiled, which takes minutes.
      await run(installed, "-m", "pip", "install", "--upgrade", serverSettings().package);
    },
  );
}

async function findPython(
  run: (command: string, ...args: string[]) => Promise<void>,
): Promise<string> {
  for (const python of PYTHONS) {
    try {
      await run(python, "-c", OLDEST_PYTHON);
      return python;
    } catch (error) {
      if (error instanceof vscode.CancellationError) throw error;
    }
  }
  throw new Error("infill-ls needs Python 3.11 or newer, and there is none on the path");
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
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    const cancelled = token.onCancellationRequested(() => child.kill());
    const read = (data: Buffer): void => {
      for (const line of data.toString().split(/\r?\n/)) {
        if (!line.trim()) continue;
        log.info(line);
        onLine(line.slice(0, 80));
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("error", reject);
    child.on("close", (code) => {
      cancelled.dispose();
      if (token.isCancellationRequested) reject(new vscode.CancellationError());
      else if (code === 0) resolve();
      else reject(new Error(`${command} ended with status ${code}; see the log`));
    });
  });
}
