import * as vscode from "vscode";

export const SECTION = "infill-ls";

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
  const config = vscode.workspace.getConfiguration(SECTION);
  return config.get<string[]>("disabledLanguages", []).includes(languageId);
}

export async function toggleLanguage(languageId: string): Promise<void> {
  const config = vscode.workspace.getConfiguration(SECTION);
  const languages = config.get<string[]>("disabledLanguages", []);
  const changed = languages.includes(languageId)
    ? languages.filter((language) => language !== languageId)
    : [...languages, languageId];
  await config.update("disabledLanguages", changed, vscode.ConfigurationTarget.Global);
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
  const isOfWorkspace = config.inspect("enabled")?.workspaceValue !== undefined;
  const { Global, Workspace } = vscode.ConfigurationTarget;
  await config.update("enabled", !isOn(), isOfWorkspace ? Workspace : Global);
}

export function modelSetting(): string {
  return vscode.workspace.getConfiguration(SECTION).get("model", "");
}

export async function setModel(path: string): Promise<void> {
  const config = vscode.workspace.getConfiguration(SECTION);
  await config.update("model", path || undefined, vscode.ConfigurationTarget.Global);
}
