import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import { createClient } from "./client";
import { SECTION, isOffFor, isOn, serverSettings } from "./config";
import { installServer } from "./environment";
import { messageOf, showFailure } from "./processes";
import { type FoundServer, findServer } from "./server";
import { type ServerStatus, StatusItem } from "./status";
import { ServerStep } from "./walkthrough";

/** Runs the server, and knows all that the status bar shows. */
export class Controller implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel("infill-ls", { log: true });
  private readonly status = new StatusItem();
  private readonly serverStep = new ServerStep();
  private readonly subscriptions: vscode.Disposable[] = [];
  private client: LanguageClient | undefined;
  private serverStatus: ServerStatus | undefined;
  private problem: string | undefined;
  private command: string | undefined;
  private missing = false;
  private requests = 0;
  private pausedUntil: Date | undefined;
  private pauseTimer: NodeJS.Timeout | undefined;

  constructor(private readonly context: vscode.ExtensionContext) {
    this.subscriptions.push(
      this.log,
      this.status,
      this.serverStep,
      vscode.window.onDidChangeActiveTextEditor((editor) => this.focused(editor)),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.restart()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration(`${SECTION}.server`)) void this.restart();
        else if (change.affectsConfiguration(SECTION)) this.refresh();
      }),
    );
    this.refresh();
  }

  /** The program of the server, if it was found. */
  get serverCommand(): string | undefined {
    return this.command;
  }

  /** Start the server, if it is installed; otherwise offer to install it. */
  async start(): Promise<void> {
    this.command = undefined;
    this.missing = false;
    this.problem = undefined;
    this.serverStatus = undefined;
    try {
      const found = await findServer(this.context);
      this.command = found?.command;
      this.missing = !found;
      this.refresh();
      if (!found) void this.offerToInstall();
      else await this.run(found);
    } catch (error) {
      this.problem = `the server does not start: ${messageOf(error)}`;
      this.log.error(this.problem);
      this.refresh();
    }
  }

  private async run({ command, origin }: FoundServer): Promise<void> {
    this.log.info(`starting ${command} (${origin})`);
    this.client = createClient(command, serverSettings().arguments, this.log, {
      isPaused: () => this.isPaused,
      thinkingChanged: (requests) => {
        this.requests = requests;
        this.refresh();
      },
      statusChanged: (status) => {
        this.serverStatus = status;
        this.refresh();
      },
    });
    await this.client.start();
    this.serverStep.serverRuns();
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    try {
      await client?.dispose();
    } catch (error) {
      this.log.warn(`the server did not stop in order: ${messageOf(error)}`);
    }
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async install(): Promise<void> {
    const wasThere = !this.missing;
    await this.stop(); // it may run from the environment that is made anew
    try {
      await installServer(this.context, this.log);
    } catch (error) {
      void showFailure("infill-ls was not installed", error, this.log);
      if (!wasThere) return; // it would only be offered again
    }
    await this.start();
  }

  get isMissing(): boolean {
    return this.missing;
  }

  get isPaused(): boolean {
    return this.pausedUntil !== undefined;
  }

  /** Ask for nothing for some minutes; explicit requests are answered all the same. */
  pause(minutes: number): void {
    this.resume();
    this.pausedUntil = new Date(Date.now() + minutes * 60_000);
    this.pauseTimer = setTimeout(() => this.resume(), minutes * 60_000);
    this.refresh();
  }

  resume(): void {
    clearTimeout(this.pauseTimer);
    this.pausedUntil = undefined;
    this.refresh();
  }

  /** The server's report on the last completion of a document. */
  async explain(document: vscode.TextDocument): Promise<{ readonly markdown: string } | null> {
    const params = { textDocument: { uri: document.uri.toString() } };
    return this.client ? this.client.sendRequest("infill/explain", params) : null;
  }

  dispose(): void {
    clearTimeout(this.pauseTimer);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private focused(editor: vscode.TextEditor | undefined): void {
    this.refresh();
    if (!this.client?.isRunning()) return;
    const focus = editor ? { textDocument: { uri: editor.document.uri.toString() } } : {};
    void this.client.sendNotification("textDocument/didFocus", focus);
  }

  private refresh(): void {
    const language = vscode.window.activeTextEditor?.document.languageId;
    const offForLanguage = language !== undefined && isOffFor(language);
    this.status.show({
      missing: this.missing,
      problem: this.problem,
      pausedUntil: this.pausedUntil,
      offHere: !isOn() ? "off" : offForLanguage ? `off for ${language}` : undefined,
      thinking: this.requests > 0,
      server: this.serverStatus,
    });
  }

  private async offerToInstall(): Promise<void> {
    const install = "Install";
    const setPath = "Set Path";
    const choice = await vscode.window.showInformationMessage(
      "The server infill-ls was not found. Install it into an environment of its own?",
      install,
      setPath,
    );
    if (choice === install) await this.install();
    else if (choice === setPath) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "infill-ls.server.path");
    }
  }
}
