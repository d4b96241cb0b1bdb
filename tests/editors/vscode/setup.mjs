// Tests of how the server is found, trusted and installed, and of the walkthrough.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeServer, server, test, warmServer, work } from "./suite.mjs";
import { delay, processesBelow, waitFor } from "./window.mjs";

/** The commands that the extension host runs, which is where the files are. */
const commands = () => [...processesBelow(codeServer).values()];
const isRunning = (program) => commands().some((command) => command.includes(program));

function expectRunning(program) {
  if (!isRunning(program)) {
    throw new Error(`${program} does not run, but\n${commands().join("\n")}`);
  }
}

/** What the extension keeps of the environments that it makes. */
const STORAGE = join(work, "data", "User", "globalStorage", "infill-ls.infill-ls");
const RECORD = join(STORAGE, "environment.json");
const record = () => JSON.parse(readFileSync(RECORD, "utf8"));
const environments = () => readdirSync(STORAGE).filter((name) => name.startsWith("environment-"));

/** The wheel of the server in the installed extension. */
function bundledWheel() {
  const extensions = join(work, "extensions");
  const ours = readdirSync(extensions).find((name) => name.startsWith("infill-ls.infill-ls-"));
  const folder = join(extensions, ours, "server");
  return join(folder, readdirSync(folder).find((name) => name.endsWith(".whl")));
}

/** What is told of how llama.cpp came, by what the extension keeps of it. */
const LLAMA_CAME = { prebuilt: "as a prebuilt wheel", compiled: "compiled on this machine" };

/** Whether pip has a wheel of llama.cpp that was compiled on this machine, which it takes. */
function hasCompiled() {
  const python = join(dirname(server), "python");
  const list = ["-P", "-m", "pip", "cache", "list", "--format", "abspath", "llama_cpp_python"];
  return execFileSync(python, list, { encoding: "utf8" }).includes(".whl");
}

async function expectCompletion(window) {
  await window.focus();
  await window.press("Control+End");
  await window.type(" ");
  await window.expectGhost("one");
}

test(
  "a path that leads nowhere is told of, and a right one used at once",
  {
    text: "x =",
    answers: ["one"],
    server: "/nowhere/infill-ls",
    firstStatus: "there is no program /nowhere/infill-ls",
  },
  async (window) => {
    if (await window.page.locator(".notification-toast").count()) {
      throw new Error("it pops up, though the status bar tells");
    }
    window.writeSettings({ "infill-ls.server.path": warmServer });
    await window.status("ready");
    await expectCompletion(window);
  },
);

test(
  "a program that is no language server is told of in the status bar only",
  { text: "x =", server: "/bin/false", firstStatus: "the server does not start" },
  async (window) => {
    await delay(2000); // VS Code starts a server that ends again, unless it is told not to
    const toasts = await window.page.locator(".notification-toast").allInnerTexts();
    if (toasts.length) throw new Error(`it pops up: ${toasts.join("; ")}`);
  },
);

test(
  "a file in which nothing is completed is told of, and others are not",
  {
    text: "PORT=1\n",
    answers: ["one"],
    name: ".env",
    firstStatus: "its name indicates secrets",
    prepare: (folder) => writeFileSync(join(folder, "other.py"), "x ="),
  },
  async (window) => {
    await window.page.locator(".explorer-folders-view .monaco-list-row", { hasText: "other.py" }).click();
    await window.status("ready");
    await window.page.locator(".tab", { hasText: ".env" }).click();
    await window.status("its name indicates secrets");
  },
);

/** The servers of a window, whose settings name a file in its workspace. */
const serversOf = (window) =>
  [...processesBelow(codeServer)]
    .filter(([, command]) => command.includes("--stdio") && command.includes(`${window.workspace}/`))
    .map(([pid]) => pid);

