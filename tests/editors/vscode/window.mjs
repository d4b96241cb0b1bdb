// Driver of a VS Code window: sends keys as a user would, and reads the page and the file.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
const require = createRequire(join(root, "build/editors/vscode/package.json"));
const { chromium } = require("playwright-core");

/** Bound of every wait; only ever reached when something hangs. */
export const TIMEOUT_MS = 120_000;
const FIRST_LINE = ".ghost-text-decoration, .ghost-text-decoration-preview";
const FURTHER_LINES = ".suggest-preview-text .view-line";
const FOCUSED_ITEM = ".suggest-widget.visible .monaco-list-row.focused";

export const delay = (ms) => new Promise((done) => setTimeout(done, ms));

/** Call `check` until it returns something, and return that. */
export async function waitFor(what, check, timeout = TIMEOUT_MS) {
  const end = Date.now() + timeout;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await delay(50);
  }
}

export async function launchBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  });
}

/** The size of a window. A test that wants another one gives it back. */
export const VIEWPORT = { width: 1000, height: 560 };

/** No menu has more lines. */
const MOST_LINES = 100;

/** Stands still what turns or runs for as long as something takes: drawing it again and again is most of what a wait costs. */
function stopAnimations() {
  const sheet = new CSSStyleSheet();
  const turning = ".progress-bit, .codicon-loading, .codicon-modifier-spin, .codicon-tree-item-loading::before";
  sheet.replaceSync(`${turning} { animation: none !important; }`);
  document.adoptedStyleSheets.push(sheet);
}

export class Window {
  /**
   * Open a file in a workspace of its own. `answers` is what the scripted engine says, in turn or by
   * the text before the cursor, which is to be preferred where it may be asked more than once, and
   * `script` what else it is told; without answers, the bundled model answers. Without `server` the
   * extension has to find one. `prepare` gets the file's folder and the workspace before the file is opened. `settings`
   * are those of the workspace, `machineSettings` those that only the user may write. `early` is called when the file
   * is seen, and before the extension is waited for.
   */
  static async open(browser, options) {
    const { url, folder, firstStatus = "ready", machineSettings = {} } = options;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(join(folder, ".vscode"), { recursive: true });
    const page = await browser.newPage({ viewport: VIEWPORT });
    page.setDefaultTimeout(TIMEOUT_MS);
    await page.addInitScript(stopAnimations);
    const window = new Window(page, folder);
    window.writeMachineSettings(machineSettings);
    window.lay(options);
    const address = new URL(url);
    address.searchParams.set("folder", folder);
    address.searchParams.set(
      "payload",
      JSON.stringify([["openFile", `vscode-remote://${address.host}${window.file}`]]),
    );
    // What is waited for is the editor itself, not that everything is loaded.
    await page.goto(address.toString(), { waitUntil: "commit", timeout: TIMEOUT_MS });
    try {
      await page.waitForSelector(".monaco-editor .view-lines", { timeout: TIMEOUT_MS });
      await options.early?.(window);
      await window.status(firstStatus);
      if (!options.early) await window.goToEnd();
      return window;
    } catch (error) {
      await window.screenshot(join(folder, "..", "failed-to-open.png"));
      await window.close();
      throw error;
    }
  }

  constructor(page, workspace) {
    this.page = page;
    this.workspace = workspace;
  }

  /** Lay out what a test finds: its file, in a folder of the workspace if it has one, script and settings. */
  lay({ server, text, answers, name = "demo.py", settings = {}, script = {}, within = "", ...options }) {
    this.folder = join(this.workspace, within);
    this.file = join(this.folder, name);
    mkdirSync(dirname(this.file), { recursive: true });
    writeFileSync(this.file, text);
    options.prepare?.(this.folder, this.workspace);
    const args = within ? ["--log-file", join(this.workspace, ".vscode", `${within}.log`)] : [];
    if (answers) {
      const file = join(this.workspace, ".vscode", "answers.json");
      writeFileSync(file, JSON.stringify({ answers, ...script }));
      args.push("--scripted-engine", file);
    }
    this.baseSettings = {
      ...(server && { "infill-ls.server.path": server }),
      "infill-ls.server.arguments": args,
      "infill-ls.thinkAhead": false,
    };
    this.writeSettings(settings);
  }

  /** The settings of the workspace. */
  get settingsFile() {
    return join(this.workspace, ".vscode", "settings.json");
  }

