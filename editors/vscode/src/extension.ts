import * as vscode from "vscode";
import { Controller } from "./controller";
import { registerCommands } from "./commands";

let controller: Controller | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  controller = new Controller(context);
  context.subscriptions.push(controller, ...registerCommands(controller));
  await controller.start();
}

export async function deactivate(): Promise<void> {
  await controller?.stop();
}
