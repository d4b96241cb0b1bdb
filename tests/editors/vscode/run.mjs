// usage: node run.mjs URL CODE_SERVER_PID WORK_FOLDER SERVER [PATTERN]
import { join } from "node:path";
import { Window, delay, fileContains, killEngine, launchBrowser, waitFor } from "./window.mjs";

const [url, codeServer, work, server, pattern = ""] = process.argv.slice(2);
const tests = [];
const test = (name, options, run) => tests.push({ name, options, run });

const ADD = "def add(a, b):\n";
const BODY = "total = a + b\n    return total";

test("ghost text is shown and Tab inserts it", { text: "", answers: [BODY] }, async (window) => {
  await window.type("def add(a, b):\n");
  await window.expectGhost(BODY);
  await window.screenshot(join(work, "ghost-text.png"));
  await window.press("Tab");
  await window.expectSaved(`${ADD}    ${BODY}`);
});

test(
  "words and lines are accepted one by one",
  { text: `${ADD}    `, answers: [BODY] },
  async (window) => {
    await window.type("t");
    await window.press("Backspace");
    await window.expectGhost(BODY);
    await window.press("Control+ArrowRight");
    await window.expectGhost(" = a + b\n    return total");
    await window.press("Control+Alt+ArrowRight");
    await window.press("Control+Alt+ArrowRight");
    await window.expectSaved(`${ADD}    ${BODY}`);
  },
);

test(
  "the suggest widget is open",
  {
    text: "price_total = 1\n",
    answers: [" + 1"],
    settings: {
      "editor.quickSuggestions": { other: "on" },
      "editor.wordBasedSuggestions": "currentDocument",
    },
  },
  async (window) => {
    await window.type("pri");
    await window.page.waitForSelector(".suggest-widget.visible .monaco-list-row.focused");
    await window.expectGhost("ce_total + 1");
    await window.screenshot(join(work, "suggest-widget.png"));
    await window.press("Tab");
    await window.expectGhost(" + 1");
    await window.press("Tab");
    await window.expectSaved("price_total = 1\nprice_total + 1");
  },
);

test(
  "several candidates on explicit request",
  { text: "x = ", answers: ["one", "two", "three"] },
  async (window) => {
    await window.press("Alt+\\");
    await window.expectGhost("one");
    await window.press("Alt+]");
    await window.expectGhost("two");
    await window.press("Alt+]");
    await window.expectGhost("three");
    await window.press("Tab");
    await window.expectSaved("x = three");
  },
);

test(
  "nothing in the middle of a line unless asked for",
  { text: "total = price", answers: [" unit"] },
  async (window) => {
    await window.press("Home");
    await window.press("Control+ArrowRight");
    await window.type("s");
    await window.expectNoGhost();
    await window.press("Alt+\\");
    await window.expectGhost(" unit");
    await window.press("Tab");
    await window.expectSaved("totals unit = price");
  },
);

test(
  "a bracket that closes itself stays",
  { text: "", answers: ["a, b"] },
  async (window) => {
    await window.type("print(");
    await window.expectGhost("a, b");
    await window.press("Tab");
    await window.expectSaved("print(a, b)");
  },
);

test(
  "CRLF line ends stay",
  { text: "def add(a, b):\r\n", answers: ["first\n    second"] },
  async (window) => {
    await window.type("    ");
    await window.expectGhost("first\n    second");
    await window.press("Tab");
    await window.expectSaved("def add(a, b):\r\n    first\r\n    second");
  },
);

test(
  "emoji and CJK before the cursor",
  { text: 'print("🦊 狐 é",', answers: ['"狸 🦝", end)'] },
  async (window) => {
    await window.type(" ");
    await window.expectGhost('"狸 🦝", end)');
    await window.press("Tab");
    await window.expectSaved('print("🦊 狐 é", "狸 🦝", end)');
  },
);

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
    await window.status("off");
    await typeBlank();
    await window.expectNoGhost();
    await window.choose("Switch on for this workspace");
    await window.status("ready");
    await typeBlank();
    await window.expectGhost("one");
    await window.choose("Switch off for python");
    await window.status("off for python");
    await typeBlank();
    await window.expectNoGhost();
    await window.choose("Switch on for python");
    await window.status("ready");
    await delay(300); // the server asks for its settings when it is told that they changed
    await typeBlank();
    await window.expectGhost("one");
  },
);

test("the menu pauses and explains", { text: "x =", answers: ["one"] }, async (window) => {
  await window.type(" ");
  await window.expectGhost("one");
  await window.choose("Pause for a while");
  await window.pick("30 minutes");
  await window.status("paused until");
  await window.focus();
  await window.press("Control+End", "Backspace");
  await window.type(" ");
  await window.expectNoGhost();
  await window.choose("Resume");
  await window.status("ready");
  await window.choose("Explain the last completion");
  await waitFor("the explanation", async () => {
    const text = await window.page.locator(".monaco-editor").last().innerText();
    return text.replaceAll("\u00a0", " ").includes("The last completion");
  });
});

