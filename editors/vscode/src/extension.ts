import * as vscode from "vscode";
import { Controller } from "./controller";
import { registerCommands } from "./commands";
import { Reports } from "./explain";

let controller: Controller | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  controller = new Controller(context);
  const reports = new Reports();
  context.subscriptions.push(
    controller,
    reports,
    ...registerCommands(controller, reports),
  );
  await controller.start();
}

export async function deactivate(): Promise<void> {
  await controller?.stop();
}
