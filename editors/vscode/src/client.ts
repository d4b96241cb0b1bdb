import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  State,
  LanguageClient,
  RevealOutputChannelOn,
  type ErrorHandler,
  type Middleware,
  type StaticFeature,
} from "vscode-languageclient/node";
import { SECTION, forServer, initialSettings } from "./config";
import { type GhostText, tell } from "./ghostText";
import { SAFE_FOLDER } from "./processes";
import type { ServerStatus } from "./status";

/** Where a commit message is written. */
export const COMMIT_BOX = "vscode-scm";
/** Of the documents that the server gets. */
export const SCHEMES: readonly string[] = ["file", "untitled", "vscode-notebook-cell", COMMIT_BOX];

/** The client's questions to the rest of the extension, and what it tells it. */
export interface Listener {
  /** Whether automatic suggestions are wanted in a document now: the server hears of changed settings a moment later. */
  isWantedIn(document: vscode.TextDocument): boolean;
  /** Whether the server has answered yet. */
  hasStarted(): boolean;
  readonly ghost: GhostText;
  /** Run a command of the server's in our own way; undefined for one that is to be sent there. */
  runCommand(name: string, args: readonly unknown[]): Promise<void> | undefined;
  statusChanged(status: ServerStatus): void;
  /** Settings are wrong: a sentence for each. */
  settingsAreWrong(problems: readonly string[]): void;
  /** The server has ended, and is being started again. */
  restarts(): void;
  /** The server has answered, for the first time or again. */
  runs(): void;
  /** The server has ended too often to be started once more. */
  isGone(): void;
}

/**
 * Says that ghost text may take the place of brackets right of the cursor, which the server knows of
 * "Visual Studio Code", but editors that are built from it have other names; and that problems, in
 * the status and in the settings, are shown to the user by us, with what can be done.
 */
const OURS: StaticFeature = {
  fillClientCapabilities: (capabilities) => {
    capabilities.experimental = {
      ...(capabilities.experimental as object | undefined),
      inlineCompletionReplaces: true,
      suggestionGrows: true,
      statusProblems: true,
      wrongSettings: true,
    };
  },
  initialize: () => {},
  getState: () => ({ kind: "static" }),
  clear: () => {},
};

/** A client that pops nothing up while its server does not run: the status tells that. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown, show: boolean | "force" = true): void {
    super.error(message, data, this.isRunning() && show);
  }
}

const QUIET = { action: ErrorAction.Shutdown, handled: true };
const LEFT = { action: CloseAction.DoNotRestart, handled: true };

export function createClient(
  command: string,
  args: readonly string[],
  log: vscode.LogOutputChannel,
  listener: Listener,
): LanguageClient {
  const client = new QuietClient(
    SECTION,
    "infill-ls",
    { command, args: ["--stdio", ...args], options: { cwd: SAFE_FOLDER } },
    {
      documentSelector: SCHEMES.map((scheme) => ({ scheme })),
      initializationOptions: initialSettings(),
      outputChannel: log,
      middleware: middlewareFor(listener),
      // A server that does not start is told of in the status bar, and once.
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      errorHandler: {
        // A server that has ended cannot be written to either: that it has ended is told.
        error: async (...what) =>
          listener.hasStarted() ? { ...(await usual.error(...what)), handled: true } : QUIET,
        closed: async () => {
          if (!listener.hasStarted()) return LEFT;
          const result = await usual.closed();
          if (result.action === CloseAction.DoNotRestart) listener.isGone();
          return { ...result, handled: true };
        },
      },
    },
  );
  const usual: ErrorHandler = client.createDefaultErrorHandler();
  client.onDidChangeState(({ newState }) => {
    if (newState === State.Starting && listener.hasStarted()) listener.restarts();
    if (newState === State.Running) listener.runs();
  });
  client.registerFeature(OURS);
  client.onNotification("didChangeStatus", (status: ServerStatus) => listener.statusChanged(status));
  client.onNotification("infill/wrongSettings", (told: { new: readonly string[] }) => {
    if (told.new.length) listener.settingsAreWrong(told.new);
  });
  client.onNotification("infill/suggestionGrew", ({ textDocument }: { textDocument: { uri: string } }) =>
    listener.ghost.grow(client.protocol2CodeConverter.asUri(textDocument.uri)),
  );
  return client;
}

/** Text that suits one cursor hardly suits the others; who asks for it gets it at all of them. */
function hasSeveralCursors(document: vscode.TextDocument): boolean {
  const editor = vscode.window.activeTextEditor;
  return editor?.document === document && editor.selections.length > 1;
}

function middlewareFor(listener: Listener): Middleware {
  const { ghost } = listener;
  return {
    provideInlineCompletionItems: async (document, position, given, token, next) => {
      const context = ghost.isAsking
        ? { ...given, triggerKind: vscode.InlineCompletionTriggerKind.Automatic }
        : given;
      const automatic = context.triggerKind === vscode.InlineCompletionTriggerKind.Automatic;
      if (automatic && (!listener.isWantedIn(document) || hasSeveralCursors(document))) return [];
      ghost.asked();
      let items: readonly vscode.InlineCompletionItem[] | undefined;
      try {
        const answer = await next(document, position, context, token);
        const found = Array.isArray(answer) ? answer : (answer?.items ?? []);
        if (!token.isCancellationRequested) {
          items = found;
          if (!automatic && !items.length) tell("infill-ls has no suggestion here");
        }
        return answer;
      } finally {
        ghost.answered(document, items);
      }
    },
    executeCommand: (name, args, next) =>
      listener.runCommand(name, args as readonly unknown[]) ?? next(name, args),
    workspace: {
      // The server gets nothing but that something changed, and asks for its settings.
      didChangeConfiguration: (_sections, next) => next(undefined),
      configuration: async (params, token, next) => {
        const sections = await next(params, token);
        return Array.isArray(sections) ? sections.map(forServer) : sections;
      },
    },
  };
}