  writeSettings(settings) {
    writeFileSync(this.settingsFile, JSON.stringify({ ...this.baseSettings, ...settings }));
  }

  /** Settings that a workspace has no say in are those of the machine, as code-server is a remote one. */
  get machineSettingsFile() {
    return join(this.workspace, "..", "data", "Machine", "settings.json");
  }

  writeMachineSettings(settings) {
    mkdirSync(dirname(this.machineSettingsFile), { recursive: true });
    writeFileSync(this.machineSettingsFile, JSON.stringify(settings));
  }

  /** Write the settings of the machine, if there are others, and wait until VS Code has read them: its title says so. */
  async changeMachineSettings(settings, timeout = TIMEOUT_MS) {
    const { "window.title": _, ...present } = JSON.parse(readFileSync(this.machineSettingsFile, "utf8"));
    if (isDeepStrictEqual(present, settings)) return;
    const title = `changed ${Date.now()}`;
    this.writeMachineSettings({ ...settings, "window.title": title });
    await waitFor("the settings of the machine", async () => (await this.page.title()).includes(title), timeout);
  }

  get statusItem() {
    return this.page.locator('.statusbar-item [aria-label^="infill-ls:"]').first();
  }

  /** Wait until the status bar says so: a part of it, or what a pattern finds. */
  async status(text, timeout = TIMEOUT_MS) {
    let label = "";
    await waitFor(`the status ${text}`, async () => {
      if ((await this.statusItem.count()) === 0) return false;
      label = (await this.statusItem.getAttribute("aria-label")) ?? "";
      return typeof text === "string" ? label.includes(text) : text.test(label);
    }, timeout).catch((error) => {
      throw new Error(`${error.message}; it says ${label}`);
    });
  }

  /** Keep what the status bar says from now on: whoever looks now and then may look too late. */
  async watchStatus() {
    await this.page.evaluate(() => {
      const isWatched = "infillShown" in window;
      window.infillShown = [];
      if (isWatched) return;
      const look = () => {
        const item = document.querySelector('.statusbar-item [aria-label^="infill-ls:"]');
        if (item) window.infillShown.push(item.getAttribute("aria-label"));
      };
      const options = { subtree: true, childList: true, attributeFilter: ["aria-label"] };
      new MutationObserver(look).observe(document.querySelector(".part.statusbar"), options);
    });
  }

  /** What the status bar has said since it is watched. */
  async shown() {
    return this.page.evaluate(() => window.infillShown);
  }

  /** Whether the status bar has said so since it is watched. */
  async hasShown(text) {
    return (await this.shown()).includes(`infill-ls: ${text}`);
  }

  /** Put the cursor into the editor. */
  async focus() {
    await this.page.locator(".monaco-editor .view-lines").first().click();
  }

  /** Put the cursor to the end of the file. */
  async goToEnd() {
    await this.focus();
    await this.press("Control+End");
  }

  /**
   * Pick a line of the menu that is open, by keys: what VS Code tells of the line that has the focus may lie over the
   * next one, and no click gets there.
   */
  async pick(label) {
    const row = ".quick-input-widget .monaco-list-row";
    await this.page.locator(row, { hasText: label }).first().waitFor();
    const focused = this.page.locator(`${row}.focused`, { hasText: label });
    for (let keys = 0; (await focused.count()) === 0; keys++) {
      if (keys > MOST_LINES) throw new Error(`no key gets to "${label}" in the menu`);
      await this.press("ArrowDown");
    }
    await this.press("Enter");
  }

  /** Open our menu. */
  async openMenu() {
    await this.statusItem.click();
    await this.page.waitForSelector(".quick-input-widget .monaco-list-row");
  }

  /** Pick a line of a menu that has more of them than are drawn at once: by its name. */
  async search(label) {
    await this.page.locator(".quick-input-widget .quick-input-box input").fill(label);
    await this.pick(label);
  }

  /** Pick a line of our menu. */
  async choose(label) {
    await this.openMenu();
    await this.search(label);
  }

  /** Open a box by its key and, once it has the keys, type into it: before, the text would go elsewhere. */
  async typeIntoBox(key, text) {
    await this.press(key);
    await this.page.locator(".quick-input-widget .quick-input-box input:focus").waitFor();
    await this.page.keyboard.insertText(text);
  }

  /** Run a command of the palette. */
  async command(name) {
    await this.typeIntoBox("F1", name);
    await this.pick(name);
  }

