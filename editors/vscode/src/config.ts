import * as vscode from "vscode";

export const SECTION = "infill-ls";
/** All of our settings and no others, in the order in which they are told of. */
const OUR_SETTINGS = "@ext:infill-ls.infill-ls";

/** Settings of the extension itself; the server would complain of them. */
const OURS = ["server", "trace"];

export interface ServerSettings {
  readonly path: string;
  readonly arguments: readonly string[];
  /** What pip is told to install; empty means the wheel that came with the extension. */
  readonly package: string;
  /** The index that a prebuilt llama.cpp is looked for on; empty means none. */
  readonly wheels: string;
}

export function serverSettings(): ServerSettings {
  const config = vscode.workspace.getConfiguration(SECTION);
  return {
    path: config.get("server.path", "").trim(),
    arguments: config.get<string[]>("server.arguments", []),
    package: config.get("server.package", "").trim(),
    wheels: config.get("server.wheels", "").trim(),
  };
}

/** What goes to the server out of our section. */
export function forServer(section: unknown): unknown {
  if (typeof section !== "object" || section === null) return section;
  return Object.fromEntries(Object.entries(section).filter(([key]) => !OURS.includes(key)));
}

/** Our section as the server gets it when it starts. */
export function initialSettings(): unknown {
  return forServer(vscode.workspace.getConfiguration().get(SECTION, {}));
}

export function isOffFor(languageId: string): boolean {
  return disabledLanguages().includes(languageId);
}

/** VS Code hands on whatever the settings hold; the server takes one name for a list of it, too. */
function disabledLanguages(): readonly unknown[] {
  const config = vscode.workspace.getConfiguration(SECTION);
  const languages = config.get<unknown>("disabledLanguages", []);
  return Array.isArray(languages) ? languages : [languages];
}

export async function toggleLanguage(languageId: string): Promise<void> {
  const config = vscode.workspace.getConfiguration(SECTION);
  const languages = disabledLanguages();
  const changed = languages.includes(languageId)
    ? languages.filter((language) => language !== languageId)
    : [...languages, languageId];
  await config.update("disabledLanguages", changed, whereItDecides(config, "disabledLanguages"));
}

export function isOn(): boolean {
  return vscode.workspace.getConfiguration(SECTION).get("enabled", true);
}

export function wantsNextEdits(): boolean {
  return vscode.workspace.getConfiguration(SECTION).get("nextEdit", true);
}

/** Switch suggestions off or on, in the settings that decide. */
export async function toggle(): Promise<void> {
  const config = vscode.workspace.getConfiguration(SECTION);
  await config.update("enabled", !isOn(), whereItDecides(config, "enabled"));
}

/** The settings of the workspace, if they say something about this; else those of the user. */
function whereItDecides(
  config: vscode.WorkspaceConfiguration,
  name: string,
): vscode.ConfigurationTarget {
  const isOfWorkspace = config.inspect(name)?.workspaceValue !== undefined;
  const { Global, Workspace } = vscode.ConfigurationTarget;
  return isOfWorkspace ? Workspace : Global;
}

export function modelSetting(): string {
  return vscode.workspace.getConfiguration(SECTION).get("model", "");
}

/** Show our settings, or those that are searched for, where they can be changed. */
export async function openSettings(query = OUR_SETTINGS): Promise<void> {
  // Those of a machine are not among the user's if the machine is another one: there they are all.
  await (vscode.env.remoteName === undefined
    ? vscode.commands.executeCommand("workbench.action.openSettings", query)
    : vscode.commands.executeCommand("workbench.action.openRemoteSettings", { query }));
}

export async function setModel(path: string): Promise<void> {
  const config = vscode.workspace.getConfiguration(SECTION);
  await config.update("model", path || undefined, vscode.ConfigurationTarget.Global);
}
