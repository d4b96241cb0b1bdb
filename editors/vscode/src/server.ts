import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as vscode from "vscode";
import { serverSettings } from "./config";
import { managedServer } from "./environment";

const PROGRAM = process.platform === "win32" ? "infill-ls.exe" : "infill-ls";
const SCRIPTS = process.platform === "win32" ? "Scripts" : "bin";
const ENVIRONMENTS = [".venv", "venv"];

/** Where a server was found, in the order in which they are tried. */
export type Origin = "setting" | "workspace" | "path" | "managed";

export interface FoundServer {
  readonly command: string;
  readonly origin: Origin;
}

/**
 * Find the server, or nothing if it is not installed anywhere.
 *
 * What a workspace brings is only run if the user trusts the workspace. Throws if there is no
 * program where the settings say.
 */
export async function findServer(context: vscode.ExtensionContext): Promise<FoundServer | undefined> {
  const configured = serverSettings().path;
  if (configured) {
    const command = path.resolve(expandHome(configured));
    if (await isExecutable(command)) return { command, origin: "setting" };
    throw new Error(`there is no program ${command}, which infill-ls.server.path names`);
  }
  const candidates: Array<[Origin, string]> = [];
  if (vscode.workspace.isTrusted) {
    for (const folder of await environmentFolders()) {
      candidates.push(["workspace", path.join(folder, SCRIPTS, PROGRAM)]);
    }
  }
  for (const folder of (process.env["PATH"] ?? "").split(path.delimiter)) {
    if (path.isAbsolute(folder)) candidates.push(["path", path.join(folder, PROGRAM)]);
  }
  const managed = await managedServer(context);
  if (managed) candidates.push(["managed", managed]);
  for (const [origin, command] of candidates) {
    if (await isExecutable(command)) return { command, origin };
  }
  return undefined;
}

/** The environment chosen in the Python extension, then those that lie in the workspace. */
async function environmentFolders(): Promise<string[]> {
  const folders: string[] = [];
  const chosen = await chosenInterpreter();
  if (chosen) folders.push(path.dirname(path.dirname(chosen)));
  for (const folder of vscode.workspace.workspaceFolders ?? []) {
    if (folder.uri.scheme !== "file") continue;
    for (const name of ENVIRONMENTS) folders.push(path.join(folder.uri.fsPath, name));
  }
  return folders;
}

/** The part of the Python extension's API that is of use here. */
interface PythonApi {
  readonly environments: { getActiveEnvironmentPath(): { readonly path: string } };
}

async function chosenInterpreter(): Promise<string | undefined> {
  const extension = vscode.extensions.getExtension<PythonApi>("ms-python.python");
  if (!extension) return undefined;
  try {
    const api = await extension.activate();
    const chosen = api.environments.getActiveEnvironmentPath().path;
    return path.isAbsolute(chosen) ? chosen : undefined;
  } catch {
    return undefined; // without the Python extension's answer the other places are tried
  }
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await fs.access(file, fs.constants.X_OK);
    return (await fs.stat(file)).isFile();
  } catch {
    return false;
  }
}

function expandHome(file: string): string {
  const home = process.env["HOME"] ?? process.env["USERPROFILE"] ?? "";
  return file.startsWith("~/") ? path.join(home, file.slice(2)) : file;
}
