// Tests of the status bar's menu and of the settings.
import { join } from "node:path";
import { restoreUserSettings } from "./reuse.mjs";
import { test, work } from "./suite.mjs";
import { delay, fileContains, waitFor } from "./window.mjs";

test(
  "settings are changed in the menu and used without a restart",
  { text: "x =", answers: ["one"] },
  async (window) => {
    const typeBlank = async () => {
      await window.focus();
      await window.press("Control+End", "Backspace");
      await window.type(" ");
    };
    await window.type(" ");
    await window.expectGhost("one");
    await window.choose("Switch off for this workspace");
    await window.status("off for this workspace");
    await typeBlank();
    await window.expectNoGhost();
    if (fileContains(window.settingsFile, "enabled")) {
      throw new Error("the workspace's settings were changed");
    }
    await window.choose("Switch on for this workspace");
    await window.status("ready");
    await typeBlank();
    await window.expectGhost("one");
    await window.press("Alt+Shift+Backslash");
    await window.status("off");
    await typeBlank();
    await window.expectNoGhost();
    await window.press("Alt+Shift+Backslash");
    await window.status("ready");
    await typeBlank();
    await window.expectGhost("one");
    await window.choose("Switch off for python");
    await window.status("off for python");
    await typeBlank();
    await window.expectNoGhost();
    await window.choose("Switch on for python");
    await window.status("ready");
    await window.typeUntilGhost(typeBlank, "one");
    restoreUserSettings(); // they say now what is so anyway
  },
);

test("the menu pauses and explains", { text: "x =", answers: ["one"] }, async (window) => {
  await window.type(" ");
  await window.expectGhost("one");
  await window.choose("Pause for a while");
  await window.pick("30 minutes");
  await window.status("paused until");
  await window.press("Control+End", "Backspace"); // the keys go to the editor again by themselves
  await window.type(" ");
  await window.expectNoGhost();
  await window.press("Alt+Shift+Backslash");
  await window.status(", and off");
  await window.press("Alt+Shift+Backslash");
  await window.status(/paused until (?!.*and off)/); // VS Code has written its settings, and has them
  await waitFor("the setting", () => userSettingsContain('"infill-ls.enabled": true'));
  restoreUserSettings();
  await window.choose("Resume");
  await window.status("ready");
  await window.choose("Explain the last completion");
  const page = await window.report("The last completion");
  if ((await page.locator("h1").innerText()) !== "The last completion") throw new Error("it is not rendered");
  await page.locator("pre", { hasText: "x = " }).first().waitFor(); // the prompt is there, as code
  await window.page.locator(".tab", { hasText: "Infill: The Last Completion" }).waitFor();
  await window.screenshot(join(work, "explanation.png"));
  await waitFor("the explanation of a key", async () => {
    await window.focus();
    await window.press("Home");
    await window.type("y");
    await delay(500); // VS Code asks a moment after a key, and not at all if the menu has the focus by then
    await window.choose("Explain the last completion");
    return window.report("the cursor is inside a", 2_000).catch(() => undefined);
  });
});

test(
  "a pause until VS Code starts again, and a restart of the server",
  { text: "x =", answers: ["one"] },
  async (window) => {
    await window.choose("Pause for a while");
    await window.pick("until VS Code starts again");
    await window.status("paused until VS Code starts again");
    await window.type(" ");
    await window.expectNoGhost();
    await window.choose("Resume");
    await window.status("ready");
    await window.watchStatus();
    await window.choose("Restart the server");
    await waitFor("the status starting", () => window.hasShown("starting"));
    await window.status("ready");
    await window.press("Control+End", "Backspace");
    await window.type(" ");
    await window.expectGhost("one");
  },
);

test(
  "the status tells that the model is thinking",
  { text: "x =", answers: ["one"], script: { delay_ms: 1500 } },
  async (window) => {
    await window.watchStatus();
    await window.type(" ");
    await window.expectGhost("one");
    await waitFor("the status thinking", () => window.hasShown("thinking"));
    await window.status("ready");
  },
);

