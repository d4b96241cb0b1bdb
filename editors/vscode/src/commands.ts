import * as vscode from "vscode";
import { isOffFor, isOn, openSettings, toggle, toggleLanguage } from "./config";
import type { Controller } from "./controller";
import { chooseModel } from "./models";
import { NONE_RUNS, showFailure } from "./processes";
import type { Reports } from "./reports";
import { StatisticsPage } from "./statistics";

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
  const page = new StatisticsPage();
  const commands: Record<string, () => unknown> = {
    menu: () => showMenu(controller),
    pause: () => pause(controller),
    resume: () => controller.pause.stop(),
    toggleLanguage: () => {
      const editor = vscode.window.activeTextEditor;
      return editor && toggleLanguage(editor.document.languageId);
    },
    toggle: () => toggle(),
    toggleWorkspace: () => controller.toggleWorkspace(),
    next: () => controller.ghost.step("showNext"),
    previous: () => controller.ghost.step("showPrevious"),
    chooseModel: () => chooseModel(controller.serverCommand, controller.log),
    explain: () => explain(controller, reports),
    statistics: () => statistics(controller, page),
    openSettings: () => openSettings(),
    showLog: () => controller.log.show(),
    restart: () => controller.restart(),
    install: () => controller.install(),
  };
  const registered = Object.entries(commands).map(([name, run]) =>
    vscode.commands.registerCommand(`infill-ls.${name}`, run),
  );
  return [page, ...registered];
}

interface MenuEntry extends vscode.QuickPickItem {
  readonly command: string;
}

function separator(label: string): MenuEntry {
  return { label, kind: vscode.QuickPickItemKind.Separator, command: "" };
}

const INSTRUCTIONS: readonly MenuEntry[] = [
  separator("Instructions"),
  { label: "$(sparkle) Implement the function", command: "infill-ls.implement" },
  { label: "$(edit) Rewrite by an instruction…", command: "infill-ls.rewrite" },
  { label: "$(book) Document the function", command: "infill-ls.document" },
  { label: "$(beaker) Write tests for the function", command: "infill-ls.writeTests" },
  { label: "$(comment) Describe the code", command: "infill-ls.describe" },
];
const CHOOSE_MODEL: MenuEntry = { label: "$(chip) Choose model…", command: "infill-ls.chooseModel" };
const EXPLAIN: MenuEntry = {
  label: "$(question) Explain the last completion",
  command: "infill-ls.explain",
};
const STATISTICS: MenuEntry = { label: "$(graph) Show statistics", command: "infill-ls.statistics" };

async function showMenu(controller: Controller): Promise<void> {
  const chosen = await vscode.window.showQuickPick(menuEntries(controller), {
    title: "infill-ls",
    placeHolder: "What to do",
  });
  if (!chosen) return;
  // Else the next key goes to the item in the status bar, which was clicked.
  await vscode.commands.executeCommand("workbench.action.focusActiveEditorGroup");
  await vscode.commands.executeCommand(chosen.command);
}

function menuEntries(controller: Controller): MenuEntry[] {
  return [
    ...installation(controller),
    separator("Suggestions"),
    ...switches(controller),
    ...(controller.isRunning ? INSTRUCTIONS : []),
    separator("Model and server"),
    ...(controller.serverCommand === undefined ? [] : [CHOOSE_MODEL]),
    ...(controller.isRunning ? [EXPLAIN] : []),
    ...(controller.serverCommand === undefined ? [] : [STATISTICS]),
    { label: "$(gear) Open settings", command: "infill-ls.openSettings" },
    { label: "$(output) Show log", command: "infill-ls.showLog" },
    { label: "$(refresh) Restart the server", command: "infill-ls.restart" },
  ];
}

function installation(controller: Controller): MenuEntry[] {
  if (controller.isInstalling || !(controller.isMissing || controller.isOutdated)) return [];
  const what = controller.isMissing ? "Install" : "Update";
  return [{ label: `$(cloud-download) ${what} the server`, command: "infill-ls.install" }];
}

function switches(controller: Controller): MenuEntry[] {
  const language = vscode.window.activeTextEditor?.document.languageId;
  const offOrOn = (isOff: boolean): string => (isOff ? "on" : "off");
  const ofLanguage = language !== undefined && {
    label: `$(code) Switch ${offOrOn(isOffFor(language))} for ${language}`,
    command: "infill-ls.toggleLanguage",
  };
  return [
    controller.isPaused
      ? { label: "$(debug-start) Resume", command: "infill-ls.resume" }
      : { label: "$(debug-pause) Pause for a while…", command: "infill-ls.pause" },
    ...(ofLanguage ? [ofLanguage] : []),
    { label: `$(globe) Switch ${offOrOn(!isOn())} everywhere`, command: "infill-ls.toggle" },
    {
      label: `$(folder) Switch ${offOrOn(controller.isOffForWorkspace)} for this workspace`,
      command: "infill-ls.toggleWorkspace",
    },
  ];
}

async function pause(controller: Controller): Promise<void> {
  const items = PAUSES.map(([label, minutes]) => ({ label, minutes }));
  const chosen = await vscode.window.showQuickPick(items, { title: "Pause for" });
  if (chosen) controller.pause.start(chosen.minutes);
}

async function explain(controller: Controller, reports: Reports): Promise<void> {
  if (!controller.isRunning) return tellThatNoneRuns();
  const editor = vscode.window.activeTextEditor;
  const report = editor && (await controller.explain(editor.document));
  if (report) await reports.show("The Last Completion", report.markdown);
  else {
    void vscode.window.showInformationMessage(
      "infill-ls has not been asked for a completion in this file yet.",
    );
  }
}

async function statistics(controller: Controller, page: StatisticsPage): Promise<void> {
  const server = controller.serverCommand;
  if (server === undefined) return tellThatNoneRuns();
  try {
    await page.show(server);
  } catch (error) {
    await showFailure("There are no statistics", error, controller.log);
  }
}

function tellThatNoneRuns(): void {
  void vscode.window.showWarningMessage(NONE_RUNS);
}
