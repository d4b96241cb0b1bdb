import * as vscode from "vscode";
import { type Answer, type Change, type Place, applied, changeOf } from "./askChanges";
import { openSettings } from "./config";
import { NONE_RUNS, messageOf } from "./processes";
import type { Reports } from "./reports";

const SCHEME = "infill-ls-ask";
/** True while a result waits to be taken or dropped: only then its keys are ours. */
const SHOWN = "infill-ls.askShown";
const PREFIX = "infill-ls.ask.";
const CHANGED = "The text there has changed meanwhile: nothing was changed.";
/** What a message of the server's has if there is no model for an instruction. */
const NO_MODEL = "instructModel";
const EXECUTE = "workspace/executeCommand";

type Task = "implement" | "rewrite" | "document" | "tests" | "explain";

const TITLES: Record<Task, string> = {
  implement: "Implement the function",
  rewrite: "Rewrite",
  document: "Document the function",
  tests: "Write tests",
  explain: "Describe the code",
};

interface Range {
  readonly start: Place;
  readonly end: Place;
}

/** What of the server is needed here. */
export interface Server {
  /** Whether it can be asked. */
  readonly isRunning: boolean;
  request<T>(
    method: string,
    params: object,
    token?: vscode.CancellationToken,
  ): Promise<T | undefined>;
  /** Hear what the server says of the progress of something that has this token. */
  onProgress(token: string, listener: (message: string) => void): vscode.Disposable;
}

/** An instruction, which may be given again. */
interface Asked {
  readonly task: Task;
  readonly uri: string;
  readonly range: Range;
  readonly instruction: string;
  readonly attempt: number;
}

interface Shown {
  readonly asked: Asked;
  readonly change: Change;
  readonly after: vscode.Uri;
}

