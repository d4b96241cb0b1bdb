import { execFile } from "node:child_process";
import { freemem } from "node:os";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { modelSetting, setModel } from "./config";
import { SAFE_FOLDER, showFailure, withRunner } from "./processes";

/** A line of `infill-ls model list --json`. */
interface Model {
  readonly name: string;
  readonly title: string;
  readonly quantization: string;
  readonly bytes: number | null;
  /** What it takes while it runs, if that is known. */
  readonly memoryBytes: number | null;
  readonly licence: string;
  readonly licenceUrl: string;
  /** The file on the Hugging Face hub. */
  readonly source: string;
  readonly path: string | null;
  readonly installed: boolean;
  /** Unless a setting says otherwise. */
  readonly inUse: boolean;
}

interface Choice extends vscode.QuickPickItem {
  /** What to set, after it was fetched if it is not on this machine. */
  readonly model?: string;
  /** What is to be fetched for that. */
  readonly fetch?: Model;
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
    if (!(await mayDownload(fetch))) return;
    try {
      await withRunner(`Downloading ${model}`, log, (run) => run(server, "model", "pull", model));
    } catch (error) {
      return showFailure(`${model} was not downloaded`, error, log);
    }
  }
  await setModel(model);
}

/** Ask before anything is fetched. */
async function mayDownload({ name, title, bytes, licence, licenceUrl, source }: Model): Promise<boolean> {
  const download = "Download";
  const detail = [
    title,
    `Size: ${sizeOf(bytes) || "unknown"}`,
    `Licence: ${licence}, ${licenceUrl}`,
    `From: huggingface.co/${source}`,
  ].join("\n");
  const question = `Download the model ${name}?`;
  return (await vscode.window.showInformationMessage(question, { modal: true, detail }, download)) === download;
}

async function listModels(
  server: string | undefined,
  log: vscode.LogOutputChannel,
): Promise<readonly Model[]> {
  if (server === undefined) return [];
  try {
    const { stdout } = await promisify(execFile)(server, ["model", "list", "--json"], { cwd: SAFE_FOLDER });
    return (JSON.parse(stdout) as { models: Model[] }).models;
  } catch (error) {
    log.warn(`no list of models: ${String(error)}`);
    return []; // a file can be chosen all the same
  }
}

/** What is left of the free memory to the editor and the browser. */
const SPARE_BYTES = 2e9;

/** First what is here, then what could be fetched: what fits into the free memory before the rest. */
function choicesOf(models: readonly Model[], file: Choice): Choice[] {
  const setting = modelSetting();
  const isInUse = ({ name, path, inUse }: Model): boolean =>
    setting ? setting === name || setting === path : inUse;
  const fits = ({ memoryBytes }: Model): boolean =>
    memoryBytes === null || memoryBytes <= freemem() - SPARE_BYTES;
  const choiceOf = (model: Model): Choice => ({
    label: `${isInUse(model) ? "$(check) " : ""}${model.name}`,
    description: [
      isInUse(model) && "in use",
      model.title,
      model.quantization,
      sizeOf(model.bytes),
      model.memoryBytes !== null && `takes ${sizeOf(model.memoryBytes)} of memory`,
      model.licence,
    ].filter(Boolean).join(", "),
    model: model.name,
    ...(model.installed ? {} : { fetch: model }),
  });
  const group = (label: string, members: readonly Model[]): Choice[] =>
    members.length
      ? [{ label, kind: vscode.QuickPickItemKind.Separator }, ...members.map(choiceOf)]
      : [];
  const isOther = setting !== "" && !models.some(isInUse);
  const chosen = "what infill-ls model use chose, else the bundled one";
  const others = models.filter(({ installed }) => !installed);
  return [
    { label: "Default", description: chosen, model: "" },
    ...(isOther ? [{ label: `$(check) ${setting}`, description: "in use", model: setting }] : []),
    ...group("on this machine", models.filter(({ installed }) => installed)),
    file,
    ...group("to be downloaded, fits into the free memory", others.filter(fits)),
    ...group("to be downloaded, needs more memory than is free", others.filter((one) => !fits(one))),
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