test(
  "a server that is killed is started again, and one that always ends is told of once",
  { text: "x =", answers: ["one"] },
  async (window) => {
    const kill = async () => {
      const pids = await waitFor("a server", () => {
        const found = serversOf(window);
        return found.length > 0 && found;
      });
      for (const pid of pids) process.kill(pid, "SIGKILL");
      await waitFor("its end", () => !serversOf(window).some((pid) => pids.includes(pid)));
    };
    await window.watchStatus();
    await kill();
    await waitFor("the status starting", () => window.hasShown("starting"));
    await window.status("ready");
    await expectCompletion(window);
    for (let number = 2; number <= 5; number += 1) await kill();
    await window.status("ended several times");
    await window.screenshot(join(work, "ended.png"));
    const toasts = await window.page.locator(".notification-toast").allInnerTexts();
    if (toasts.length !== 1) throw new Error(`not told of once: ${toasts.join("; ")}`);
    await window.command("Infill: Implement the Function");
    await window.page.waitForSelector('.notification-toast:has-text("the server does not run")');
    await window.answer("ended several times", "Restart Server");
    await window.status("ready");
    await window.focus();
    await window.press("Control+End", "Backspace");
    await expectCompletion(window);
  },
);

test(
  "a model that cannot be used is told of at once, with what can be done",
  {
    text: "x =",
    machineSettings: { "infill-ls.model": "/nowhere/a.gguf" },
    firstStatus: "/nowhere/a.gguf",
  },
  async (window) => {
    const toasts = window.page.locator(".notification-toast", { hasText: "/nowhere/a.gguf" });
    await toasts.first().waitFor();
    await window.screenshot(join(work, "problem.png"));
    if ((await toasts.count()) !== 1) throw new Error("it is told of more than once");
    await window.answer("/nowhere/a.gguf", "Choose Model");
    await window.page.waitForSelector('.quick-input-widget .monaco-list-row:has-text("infill-ls-mini")');
    await window.press("Escape");
    window.writeMachineSettings({ "infill-ls.model": "/nowhere/b.gguf" });
    await window.status("/nowhere/b.gguf");
    await window.answer("/nowhere/b.gguf", "Open Settings");
    await window.page.getByText("Settings Found").first().waitFor();
    window.writeMachineSettings({});
    await window.status("ready");
  },
);

test(
  "the workspace's environment is used",
  {
    text: "x =",
    answers: ["one"],
    server: "",
    prepare: (_, workspace) => {
      mkdirSync(join(workspace, ".venv", "bin"), { recursive: true });
      symlinkSync(server, join(workspace, ".venv", "bin", "infill-ls"));
    },
  },
  async (window) => {
    await expectCompletion(window);
    expectRunning(join(window.workspace, ".venv", "bin", "infill-ls"));
  },
);

const USER_SETTINGS = join(work, "data", "User", "settings.json");

/** Have VS Code ask whether a folder is trusted; returns what takes that back. */
function askForTrust() {
  const before = readFileSync(USER_SETTINGS, "utf8");
  const trust = {
    "security.workspace.trust.enabled": true,
    "security.workspace.trust.startupPrompt": "never",
    "security.workspace.trust.banner": "never",
  };
  writeFileSync(USER_SETTINGS, JSON.stringify({ ...JSON.parse(before), ...trust }));
  return () => writeFileSync(USER_SETTINGS, before);
}

let forgetTrust;
test(
  "what a folder brings is run only once it is trusted, and then at once",
  {
    text: "x =",
    answers: ["one"],
    server: "",
    firstStatus: "not installed",
    fresh: true,
    prepare: (folder) => {
      forgetTrust = askForTrust();
      mkdirSync(join(folder, ".venv", "bin"), { recursive: true });
      symlinkSync(server, join(folder, ".venv", "bin", "infill-ls"));
      process.once("exit", forgetTrust);
    },
  },
  async (window) => {
    try {
      const ours = join(window.folder, ".venv", "bin", "infill-ls");
      await window.page.locator(".statusbar-item", { hasText: "Restricted Mode" }).first().waitFor();
      await window.type(" ");
      await window.expectNoGhost();
      if (isRunning(ours)) throw new Error("a program of the folder is run");
      // Neither is one that its settings name.
      window.writeSettings({ "infill-ls.server.path": ours });
      await window.command("Infill: Restart Server");
      await window.status("not installed");
      await window.expectNoGhost();
      if (isRunning(ours)) throw new Error("a program that the folder's settings name is run");
      window.writeSettings({});
      await window.command("Workspaces: Manage Workspace Trust");
      await window.page.locator(".workspace-trust-editor .monaco-button", { hasText: /^Trust$/ }).first().click();
      await window.status("ready");
      // That page lies over the file.
      await window.page.locator(".monaco-modal-editor-block .codicon-close").first().click();
      await window.page.locator(".monaco-modal-editor-block").waitFor({ state: "detached" });
      await window.status("infill-ls: ready");
      await window.focus();
      await window.press("Control+End", "Backspace");
      await expectCompletion(window);
      expectRunning(ours);
    } finally {
      forgetTrust();
    }
  },
);