  /** Put the cursor to a line and column, as a user does who knows the keys. */
  async goTo(line, column) {
    const place = `Ln ${line}, Col ${column}`;
    await this.typeIntoBox("Control+g", `${line}:${column}`);
    await this.page.locator(".quick-input-widget .monaco-list-row", { hasText: `${line}` }).first().waitFor();
    await this.press("Enter");
    await this.expectCursor(place);
  }

  /** Click a button of a notification. */
  async answer(notification, button) {
    await this.page.mouse.move(1, 1); // where it rests, a hint may come up over the button
    const toast = this.page.locator(".notification-toast", { hasText: notification }).first();
    await toast.locator(".monaco-button", { hasText: button }).click();
  }

  async press(...keys) {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** Type as fast as a person does. */
  async type(text) {
    for (const line of text.split(/(\n)/)) {
      if (line === "\n") await this.press("Enter");
      else await this.page.keyboard.type(line, { delay: 40 });
    }
  }

  /** The ghost text on the screen, or "". */
  async ghost() {
    const texts = (selector) =>
      this.page.$$eval(selector, (elements) => elements.map((element) => element.textContent));
    const first = (await texts(FIRST_LINE)).join("");
    return [first, ...(await texts(FURTHER_LINES))].join("\n").replaceAll("\u00a0", " ");
  }

  async expectGhost(expected) {
    let found;
    await waitFor(`the ghost text ${JSON.stringify(expected)}`, async () => {
      found = await this.ghost();
      return found === expected;
    }).catch((error) => {
      throw new Error(`${error.message}; there is ${JSON.stringify(found)}`);
    });
  }

  /**
   * Wait for an item in the suggest widget and ghost text behind it that begins with `start`, and
   * return that text. They must hold still, as a reader would have it: VS Code closes the widget
   * and inserts nothing when Tab comes in the moment in which it filters its list. A widget that
   * opened while one typed may hold the half word itself, if VS Code counts its words late; then it
   * is opened again by its key.
   */
  async ghostBehindItem(start) {
    return waitFor("ghost text behind the item", async () => {
      const shown = await waitFor("a still widget", () => this.#stillGhostOfItem(start), 10_000)
        .catch(() => "");
      if (!shown) await this.press("Escape", "Control+Space");
      return shown;
    });
  }

  async #stillGhostOfItem(start) {
    const look = async () => ((await this.page.$(FOCUSED_ITEM)) ? this.ghost() : "");
    const before = await look();
    await delay(400);
    return before.startsWith(start) && (await look()) === before && before;
  }

  /**
   * Take the suggest widget's item by Tab, and return the ghost text that was behind it: first
   * `start`, which is the item's, and then what begins with `rest` and must stay. On slow machines
   * VS Code may close the widget for that key and insert nothing. A second Tab would then take the
   * ghost text as a whole, so the widget is opened again first.
   */
  async takeItem(start, rest) {
    return waitFor("the item to be taken", async () => {
      const shown = await this.ghostBehindItem(start + rest);
      await this.press("Tab");
      const taken = async () => (await this.ghost()) === shown.slice(start.length);
      return waitFor("what stays of the ghost text", taken, 10_000).then(
        () => shown,
        () => "",
      );
    });
  }

  /**
   * What is drawn for the next edit: all text that is struck, and the texts that stand behind
   * something. VS Code draws the latter as pseudo-elements, which have no text of their own.
   */
  async drawn() {
    return this.page.$$eval(".monaco-editor .view-line span[class*='ced-']", (spans) => {
      const struck = [];
      const behind = [];
      for (const span of spans) {
        if (getComputedStyle(span).textDecorationLine === "line-through") struck.push(span.textContent);
        const { content } = getComputedStyle(span, "::after");
        if (content.startsWith('"')) behind.push(JSON.parse(content)); // else there is none, or none yet
      }
      const plain = (texts) => texts.map((text) => text.replaceAll("\u00a0", " "));
      return { struck: plain(struck).join(""), behind: plain(behind) };
    });
  }

  /** Wait until the text that is struck, and the texts that are behind something, are these. */
  async expectDrawn(struck, behind) {
    let found;
    const wanted = JSON.stringify({ struck, behind });
    await waitFor(`what is drawn to be ${wanted}`, async () => {
      found = JSON.stringify(await this.drawn());
      return found === wanted;
    }).catch((error) => {
      throw new Error(`${error.message}; it is ${found}`);
    });
  }

  /** Where the status bar says that the cursor is, such as "Ln 3, Col 1". */
  async cursor() {
    return this.page.locator("#status\\.editor\\.selection").innerText();
  }

  async expectCursor(expected) {
    let found;
    await waitFor(`the cursor at ${expected}`, async () => {
      found = await this.cursor();
      return found === expected;
    }).catch((error) => {
      throw new Error(`${error.message}; it is at ${found}`);
    });
  }

  /** Keep what the first line of the editor reads, ghost text included, after every change. */
  async watchLine() {
    await this.page.evaluate(() => {
      const read = () =>
        document.querySelector(".monaco-editor .view-line").textContent.replaceAll("\u00a0", " ");
      window.infillSeen = [];
      new MutationObserver(() => window.infillSeen.push(read())).observe(
        document.querySelector(".monaco-editor .view-lines"),
        { subtree: true, childList: true, characterData: true },
      );
    });
  }

  /** What the line has read since. */
  async watched() {
    return this.page.evaluate(() => window.infillSeen);
  }

  /**
   * Type until this is the ghost text: settings come to the server by themselves, and nothing on the page tells
   * when. `type` takes away what it typed before.
   */
  async typeUntilGhost(type, expected) {
    await waitFor(`the ghost text ${JSON.stringify(expected)} after typing`, async () => {
      await type();
      const isThere = async () => (await this.ghost()) === expected;
      return waitFor("ghost text", isThere, 5_000).catch(() => false);
    });
  }

  async expectNoGhost() {
    await delay(800);
    const ghost = await this.ghost();
    if (ghost) throw new Error(`there is ghost text: ${JSON.stringify(ghost)}`);
  }

  /** Save until the bytes on disk are as expected. */
  async expectSaved(expected) {
    let found;
    const isSaved = async () => (found = readFileSync(this.file, "utf8")) === expected;
    await waitFor(`the file to hold ${JSON.stringify(expected)}`, async () => {
      await this.press("Control+s");
      await delay(100);
      return waitFor("it", isSaved, 1_000).catch(() => false); // what our commands do may come after the key
    }).catch((error) => {
      throw new Error(`${error.message}; it holds ${JSON.stringify(found)}`);
    });
  }

  /** The page of ours that has this text: a report, or the statistics. */
  async report(text, timeout = TIMEOUT_MS) {
    return waitFor(`a page with ${JSON.stringify(text)}`, async () => {
      for (const frame of this.page.frames()) {
        const shown = await frame.locator("body").innerText({ timeout: 1_000 }).catch(() => "");
        if (frame !== this.page.mainFrame() && shown.includes(text)) return frame;
      }
      return undefined;
    }, timeout);
  }

  async screenshot(path) {
    mkdirSync(dirname(path), { recursive: true });
    await this.page.screenshot({ path });
  }

  async close() {
    await this.page.close();
  }
}

/** The commands of all processes below the process `ancestor`, by their ids. */
export function processesBelow(ancestor) {
  const listing = execFileSync("ps", ["-e", "-o", "pid=,ppid=,args="], { encoding: "utf8" });
  const processes = new Map();
  for (const line of listing.split("\n")) {
    const match = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
    if (match) processes.set(Number(match[1]), { parent: Number(match[2]), command: match[3] });
  }
  const below = new Map();
  for (const [pid, { command }] of processes) {
    let above = pid;
    while (above !== ancestor && processes.has(above)) above = processes.get(above).parent;
    if (above === ancestor) below.set(pid, command);
  }
  return below;
}

/** Kill the engine processes of these tests, told by their folder: who started one may have ended; returns how many there were. */
export function killEngines() {
  const folder = `INFILL_LS_RUNTIME_DIR=${process.env.INFILL_LS_RUNTIME_DIR}`;
  const listing = execFileSync("ps", ["-e", "-o", "pid=,args="], { encoding: "utf8" });
  const pids = listing
    .split("\n")
    .filter((line) => line.includes("infill_ls.engine.llama.host"))
    .map((line) => Number.parseInt(line, 10));
  const ours = pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(folder);
    } catch {
      return false; // it has just ended
    }
  });
  for (const pid of ours) process.kill(pid, "SIGKILL");
  return ours.length;
}

export function fileContains(path, text) {
  return countIn(path, text) > 0;
}

/** How often a file has a text. */
export function countIn(path, text) {
  return existsSync(path) ? readFileSync(path, "utf8").split(text).length - 1 : 0;
}
