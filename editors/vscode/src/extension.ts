import * as vscode from "vscode";
import { Asks } from "./ask";
import { Controller } from "./controller";
import { registerCommands } from "./commands";
import { CursorHints } from "./cursorHints";
import { NextEdits } from "./nextEdit";
import { Reports } from "./reports";

let controller: Controller | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  controller = new Controller(context);
  const reports = new Reports();
  const hints = new CursorHints(controller, controller.ghost);
  const asks = new Asks(controller, reports, controller.log);
  controller.runCommand = (name, args) => asks.command(name, args);
  context.subscriptions.push(
    controller,
    reports,
    asks,
    new NextEdits(controller, controller.ghost, controller.log),
    hints,
    controller.onDidStart(() => hints.started()),
    ...registerCommands(controller, reports),
  );
  await controller.start();
}

export async function deactivate(): Promise<void> {
  await controller?.stop();
}
