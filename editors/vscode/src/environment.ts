import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as vscode from "vscode";
import { serverSettings } from "./config";
import { type Run, withRunner } from "./processes";

const WINDOWS = process.platform === "win32";
const PYTHONS = WINDOWS ? ["py", "python"] : ["python3", "python"];
const OLDEST_PYTHON = "import sys; sys.exit(sys.version_info < (3, 11))";

/** The server in the environment that this extension manages, whether it exists or not. */
export function managedServer(context: vscode.ExtensionContext): string {
  return program(context, "infill-ls");
}

function program(context: vscode.ExtensionContext, name: string): string {
  const folder = WINDOWS ? "Scripts" : "bin";
  return path.join(managedFolder(context), folder, WINDOWS ? `${name}.exe` : name);
}

function managedFolder(context: vscode.ExtensionContext): string {
  return path.join(context.globalStorageUri.fsPath, "environment");
}

/** Create the environment anew and install the server into it; the user can cancel. */
export async function installServer(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
): Promise<void> {
  await withRunner("Installing infill-ls", log, async (run, report) => {
    report("looking for Python 3.11 or newer");
    const python = await findPython(run);
    await vscode.workspace.fs.createDirectory(context.globalStorageUri);
    await run(python, "-m", "venv", "--clear", managedFolder(context));
    // Without a wheel for this platform the inference engine is compiled, which takes minutes.
    const pip = ["-m", "pip", "install", "--disable-pip-version-check"];
    await run(program(context, "python"), ...pip, await findPackage(context));
  });
}

/** What pip is to install: what the user says, else the wheel that came with this extension. */
async function findPackage(context: vscode.ExtensionContext): Promise<string> {
  const chosen = serverSettings().package;
  if (chosen) return chosen;
  const folder = path.join(context.extensionPath, "server");
  const wheel = (await fs.readdir(folder).catch(() => [])).find((name) => name.endsWith(".whl"));
  return wheel === undefined ? "infill-ls" : path.join(folder, wheel);
}

async function findPython(run: Run): Promise<string> {
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