/** How many suggestions were accepted, by the page of statistics. */
async function acceptedByPage(window) {
  const [, accepted] = await waitFor("the page of statistics", async () => {
    const page = await window.report("Suggestions of the last 30 days");
    return /accepted: (\d+) of/.exec(await page.locator("body").innerText().catch(() => ""));
  });
  return Number(accepted);
}

test(
  "the menu shows statistics, and those of now when it is asked again",
  { text: "x =", answers: ["one"] },
  async (window) => {
    await window.type(" ");
    await window.expectGhost("one");
    await window.choose("Show statistics");
    const before = await acceptedByPage(window);
    await window.screenshot(join(work, "statistics.png"));
    await window.focus();
    await window.press("Control+End", "Backspace");
    await window.type(" ");
    await window.expectGhost("one");
    await window.press("Tab");
    await waitFor("one more that is accepted", async () => {
      await window.choose("Show statistics");
      await delay(500);
      return (await acceptedByPage(window)) === before + 1;
    });
    if ((await window.page.locator(".tab", { hasText: "Infill: Statistics" }).count()) !== 1) {
      throw new Error("there is not one page, but several");
    }
  },
);

test("the settings are ours alone, in sections", { text: "", answers: ["one"] }, async (window) => {
  await window.page.setViewportSize({ width: 1300, height: 900 }); // else the sections have no room
  await window.choose("Open settings");
  const toc = window.page.locator(".settings-toc-container .monaco-list-row");
  await window.page.getByText("Settings Found").first().waitFor();
  await waitFor("the sections", async () =>
    (await toc.allInnerTexts()).join().includes("Installation"),
  );
  await window.screenshot(join(work, "settings.png"));
  const groups = (await toc.allInnerTexts()).join();
  for (const foreign of ["Text Editor", "Features", "Commonly Used"]) {
    if (groups.includes(foreign)) throw new Error(`there are settings of others: ${groups}`);
  }
  // Texts refer to those above: in the order of the alphabet they would point at nothing.
  await window.page.setViewportSize({ width: 1300, height: 1600 }); // else not all are drawn
  await toc.filter({ hasText: "Context" }).click();
  const budgets = ["Prefix Tokens", "Suffix Tokens", "Snippet Tokens", "Context Tokens", "Cold Target Ms"];
  let labels;
  await waitFor("the settings of a section in their order", async () => {
    labels = await labelsFromTop(window);
    const first = labels.indexOf(budgets[0]);
    return first >= 0 && labels.slice(first, first + budgets.length).join() === budgets.join();
  }).catch((error) => {
    throw new Error(`${error.message}; there are ${labels}`);
  });
});

/** The names of the settings that are drawn, from top to bottom. */
const labelsFromTop = (window) =>
  window.page.$$eval(".settings-tree-container .setting-item-label", (elements) =>
    elements
      .map((element) => [element.getBoundingClientRect().top, element.textContent.trim()])
      .sort(([one], [other]) => one - other)
      .map(([, label]) => label),
  );

test(
  "one language that is not in a list is that language, and no other",
  { text: "x =", answers: ["one"], name: "demo.java", settings: { "infill-ls.disabledLanguages": "javascript" } },
  async (window) => {
    await window.type(" ");
    await window.expectGhost("one");
    await window.choose("Switch off for java");
    await window.status("off for java");
    await window.choose("Switch on for java");
    await window.status("ready");
  },
);

test("the menu shows the log", { text: "x =", answers: ["one"] }, async (window) => {
  await window.choose("Show log");
  // Code-server writes no logs here, as a module of it is missing: only the view is looked at.
  await waitFor("our log in the output view", () =>
    window.page.$$eval(".panel .monaco-select-box", (boxes) =>
      boxes.some((box) => (box.selectedOptions?.[0]?.text ?? box.textContent) === "infill-ls"),
    ),
  );
});

// The first file is the settings of the user, the second those of a machine that is worked on
// remotely, which code-server is.
const USER_SETTINGS = ["User", "Machine"].map((name) => join(work, "data", name, "settings.json"));
const userSettingsContain = (text) => USER_SETTINGS.some((path) => fileContains(path, text));

