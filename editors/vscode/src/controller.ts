import * as vscode from "vscode";
import { type LanguageClient, WorkDoneProgress } from "vscode-languageclient/node";
import { COMMIT_BOX, SCHEMES, createClient } from "./client";
import { SECTION, isOffFor, isOn, openSettings, serverSettings, wantsNextEdits } from "./config";
import { EarlyTyping } from "./earlyTyping";
import { extensionVersion, installServer, outdatedVersion } from "./environment";
import { GhostText } from "./ghostText";
import { Pause } from "./pause";
import { Problems, tellOfWrongSettings } from "./problems";
import { messageOf, showFailure } from "./processes";
import { type FoundServer, findServer } from "./server";
import { type ServerStatus, StatusItem } from "./status";
import { showServerStep } from "./walkthrough";

/** Where VS Code keeps that suggestions are off in a workspace. */
const OFF = "off";
/** So long a server that is starting is waited for before it is started anew. */
const START_MS = 10_000;
const GONE = "the server ended several times within three minutes, and is not started again";

/** Runs the server, and knows all that the status bar shows. */
export class Controller implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel("infill-ls", { log: true });
  readonly ghost = new GhostText();
  /** Runs what of the server's commands the extension has a way of its own for. */
  runCommand: (name: string, args: readonly unknown[]) => Promise<void> | undefined = () => undefined;
  /** Ask for nothing meanwhile. Explicit requests are answered all the same. */
  readonly pause = new Pause(() => this.refresh());
  private readonly startedEmitter = new vscode.EventEmitter<void>();
  /** The server has answered for the first time. */
  readonly onDidStart = this.startedEmitter.event;
  private readonly status = new StatusItem();
  private readonly problems = new Problems();
  private readonly earlyTyping = new EarlyTyping(() => this.isRunning);
  private readonly subscriptions: vscode.Disposable[] = [];
  private client: LanguageClient | undefined;
  private serverStatus: ServerStatus | undefined;
  private problem: string | undefined;
  private command: string | undefined;
  /** What was started: the program with its arguments. */
  private runs = "";
  private started = false;
  private missing = false;
  private outdated: string | undefined;
  private updateOffered = false;
  private installation: Promise<void> | undefined;
  private starting: Promise<void> = Promise.resolve();
  /** How often a restart was asked for. */
  private restarts = 0;

  constructor(private readonly context: vscode.ExtensionContext) {
    this.subscriptions.push(
      this.log,
      this.ghost,
      this.pause,
      this.startedEmitter,
      this.status,
      this.earlyTyping,
      vscode.window.onDidChangeActiveTextEditor((editor) => this.focused(editor)),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.trusted()),
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
  start(): Promise<void> {
    return (this.starting = this.findAndRun());
  }

  private async findAndRun(): Promise<void> {
    this.command = undefined;
    this.missing = false;
    this.outdated = undefined;
    this.problem = undefined;
    this.serverStatus = undefined;
    try {
      const found = await findServer(this.context);
      this.command = found?.command;
      this.missing = !found;
      this.refresh();
      if (!found) void this.offerToInstall();
      else {
        if (found.origin === "managed") await this.compareVersions();
        await this.run(found);
      }
      showServerStep(found !== undefined);
    } catch (error) {
      this.problem = `the server does not start: ${messageOf(error)}`;
      this.log.error(this.problem);
      showServerStep(false);
      this.refresh();
    }
  }

  private async run({ command, origin }: FoundServer): Promise<void> {
    this.started = false;
    this.log.info(`starting ${command} (${origin})`);
    this.runs = commandLine(command);
    this.client = createClient(command, serverSettings().arguments, this.log, {
      isWantedIn: (document) => this.isWantedIn(document),
      hasStarted: () => this.started,
      ghost: this.ghost,
      runCommand: (name, args) => this.runCommand(name, args),
      statusChanged: (status) => {
        this.serverStatus = status;
        void this.problems.take(status);
        this.refresh();
      },
      settingsAreWrong: (problems) => void tellOfWrongSettings(problems),
      restarts: () => {
        this.serverStatus = undefined;
        this.refresh();
      },
      runs: () => this.focused(vscode.window.activeTextEditor),
      isGone: () => void this.serverIsGone(),
    });
    await this.client.start();
    this.started = true;
    this.startedEmitter.fire();
    if (this.earlyTyping.take()) void this.ghost.ask();
  }

  /** Tell that the server ended again and again; it is started again by the user alone. */
  private async serverIsGone(): Promise<void> {
    this.problem = GONE;
    this.log.error(GONE);
    this.refresh();
    const restart = "Restart Server";
    const choice = await vscode.window.showErrorMessage(`infill-ls: ${GONE}`, restart, "Show Log");
    if (choice === restart) await this.restart();
    else if (choice) this.log.show();
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

  /** What the workspace brings may be used now: start anew if that is another server. */
  private async trusted(): Promise<void> {
    const found = await findServer(this.context).catch(() => undefined);
    if (!this.isRunning || !found || commandLine(found.command) !== this.runs) await this.restart();
  }

  async restart(): Promise<void> {
    const mine = (this.restarts += 1);
    const isOvertaken = (): boolean => mine !== this.restarts;
    // A client that is starting cannot be stopped. One restart is for all that changes meanwhile: when a
    // workspace comes to be trusted, its settings come into force in the same moment.
    await Promise.race([this.starting, new Promise((done) => setTimeout(done, START_MS))]);
    if (isOvertaken()) return;
    await this.stop();
    if (isOvertaken()) return;
    await this.start();
  }

  /** Install the server, or a newer one. One that runs goes on until the new one is there. */
  install(): Promise<void> {
    this.installation ??= this.installAnew().finally(() => {
      this.installation = undefined;
      this.refresh();
    });
    this.refresh();
    return this.installation;
  }

  private async installAnew(): Promise<void> {
    const updates = this.isOutdated;
    try {
      const title = updates ? "Updating infill-ls" : "Installing infill-ls";
      const how = await installServer(this.context, title, this.log);
      const done = updates ? "updated" : "installed";
      void vscode.window.showInformationMessage(`infill-ls was ${done}${how && `, with ${how}`}.`);
    } catch (error) {
      const what = updates
        ? "infill-ls was not updated, and the previous version keeps running"
        : "infill-ls was not installed";
      void showFailure(what, error, this.log);
      return;
    }
    await this.restart();
  }

  /** Whether the environment that we manage has the server of another version of the extension. */
  get isOutdated(): boolean {
    return this.outdated !== undefined;
  }

  get isInstalling(): boolean {
    return this.installation !== undefined;
  }

  get isMissing(): boolean {
    return this.missing;
  }

  /** Whether a server can be asked. */
  get isRunning(): boolean {
    return this.client?.isRunning() ?? false;
  }

  get isPaused(): boolean {
    return this.pause.until !== undefined;
  }

  get isOffForWorkspace(): boolean {
    return this.context.workspaceState.get(OFF, false);
  }

  /** Switch suggestions off or on here. VS Code remembers it; no file of the workspace does. */
  async toggleWorkspace(): Promise<void> {
    await this.context.workspaceState.update(OFF, this.isOffForWorkspace ? undefined : true);
    this.refresh();
  }

  /** The server's report on the last completion of a document. */
  async explain(document: vscode.TextDocument): Promise<{ readonly markdown: string } | null> {
    const params = { textDocument: { uri: document.uri.toString() } };
    return (await this.request<{ readonly markdown: string }>("infill/explain", params)) ?? null;
  }

  /** Whether something may be offered in a document, unasked. */
  isWantedIn(document: vscode.TextDocument): boolean {
    const isOff = this.isPaused || this.whyOff(document.languageId) !== undefined;
    return !isOff && SCHEMES.includes(document.uri.scheme);
  }

  wantsNextEdit(document: vscode.TextDocument): boolean {
    return wantsNextEdits() && document.uri.scheme !== COMMIT_BOX && this.isWantedIn(document);
  }

  /** Ask the server; nothing if none runs. */
  async request<T>(
    method: string,
    params: object,
    token?: vscode.CancellationToken,
  ): Promise<T | undefined> {
    if (!this.client?.isRunning()) return undefined;
    // A token that is undefined would be taken for a second parameter.
    return this.client.sendRequest<T>(method, params, ...(token ? [token] : []));
  }

  async notify(method: string, params: object): Promise<void> {
    if (this.client?.isRunning()) await this.client.sendNotification(method, params);
  }

  /** Hear what the server says of the progress of something that was asked for with a token of ours. */
  onProgress(token: string, listener: (message: string) => void): vscode.Disposable {
    const nothing = new vscode.Disposable(() => {});
    return (
      this.client?.onProgress(WorkDoneProgress.type, token, (value) => {
        if ("message" in value && value.message) listener(value.message);
      }) ?? nothing
    );
  }

  /** Something that the server says of itself which LSP has no word for. */
  isCapableOf(name: string): boolean {
    const { experimental } = this.client?.initializeResult?.capabilities ?? {};
    return (experimental as Record<string, unknown> | undefined)?.[name] === true;
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private focused(editor: vscode.TextEditor | undefined): void {
    this.refresh();
    const focus = editor ? { textDocument: { uri: editor.document.uri.toString() } } : {};
    void this.notify("textDocument/didFocus", focus);
  }

  private refresh(): void {
    const language = vscode.window.activeTextEditor?.document.languageId;
    this.status.show({
      missing: this.missing,
      isInstalling: this.isInstalling,
      problem: this.problem,
      pausedUntil: this.pause.until,
      offHere: this.whyOff(language),
      server: this.serverStatus,
    });
  }

  private whyOff(language: string | undefined): string | undefined {
    if (!isOn()) return "off";
    if (this.isOffForWorkspace) return "off for this workspace";
    return language !== undefined && isOffFor(language) ? `off for ${language}` : undefined;
  }

  private async offerToInstall(): Promise<void> {
    const install = "Install";
    const setPath = "Set Path";
    const choice = await vscode.window.showInformationMessage(
      "The server infill-ls was not found. Install it into its own environment?",
      install,
      setPath,
    );
    if (choice === install) await this.install();
    else if (choice === setPath) await openSettings("infill-ls.server.path");
  }

  /** Offer an update, once, if our environment is of another version of the extension. */
  private async compareVersions(): Promise<void> {
    this.outdated = await outdatedVersion(this.context);
    if (this.outdated === undefined || this.updateOffered) return;
    this.updateOffered = true;
    void this.offerToUpdate(this.outdated);
  }

  private async offerToUpdate(version: string): Promise<void> {
    const update = "Update";
    const choice = await vscode.window.showInformationMessage(
      `The server has version ${version}, this extension ${extensionVersion(this.context)}. ` +
        "Update the server? The previous version keeps running meanwhile.",
      update,
    );
    if (choice !== update) return;
    // Another window may have done it since.
    if ((await outdatedVersion(this.context)) === undefined) await this.restart();
    else await this.install();
  }
}

function commandLine(command: string): string {
  return [command, ...serverSettings().arguments].join("\0");
}
