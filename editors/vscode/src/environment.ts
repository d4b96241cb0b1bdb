import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as vscode from "vscode";
import { serverSettings } from "./config";
import { type Run, withRunner } from "./processes";

const WINDOWS = process.platform === "win32";
const PYTHONS = WINDOWS ? ["py", "python"] : ["python3", "python"];
const OLDEST_PYTHON = "import sys; sys.exit(sys.version_info < (3, 11))";
const PREFIX = "environment-";
const RECORD = "environment.json";

/** How llama.cpp came: as a wheel that others compiled, or compiled on this machine, now or before. */
type LlamaOrigin = "prebuilt" | "compiled";

const LLAMA_CAME: Readonly<Record<LlamaOrigin, string>> = {
  prebuilt: "llama.cpp as a prebuilt wheel",
  compiled: "llama.cpp compiled on this machine",
};

/** The environment that this extension manages, as its record says: each has a folder of its own. */
interface Environment {
  readonly folder: string;
  /** The version of the extension that made it. */
  readonly version: string;
  readonly llama?: LlamaOrigin | undefined;
}

/** What is read of pip's report of an installation. */
interface PipReport {
  readonly install: ReadonlyArray<{
    readonly metadata: { readonly name: string };
    readonly download_info: { readonly url: string };
  }>;
}

/** The server in the environment that this extension manages, if it has made one. */
export async function managedServer(context: vscode.ExtensionContext): Promise<string | undefined> {
  const environment = await currentEnvironment(context);
  return environment && program(context, environment.folder, "infill-ls");
}

/**
 * The version of the extension that the managed environment was made by, if this one brings
 * another server. Who says what pip installs also says when.
 */
export async function outdatedVersion(
  context: vscode.ExtensionContext,
): Promise<string | undefined> {
  if (serverSettings().package) return undefined;
  const version = (await currentEnvironment(context))?.version;
  return version === extensionVersion(context) ? undefined : version;
}

export function extensionVersion(context: vscode.ExtensionContext): string {
  return String(context.extension.packageJSON.version);
}

/**
 * Install the server into a new environment; the user can cancel. Returns how llama.cpp came, in words.
 *
 * The former environment stays in use until the new one is whole, and afterwards too for servers
 * of other windows that run from it. Those before it are removed.
 */
export async function installServer(
  context: vscode.ExtensionContext,
  title: string,
  log: vscode.LogOutputChannel,
): Promise<string> {
  const former = await currentEnvironment(context);
  const folder = PREFIX + Date.now().toString(36);
  const pipReport = storagePath(context, folder, "pip-report.json");
  let llama: LlamaOrigin | undefined;
  try {
    await withRunner(title, log, async (run, report) => {
      report("looking for Python 3.11 or newer");
      const python = await findPython(run);
      await vscode.workspace.fs.createDirectory(context.globalStorageUri);
      await run(python, "-P", "-m", "venv", storagePath(context, folder));
      const own = program(context, folder, "python");
      const chosen = await findPackage(context);
      const { wheels } = serverSettings();
      // Without a wheel for this platform the inference engine is compiled, which takes minutes.
      const prebuilt = ["-P", path.join(context.extensionPath, "media", "prebuilt_llama.py")];
      const takesPrebuilt = wheels !== "" && path.isAbsolute(chosen) && chosen.endsWith(".whl");
      if (takesPrebuilt) await run(own, ...prebuilt, "get", wheels, chosen);
      const install = ["-P", "-m", "pip", "install", "--disable-pip-version-check"];
      await run(own, ...install, "--report", pipReport, chosen);
      if (takesPrebuilt) await run(own, ...prebuilt, "check", chosen, pipReport);
    });
    llama = await llamaOrigin(pipReport);
    await record(context, { folder, version: extensionVersion(context), llama });
  } catch (error) {
    await remove(context, folder);
    throw error;
  }
  for (const name of await fs.readdir(storagePath(context))) {
    const inUse = name === folder || name === former?.folder;
    if (name.startsWith(PREFIX) && !inUse) await remove(context, name);
  }
  return llama === undefined ? "" : LLAMA_CAME[llama];
}

/** How llama.cpp came, if the report tells: that it cannot be read is no reason not to install. */
async function llamaOrigin(pipReport: string): Promise<LlamaOrigin | undefined> {
  try {
    const { install } = JSON.parse(await fs.readFile(pipReport, "utf8")) as PipReport;
    const llama = install.find(({ metadata }) => /^llama[-_.]cpp[-_.]python$/i.test(metadata.name));
    // What pip had not to install was there: the prebuilt wheel. Of a wheel that it has compiled, now or before,
    // it tells where the sources are.
    return llama === undefined || llama.download_info.url.endsWith(".whl") ? "prebuilt" : "compiled";
  } catch {
    return undefined;
  }
}

async function currentEnvironment(
  context: vscode.ExtensionContext,
): Promise<Environment | undefined> {
  const text = await fs.readFile(storagePath(context, RECORD), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { folder, version, llama } = JSON.parse(text) as Partial<Environment>;
    return folder && version ? { folder, version, llama } : undefined;
  } catch {
    return undefined; // it is written anew with the next environment
  }
}

async function record(context: vscode.ExtensionContext, environment: Environment): Promise<void> {
  const unfinished = storagePath(context, `${RECORD}.new`);
  await fs.writeFile(unfinished, JSON.stringify(environment));
  await fs.rename(unfinished, storagePath(context, RECORD));
}

/** Remove an environment as far as possible: Windows keeps files that are in use. */
async function remove(context: vscode.ExtensionContext, folder: string): Promise<void> {
  await fs.rm(storagePath(context, folder), { recursive: true, force: true }).catch(() => {});
}

function program(context: vscode.ExtensionContext, folder: string, name: string): string {
  const scripts = WINDOWS ? "Scripts" : "bin";
  return storagePath(context, folder, scripts, WINDOWS ? `${name}.exe` : name);
}

function storagePath(context: vscode.ExtensionContext, ...names: string[]): string {
  return path.join(context.globalStorageUri.fsPath, ...names);
}

/** What pip is to install: what the user says, else the wheel that came with this extension. */
async function findPackage(context: vscode.ExtensionContext): Promise<string> {
  const chosen = serverSettings().package;
  if (chosen) return chosen;
  const folder = path.join(context.extensionPath, "server");
  const wheel = (await fs.readdir(folder).catch(() => [])).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) {
    // Not by its name: there is no such package on PyPI, and anybody could put one there.
    throw new Error("this extension came without the server: set infill-ls.server.package to a wheel or a checkout");
  }
  return path.join(folder, wheel);
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