test("the menu chooses a model", { text: "x =", answers: ["one"] }, async (window) => {
  await window.choose("Choose model");
  await window.pick("infill-ls-mini");
  await waitFor("the setting", () => userSettingsContain('"infill-ls.model": "infill-ls-mini"'));
  await window.choose("Choose model");
  const groups = ["on this machine", "to be downloaded, fits into the free memory"];
  for (const text of ["in use, the bundled model", ...groups]) {
    await window.page.locator(".quick-input-widget .monaco-list-row", { hasText: text }).first().waitFor();
  }
  const marked = window.page.locator(".quick-input-widget .monaco-list-row:has(.codicon-check)");
  if ((await marked.count()) !== 1) throw new Error("not exactly one model is marked");
  await window.screenshot(join(work, "models.png"));
  await window.pick("Default");
  await waitFor("the setting to go", () => !userSettingsContain("infill-ls.model"));
  await window.status("ready");
});

test(
  "a model is fetched after a yes only; one that cannot be fetched is told of, and nothing changes",
  { text: "x =", answers: ["one"] },
  async (window) => {
    await window.choose("Choose model");
    await window.page.locator(".quick-input-widget .monaco-list-row", { hasText: "infill-ls-mini" }).waitFor();
    const choose = async (name) => {
      await window.search(name);
      const dialog = window.page.locator(".monaco-dialog-box", { hasText: `Download the model ${name}?` });
      await dialog.waitFor();
      return dialog;
    };
    let dialog = await choose("deepseek-coder-1.3b:q4_0");
    const asked = await dialog.innerText();
    for (const what of [/Size: 0\.78 GB/, /Licence: DeepSeek, https:/, /From: huggingface.co\/.+\.gguf/]) {
      if (!what.test(asked)) throw new Error(`the question does not say ${what}: ${asked}`);
    }
    await window.screenshot(join(work, "download.png"));
    await dialog.locator(".monaco-button", { hasText: "Cancel" }).click();
    await dialog.waitFor({ state: "detached" });
    await window.choose("Choose model");
    await window.page.locator(".quick-input-widget .monaco-list-row", { hasText: "infill-ls-mini" }).waitFor();
    dialog = await choose("granite-code-3b");
    if (await window.page.locator(".notification-toast").count()) throw new Error("it was fetched without a yes");
    await dialog.locator(".monaco-button", { hasText: "Download" }).click();
    const toast = window.page.locator(".notification-toast", { hasText: "was not downloaded" });
    await toast.first().waitFor();
    const told = await toast.first().innerText();
    if (/ended with status|error:/.test(told)) throw new Error(`it tells of a program: ${told}`);
    await window.status("ready");
    if (userSettingsContain("infill-ls.model")) throw new Error("the setting was changed");
  },
);

test(
  "settings are used when their file is saved, and wrong ones are told of",
  { text: "def f():\n", answers: ["first\n    second"] },
  async (window) => {
    const complete = async () => {
      await window.focus();
      await window.press("Control+End", "Control+Backspace");
      await window.type("    ");
    };
    await complete();
    await window.expectGhost("first\n    second");
    window.writeSettings({ "infill-ls.maxLines": 1 });
    await window.typeUntilGhost(complete, "first");
    window.writeSettings({ "infill-ls.maxLines": "many" });
    await window.page.waitForSelector(
      '.notification-toast:has-text("a setting is wrong: maxLines must be a whole number; using the default 16.")',
    );
    await complete();
    await window.expectGhost("first\n    second");
  },
);

test(
  "settings that are wrong are one message, with a way to the settings",
  {
    text: "x =",
    answers: ["one"],
    settings: { "infill-ls.maxLines": 0, "infill-ls.minProbability": "high", "infill-ls.maxTokenz": 5 },
  },
  async (window) => {
    const toasts = window.page.locator(".notification-toast", { hasText: "wrong" });
    await toasts.first().waitFor();
    await window.screenshot(join(work, "wrong-settings.png"));
    const [told, ...more] = await toasts.allInnerTexts();
    if (more.length) throw new Error(`told of more than once: ${more}`);
    for (const part of ["3 settings are wrong", "maxLines must be at least 1", "minProbability", "'maxTokenz'"]) {
      if (!told.includes(part)) throw new Error(`not told of ${part}: ${told}`);
    }
    await window.answer("settings are wrong", "Open Settings");
    await window.page.getByText("Settings Found").first().waitFor();
  },
);
