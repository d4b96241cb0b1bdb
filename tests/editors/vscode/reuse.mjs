// Reuse of a window by tests. Opening one takes most of what a test costs: what a test has left is closed
// instead, its files go, and the server is started again with the settings and the script of the next.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { work } from "./suite.mjs";
import { VIEWPORT, waitFor } from "./window.mjs";

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
const TABS = ".editor-group-container .tab";
/** What a test may leave: editors, and what lies over them. */
const LEFT = `${TABS}, .quick-input-widget, .monaco-dialog-box, .action-widget, .notification-toast`;

const USER_SETTINGS = join(work, "data", "User", "settings.json");
const userSettings = readFileSync(USER_SETTINGS, "utf8");

/** Write the settings of the user as they were at first. */
export const restoreUserSettings = () => writeFileSync(USER_SETTINGS, userSettings);

/** Let the user have keys for what tidies up. */
export function writeKeys(file) {
  const keys = KEYS.map((one) => ({ ...one, key: one.key.toLowerCase().replace("control", "ctrl") }));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(keys));
}

/** Whether a test may have the window of the one before: unless it wants its own, or a folder or a state before it opens. */
export function isShared(options) {
  return !["fresh", "folder", "early"].some((name) => name in options);
}

/** Make a window ready for the next test; throws if the last one has left something that cannot be tidied up. */
export async function reuse(window, options) {
  const { firstStatus = "ready", machineSettings = {} } = options;
  await tidyUp(window);
  if (readFileSync(USER_SETTINGS, "utf8") !== userSettings) throw new Error("the settings of the user have changed");
  await window.page.setViewportSize(VIEWPORT);
  await window.changeMachineSettings(machineSettings, WITHIN_MS);
  await window.watchStatus();
  for (const name of readdirSync(window.workspace)) {
    if (name !== ".vscode") rmSync(join(window.workspace, name), { recursive: true, force: true });
  }
  window.lay(options);
  const signs = firstStatus === "ready" ? ["starting"] : ["starting", firstStatus];
  await waitFor("the server to start again", async () => {
    const shown = (await window.shown()).join("\n");
    return signs.some((sign) => shown.includes(sign));
  }, WITHIN_MS);
  if (firstStatus === "ready") await window.status(firstStatus, WITHIN_MS);
  await openFile(window);
  await window.status(firstStatus, WITHIN_MS);
  await window.goToEnd();
}

/** Close all editors, without a question, and what lies over them. */
async function tidyUp(window) {
  const countLeft = () =>
    window.page.$$eval(LEFT, (elements) => elements.filter((element) => element.checkVisibility()).length);
  const tabs = window.page.locator(TABS);
  await window.press("Escape", TIDY_UP);
  await waitFor("all editors to be closed", async () => {
    const left = await countLeft();
    if (left === 0) return true;
    // A key may do nothing yet, so that it is pressed again after a while.
    await window.press(...((await tabs.count()) ? [CLOSE_EDITOR] : ["Escape", TIDY_UP]));
    await waitFor("one less", async () => (await countLeft()) < left, 1_000).catch(() => {});
    return false;
  }, WITHIN_MS);
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
