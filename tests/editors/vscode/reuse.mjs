// Reuse of a window by tests of one kind. Opening one takes most of what a test costs: what a test has left is closed
// instead, its files go, and the server is started again with the settings and the script of the next.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { waitFor } from "./window.mjs";

const TIDY_UP = "Control+Alt+F9";
const CLOSE_EDITOR = "Control+Alt+F10";
const KEYS = [
  {
    key: TIDY_UP,
    command: "runCommands",
    args: { commands: ["notifications.clearAll", "workbench.action.closePanel", "workbench.view.explorer"] },
  },
  { key: CLOSE_EDITOR, command: "workbench.action.revertAndCloseActiveEditor" },
];
/** For a step to be done. After that a new window is opened, so that it costs nothing but time if it is too short. */
const WITHIN_MS = 60_000;

/** Let the user have keys for what tidies up. */
export function writeKeys(file) {
  const keys = KEYS.map((one) => ({ ...one, key: one.key.toLowerCase().replace("control", "ctrl") }));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(keys));
}

/** What the windows of two tests must have in common; nothing if a test wants a window of its own. */
export function kindOf({ answers, machineSettings = {}, ...options }) {
  const isOfItsOwn = ["fresh", "prepare", "folder", "firstStatus", "early"].some((name) => name in options);
  return isOfItsOwn ? undefined : JSON.stringify([Boolean(answers), machineSettings]);
}

/** Make a window ready for the next test. */
export async function reuse(window, options) {
  const { page } = window;
  const tabs = page.locator(".editor-group-container .tab");
  await window.press("Escape", TIDY_UP);
  await waitFor("all editors to be closed", async () => {
    if ((await tabs.count()) === 0) return true;
    await window.press(CLOSE_EDITOR);
    return false;
  }, WITHIN_MS);
  await window.watchStatus();
  const left = window.folder;
  window.lay(options);
  rmSync(left, { recursive: true, force: true });
  await waitFor("the server to start again", () => window.hasShown("starting"), WITHIN_MS);
  await window.status("ready", WITHIN_MS);
  await openFile(window);
  await window.goToEnd();
}

/** Open the file of a test by its path, as a user does who knows it. */
async function openFile(window) {
  const { page, file } = window;
  await window.typeIntoBox("Control+p", file);
  const row = page.locator(".quick-input-widget .monaco-list-row.focused", { hasText: basename(dirname(file)) });
  await row.waitFor({ timeout: WITHIN_MS });
  await window.press("Enter");
  await page.locator(".tab.active", { hasText: basename(file) }).waitFor({ timeout: WITHIN_MS });
  await page.waitForSelector(".monaco-editor .view-lines", { timeout: WITHIN_MS });
}
