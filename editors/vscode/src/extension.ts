import * as vscode from "vscode";
import { Controller } from "./controller";
import { registerCommands } from "./commands";
import { Explanation } from "./explain";

let controller: Controller | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  controller = new Controller(context);
  const explanation = new Explanation();
  context.subscriptions.push(
    controller,
    explanation,
    ...registerCommands(controller, explanation),
  );
  await controller.start();
}

export async function deactivate(): Promise<void> {
  await controller?.stop();
}
