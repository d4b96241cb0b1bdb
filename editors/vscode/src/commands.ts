import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { SECTION, isOffFor, isOn, toggle, toggleLanguage } from "./config";
import type { Controller } from "./controller";
import type { Reports } from "./explain";
import { chooseModel } from "./models";
import { showFailure } from "./processes";

const PAUSES: ReadonlyArray<readonly [string, number]> = [
  ["5 minutes", 5],
  ["30 minutes", 30],
  ["2 hours", 120],
  ["until VS Code starts again", Infinity],
];

export function registerCommands(
  controller: Controller,
  reports: Reports,
): vscode.Disposable[] {
  const commands: Record<string, () => unknown> = {
    menu: () => showMenu(controller),
    pause: () => pause(controller),
    resume: () => controller.resume(),
    toggleLanguage: () => {
      const editor = vscode.window.activeTextEditor;
      return editor && toggleLanguage(editor.document.languageId);
    },
    toggle: () => toggle(),
    toggleWorkspace: () => controller.toggleWorkspace(),
    chooseModel: () => chooseModel(controller.serverCommand, controller.log),
    explain: () => explain(controller, reports),
    statistics: () => statistics(controller, reports),
    openSettings: () => vscode.commands.executeCommand("workbench.action.openSettings", SECTION),
    showLog: () => controller.log.show(),
    restart: () => controller.restart(),
    install: () => controller.install(),
  };
  return Object.entries(commands).map(([name, run]) =>
    vscode.commands.registerCommand(`infill-ls.${name}`, run),
  );
}

interface MenuEntry extends vscode.QuickPickItem {
  readonly command: string;
}

function separator(label: string): MenuEntry {
  return { label, kind: vscode.QuickPickItemKind.Separator, command: "" };
}

async function showMenu(controller: Controller): Promise<void> {
  const chosen = await vscode.window.showQuickPick(menuEntries(controller), {
    title: "infill-ls",
    placeHolder: "What to do",
  });
  if (chosen) await vscode.commands.executeCommand(chosen.command);
}

function menuEntries(controller: Controller): MenuEntry[] {
  const language = vscode.window.activeTextEditor?.document.languageId;
  const entries: MenuEntry[] = [];
  if (controller.isMissing) {
    entries.push({ label: "$(cloud-download) Install the server", command: "infill-ls.install" });
  } else if (controller.isOutdated) {
    entries.push({ label: "$(cloud-download) Update the server", command: "infill-ls.install" });
  }
  entries.push(
    separator("Suggestions"),
    controller.isPaused
      ? { label: "$(debug-start) Resume", command: "infill-ls.resume" }
      : { label: "$(debug-pause) Pause for a while…", command: "infill-ls.pause" },
  );
  if (language !== undefined) {
    const change = isOffFor(language) ? "on" : "off";
    entries.push({
      label: `$(code) Switch ${change} for ${language}`,
      command: "infill-ls.toggleLanguage",
    });
  }
  entries.push(
    {
      label: `$(globe) Switch ${isOn() ? "off" : "on"} everywhere`,
      command: "infill-ls.toggle",
    },
    {
      label: `$(folder) Switch ${controller.isOffForWorkspace ? "on" : "off"} for this workspace`,
      command: "infill-ls.toggleWorkspace",
    },
    separator("Instructions"),
    { label: "$(sparkle) Implement the function", command: "infill-ls.implement" },
    { label: "$(edit) Rewrite by an instruction…", command: "infill-ls.rewrite" },
    { label: "$(book) Document the function", command: "infill-ls.document" },
    { label: "$(beaker) Write tests for the function", command: "infill-ls.writeTests" },
    { label: "$(comment) Describe the code", command: "infill-ls.describe" },
    separator("Model and server"),
    { label: "$(chip) Choose model…", command: "infill-ls.chooseModel" },
    { label: "$(question) Explain the last completion", command: "infill-ls.explain" },
    { label: "$(graph) Show statistics", command: "infill-ls.statistics" },
    { label: "$(gear) Open settings", command: "infill-ls.openSettings" },
    { label: "$(output) Show log", command: "infill-ls.showLog" },
    { label: "$(refresh) Restart the server", command: "infill-ls.restart" },
  );
  return entries;
}

async function pause(controller: Controller): Promise<void> {
  const items = PAUSES.map(([label, minutes]) => ({ label, minutes }));
  const chosen = await vscode.window.showQuickPick(items, { title: "Pause for" });
  if (chosen) controller.pause(chosen.minutes);
}

async function explain(controller: Controller, reports: Reports): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const report = editor && (await controller.explain(editor.document));
  if (report) await reports.show("The last completion.md", report.markdown);
  else {
    void vscode.window.showInformationMessage(
      "infill-ls has not been asked for a completion in this file yet.",
    );
  }
}

async function statistics(controller: Controller, reports: Reports): Promise<void> {
  const server = controller.serverCommand;
  if (server === undefined) return;
  try {
    // Narrow, as it is shown beside the file.
    const env = { ...process.env, COLUMNS: "60" };
    const { stdout } = await promisify(execFile)(server, ["stats"], { env });
    await reports.show("Statistics.txt", stdout);
  } catch (error) {
    await showFailure("There are no statistics", error, controller.log);
  }
}