test(
  "the walkthrough has pictures, and knows whether the server is there, also while its page is open",
  { text: "x =", answers: ["one"], server: "", firstStatus: "not installed" },
  async (window) => {
    const steps = window.page.locator(".getting-started-step");
    const here = window.page.locator('[data-step-id$="#start#installed"]');
    const missing = window.page.locator('[data-step-id$="#start#install"]');
    await window.page.setViewportSize({ width: 1400, height: 800 }); // else there is no room for the pictures
    await window.command("Open Walkthrough");
    await window.pick("Get Started with infill-ls");
    await missing.waitFor();
    if (await here.count()) throw new Error("a server is said to be installed");
    const hasPicture = async (step) => {
      await steps.filter({ hasText: step }).first().click();
      await waitFor(`the picture of ${step}`, () =>
        window.page.$$eval(".getting-started-media img", (images) =>
          images.some((image) => image.complete && image.naturalWidth > 0),
        ),
      );
    };
    await hasPicture("Install the server");
    window.writeSettings({ "infill-ls.server.path": warmServer });
    await here.waitFor();
    await missing.waitFor({ state: "detached" });
    for (const step of ["The server is installed", "Type", "Pause, switch off, explain"]) await hasPicture(step);
    await window.page.waitForSelector('[data-done-step-id$="#start#installed"].complete');
    await window.screenshot(join(work, "walkthrough.png"));
  },
);

test(
  "the server is installed into an environment of its own, and updated with the extension",
  { text: "x =", answers: ["one"], server: "", firstStatus: "not installed" },
  async (window) => {
    await window.openMenu();
    const entries = await window.page.locator(".quick-input-widget .monaco-list-row").allInnerTexts();
    for (const vain of ["Implement", "Choose model", "Explain", "statistics"]) {
      if (entries.some((entry) => entry.includes(vain))) throw new Error(`offered in vain: ${entries}`);
    }
    await window.press("Escape");
    await window.answer("was not found", "Install");
    await window.page.waitForSelector('.notification-toast:has-text("Installing infill-ls")');
    await window.status("installing the server");
    await window.screenshot(join(work, "installing.png"));
    const failure = window.page.locator(".notification-toast", { hasText: "was not installed" });
    await Promise.race([
      window.status("ready", 600_000),
      failure.waitFor({ timeout: 600_000 }).then(async () => {
        throw new Error(await failure.innerText());
      }),
    ]);
    const { folder, version, llama } = record();
    const told = `infill-ls was installed, with llama.cpp ${LLAMA_CAME[llama]}`;
    await window.page.waitForSelector(`.notification-toast:has-text("${told}")`);
    if (hasCompiled() && llama !== "compiled") throw new Error(`llama.cpp is said to be ${llama}`);
    await expectCompletion(window);
    expectRunning(join(STORAGE, folder, "bin"));

    // As it is after an update of the extension, which fails at first.
    writeFileSync(RECORD, JSON.stringify({ folder, version: "0.0.1" }));
    await window.command("Restart Server");
    const wheel = bundledWheel();
    renameSync(wheel, `${wheel}.away`);
    writeFileSync(wheel, "no wheel");
    try {
      await window.answer("The server has version 0.0.1", "Update");
      const failed = '.notification-toast:has-text("was not updated, and the previous version keeps running")';
      await window.page.waitForSelector(failed, { timeout: 120_000 });
    } finally {
      renameSync(`${wheel}.away`, wheel);
    }
    await window.command("Notifications: Clear All Notifications");
    await window.focus();
    await window.press("Control+End", "Backspace");
    await expectCompletion(window);
    expectRunning(join(STORAGE, folder, "bin"));
    if (environments().join() !== folder) throw new Error(`there is more: ${environments()}`);

    await window.choose("Update the server");
    await waitFor("a new environment", () => record().version === version, 600_000);
    await waitFor("its server", () => isRunning(join(STORAGE, record().folder, "bin")));
    await window.status("ready");
    await window.command("Notifications: Clear All Notifications");
    await window.focus();
    await window.press("Control+End", "Backspace");
    await expectCompletion(window);
    if (record().folder === folder) throw new Error("the environment in use was changed");
  },
);