/** Has a model carry out instructions, and shows what comes of one as a difference to take or to drop. */
export class Asks implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly subscriptions: vscode.Disposable[];
  private readonly texts = new Map<string, string>();
  private shown: Shown | undefined;
  private number = 0;

  constructor(
    private readonly server: Server,
    private readonly reports: Reports,
    private readonly log: vscode.LogOutputChannel,
  ) {
    const commands: Record<string, () => unknown> = {
      implement: () => this.ofEditor("implement"),
      rewrite: () => this.rewrite(),
      document: () => this.ofEditor("document"),
      writeTests: () => this.ofEditor("tests"),
      describe: () => this.ofEditor("explain"),
      take: () => this.take(),
      again: () => this.again(),
      drop: () => this.drop(),
    };
    this.subscriptions = [
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
        if (this.shown && closed.some((tab) => this.isOf(tab))) this.forget();
      }),
      ...Object.entries(commands).map(([name, run]) =>
        vscode.commands.registerCommand(`infill-ls.${name}`, run),
      ),
    ];
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? "";
  }

  /** Run a command of the server's, such as a code action has, in our way; undefined if it is another. */
  command(name: string, args: readonly unknown[]): Promise<void> | undefined {
    const task = name.slice(PREFIX.length) as Task;
    if (!name.startsWith(PREFIX) || !(task in TITLES)) return undefined;
    const [uri, range, , instruction] = args as [string, Range, unknown, string | undefined];
    return this.run({ task, uri, range, instruction: instruction ?? "", attempt: 0 });
  }

  private async ofEditor(task: Task, instruction = ""): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor) return;
    const uri = editor.document.uri.toString();
    await this.run({ task, uri, range: plain(editor.selection), instruction, attempt: 0 });
  }

  private async rewrite(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor) return;
    if (!this.server.isRunning) return void vscode.window.showWarningMessage(NONE_RUNS);
    // What stands before the instruction is read while that is typed.
    const place = [editor.document.uri.toString(), plain(editor.selection)];
    const expected = { command: `${PREFIX}expect`, arguments: place };
    try {
      const answer = await this.server.request<Answer | null>(EXECUTE, expected);
      if (answer?.message) return void this.warn(answer.message);
    } catch (error) {
      this.log.debug(`nothing is prepared: ${messageOf(error)}`);
    }
    const instruction = await vscode.window.showInputBox({ prompt: "How to rewrite the code" });
    if (instruction?.trim()) await this.ofEditor("rewrite", instruction);
  }

  private async run(asked: Asked): Promise<void> {
    if (!this.server.isRunning) return void vscode.window.showWarningMessage(NONE_RUNS);
    await this.drop();
    try {
      const answer = await vscode.window.withProgress(
        {
          location: vscode.ProgressLocation.Notification,
          title: `Infill: ${TITLES[asked.task]}`,
          cancellable: true,
        },
        (progress, token) => this.ask(asked, progress, token),
      );
      if (answer) await this.show(asked, answer);
    } catch (error) {
      void vscode.window.showWarningMessage(`Infill: ${messageOf(error)}`);
    }
  }

  private async ask(
    asked: Asked,
    progress: vscode.Progress<{ message: string }>,
    token: vscode.CancellationToken,
  ): Promise<Answer | undefined> {
    const ours = `infill-ask-${process.pid}-${(this.number += 1)}`;
    const hearing = this.server.onProgress(ours, (message) => progress.report({ message }));
    const options = { preview: true, token: ours, attempt: asked.attempt };
    try {
      return await this.server.request<Answer>(
        EXECUTE,
        {
          command: PREFIX + asked.task,
          arguments: [asked.uri, asked.range, null, asked.instruction, options],
        },
        token,
      );
    } catch (error) {
      if (token.isCancellationRequested) return undefined;
      throw error;
    } finally {
      hearing.dispose();
    }
  }

  private async show(asked: Asked, answer: Answer): Promise<void> {
    const change = changeOf(answer);
    if (!change) {
      if (answer.words) await this.reports.show("What It Does", answer.words);
      else void this.warn(answer.message);
      return;
    }
    // Who asks again has read it.
    if (answer.message && asked.attempt === 0) void vscode.window.showInformationMessage(`Infill: ${answer.message}`);
    const name = change.uri.slice(change.uri.lastIndexOf("/") + 1);
    const path = `/${(this.number += 1)}/${decodeURIComponent(name)}`;
    const after = vscode.Uri.from({ scheme: SCHEME, path });
    const before = change.isNew
      ? after.with({ query: "before" })
      : vscode.Uri.parse(change.uri, true);
    const document = await vscode.workspace.openTextDocument(before);
    if (!standsIn(document, change)) {
      void vscode.window.showWarningMessage(`Infill: ${CHANGED}`);
      return;
    }
    const offsetAt = ({ line, character }: Place) =>
      document.offsetAt(new vscode.Position(line, character));
    this.texts.set(after.toString(), applied(document.getText(), offsetAt, change.edits));
    this.shown = { asked, change, after };
    setShown(true);
    const title = `${name}: ${TITLES[asked.task]}`;
    await vscode.commands.executeCommand("vscode.diff", before, after, title, { preview: true });
  }

  /** Tell why nothing came, with a way to the setting where a model is missing. */
  private async warn(message: string): Promise<void> {
    const settings = "Open Settings";
    const remedies = message.includes(NO_MODEL) ? [settings] : [];
    const chosen = await vscode.window.showWarningMessage(`Infill: ${message}`, ...remedies);
    if (chosen) await openSettings("infill-ls.instructModel");
  }

  /** Make what is shown, if what it replaces is still there: one step to undo. */
  private async take(): Promise<void> {
    const shown = this.shown;
    if (!shown) return;
    const { change } = shown;
    const uri = vscode.Uri.parse(change.uri, true);
    const edit = new vscode.WorkspaceEdit();
    if (change.isNew) edit.createFile(uri, { overwrite: false });
    else if (!standsIn(await vscode.workspace.openTextDocument(uri), change)) {
      await this.drop();
      void vscode.window.showWarningMessage(`Infill: ${CHANGED}`);
      return;
    }
    for (const { range, newText } of change.edits) edit.replace(uri, rangeOf(range), newText);
    const isMade = await vscode.workspace.applyEdit(edit);
    await this.drop();
    if (isMade) await vscode.window.showTextDocument(uri, { preview: false });
    else void vscode.window.showWarningMessage("Infill: the edit could not be applied.");
  }

  private async again(): Promise<void> {
    const asked = this.shown?.asked;
    if (asked) await this.run({ ...asked, attempt: asked.attempt + 1 });
  }

  private async drop(): Promise<void> {
    if (!this.shown) return;
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    const ours = tabs.filter((tab) => this.isOf(tab));
    this.forget();
    if (ours.length) await vscode.window.tabGroups.close(ours);
  }

  private forget(): void {
    if (this.shown) this.texts.delete(this.shown.after.toString());
    this.shown = undefined;
    setShown(false);
  }

  private isOf(tab: vscode.Tab): boolean {
    const { input } = tab;
    return (
      input instanceof vscode.TabInputTextDiff
      && input.modified.toString() === this.shown?.after.toString()
    );
  }
}

/** Whether all that is to be replaced still stands where it stood. */
function standsIn(document: vscode.TextDocument, change: Change): boolean {
  return change.edits.every(({ range }, number) => {
    const place = rangeOf(range);
    const found = document.getText(place).replaceAll("\r\n", "\n");
    const old = (change.old[number] ?? "").replaceAll(/\r\n?/g, "\n");
    return document.validateRange(place).isEqual(place) && found === old;
  });
}

function rangeOf({ start, end }: Range): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

function plain(selection: vscode.Selection): Range {
  const place = ({ line, character }: vscode.Position) => ({ line, character });
  return { start: place(selection.start), end: place(selection.end) };
}

function setShown(value: boolean): void {
  void vscode.commands.executeCommand("setContext", SHOWN, value);
}
