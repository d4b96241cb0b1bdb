import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { setModel } from "./config";
import { showFailure, withRunner } from "./processes";

/** A line of `infill-ls model list --json`. */
interface Model {
  readonly name: string;
  readonly title: string;
  readonly bytes: number | null;
  readonly licence: string;
  readonly installed: boolean;
  readonly inUse: boolean;
}

interface Choice extends vscode.QuickPickItem {
  /** What to set, after it was fetched if it is not on this machine. */
  readonly model?: string;
  readonly fetch?: boolean;
}

/** Let the user choose a model; `server` is the program that knows which there are. */
export async function chooseModel(
  server: string | undefined,
  log: vscode.LogOutputChannel,
): Promise<void> {
  const file: Choice = { label: "$(folder-opened) A GGUF file…" };
  const choices: Promise<readonly Choice[]> = listModels(server, log).then((models) =>
    choicesOf(models, file),
  );
  const chosen = await vscode.window.showQuickPick(choices, {
    title: "Model",
    matchOnDescription: true,
  });
  if (!chosen) return;
  if (chosen === file) return chooseFile();
  const { model, fetch } = chosen;
  if (model === undefined) return;
  if (fetch && server !== undefined) {
    try {
      await withRunner(`Fetching ${model}`, log, (run) => run(server, "model", "pull", model));
    } catch (error) {
      return showFailure(`${model} was not fetched`, error, log);
    }
  }
  await setModel(model);
}

async function listModels(
  server: string | undefined,
  log: vscode.LogOutputChannel,
): Promise<readonly Model[]> {
  if (server === undefined) return [];
  try {
    const { stdout } = await promisify(execFile)(server, ["model", "list", "--json"]);
    return (JSON.parse(stdout) as { models: Model[] }).models;
  } catch (error) {
    log.warn(`no list of models: ${String(error)}`);
    return []; // a file can be chosen all the same
  }
}

function choicesOf(models: readonly Model[], file: Choice): Choice[] {
  const separator = (label: string): Choice => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const choiceOf = (model: Model): Choice => ({
    label: `${model.inUse ? "$(check) " : model.installed ? "" : "$(cloud-download) "}${model.name}`,
    description: [model.inUse && "in use", model.title, sizeOf(model.bytes), model.licence].filter(Boolean).join(", "),
    model: model.name,
    fetch: !model.installed,
  });
  return [
    { label: "Default", description: "what infill-ls model use chose, else the bundled one", model: "" },
    ...models.filter(({ installed }) => installed).map(choiceOf),
    file,
    separator("to be fetched"),
    ...models.filter(({ installed }) => !installed).map(choiceOf),
  ];
}

function sizeOf(bytes: number | null): string {
  return bytes === null ? "" : `${(bytes / 1e9).toFixed(2)} GB`;
}

async function chooseFile(): Promise<void> {
  const files = await vscode.window.showOpenDialog({
    title: "A model that can fill in the middle",
    filters: { "GGUF models": ["gguf"] },
  });
  if (files?.[0]) await setModel(files[0].fsPath);
}