test("acceptance is counted on this machine", { text: "x =", answers: ["one"] }, async (window) => {
  await window.type(" ");
  await window.expectGhost("one");
  await window.press("Tab");
  await window.expectSaved("x = one");
  const statistics = join(work, "xdg/infill-ls/statistics.jsonl");
  await waitFor("the acceptance", () => fileContains(statistics, '"event": "accepted"'));
});

// With the bundled model what is suggested is not known beforehand, but these texts repeat
// themselves, so that any model goes on. What is on the screen must be what Tab puts into the file.
const SUM = "first_total = price_total + tax_total\nsecond_total = price_total + tax_total\n";
const PATIENT = { "infill-ls.timeBudgetMs": 60_000 };
const bundledGhost = (window) => waitFor("ghost text", () => window.ghost());

test(
  "bundled model: a word of the ghost text, then all of it",
  { text: `${SUM}third_total =`, settings: PATIENT },
  async (window) => {
    await window.type(" ");
    const ghost = await bundledGhost(window);
    await window.press("Control+ArrowRight");
    const rest = await waitFor("the rest", async () => {
      const left = await window.ghost();
      return left && left !== ghost && ghost.endsWith(left) && left;
    });
    await window.expectSaved(`${SUM}third_total = ${ghost.slice(0, -rest.length)}`);
    await window.press("Tab");
    await window.expectSaved(`${SUM}third_total = ${ghost}`);
  },
);

test(
  "bundled model: the suggest widget is open",
  {
    text: `${SUM}third_total = `,
    settings: {
      ...PATIENT,
      "editor.quickSuggestions": { other: "on" },
      "editor.wordBasedSuggestions": "currentDocument",
    },
  },
  async (window) => {
    await window.type("pri");
    await window.page.waitForSelector(".suggest-widget.visible .monaco-list-row.focused");
    const ghost = await waitFor("ghost text behind the item", async () => {
      const shown = await window.ghost();
      return shown.startsWith("ce_total ") && shown;
    });
    await window.press("Tab");
    await window.expectGhost(ghost.slice("ce_total".length));
    await window.press("Tab");
    await window.expectSaved(`${SUM}third_total = pri${ghost}`);
  },
);

test(
  "bundled model: CRLF line ends stay",
  { text: `${SUM}third_total =`.replaceAll("\n", "\r\n"), settings: PATIENT },
  async (window) => {
    await window.type(" ");
    const ghost = await bundledGhost(window);
    await window.press("Tab");
    await window.expectSaved(`${SUM}third_total = ${ghost}`.replaceAll("\n", "\r\n"));
  },
);

const SHOW = 'show("🦊 狐 é", price_total)\nshow("🐻 熊 é", price_total)\nshow("🦝 狸 é",';
test(
  "bundled model: emoji and CJK before the cursor",
  { text: SHOW, settings: PATIENT },
  async (window) => {
    await window.type(" ");
    const ghost = await bundledGhost(window);
    await window.press("Tab");
    await window.expectSaved(`${SHOW} ${ghost}`);
  },
);

test(
  "bundled model: switched off and on, and its process killed",
  { text: `${SUM}third_total =`, settings: PATIENT },
  async (window) => {
    await window.type(" ");
    await bundledGhost(window);
    await window.choose("Switch off for this workspace");
    await window.status("off");
    await window.focus();
    await window.press("Control+End", "Escape", "Backspace");
    await window.type(" ");
    await window.expectNoGhost();
    await window.choose("Switch on for this workspace");
    await window.status("ready");
    await window.focus();
    await window.press("Control+End", "Backspace");
    await window.type(" ");
    const ghost = await bundledGhost(window);
    await window.press("Tab");
    await window.expectSaved(`${SUM}third_total = ${ghost}`);
    if (killEngine(Number(codeServer)) < 1) throw new Error("an engine process was expected");
    await window.type("\nfourth_total = ");
    await waitFor("ghost text from a new engine process", async () => {
      // The server waits a moment before it starts a process that died again.
      await window.type("x");
      await window.press("Backspace");
      return waitFor("ghost text", () => window.ghost(), 5_000).catch(() => "");
    });
    await window.status("ready");
  },
);

const browser = await launchBrowser();
let passed = 0;
let failed = 0;
for (const [number, { name, options, run }] of tests.entries()) {
  if (!name.includes(pattern)) continue;
  const started = Date.now();
  let window;
  try {
    const folder = join(work, `workspace-${number}`);
    window = await Window.open(browser, { url, folder, server, ...options });
    await run(window);
    passed += 1;
    console.log(`ok   ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)\n${error.stack}`);
    await window?.screenshot(join(work, `failed-${number}.png`));
  } finally {
    await window?.close();
  }
}
await browser.close();
console.log(`VS Code: ${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
