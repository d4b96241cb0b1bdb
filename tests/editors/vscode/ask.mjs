// Tests of instructions, whose result is shown as a difference: applied, asked for again, or discarded.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test, work } from "./suite.mjs";
import { delay, waitFor } from "./window.mjs";

const BEFORE = `import os


def area(radius):
    """Return the area of a circle."""
    raise NotImplementedError


def other():
    return 1
`;
const ANSWER = `1. Square the radius.
2. Multiply by pi.

\`\`\`python
import math


def area(radius):
    squared = radius**2
    return math.pi * squared
\`\`\`
`;
const SECOND = "```python\ndef area(radius):\n    return 3 * radius**2\n```\n";
const AFTER = BEFORE.replace("import os\n", "import os\nimport math\n").replace(
  "    raise NotImplementedError",
  "    squared = radius**2\n    return math.pi * squared",
);
const TOASTS = ".notification-toast";

const options = (instruct, more = {}) => ({
  text: BEFORE,
  answers: [""],
  script: { instruct, ...more },
  machineSettings: { "infill-ls.instructModel": "/nowhere/some-instruct.gguf" },
});

const goTo = (window, line) => window.goTo(line, 5);

/** The lines on the right side of the difference that is shown, or nothing. */
async function difference(window) {
  return window.page.$$eval(".monaco-diff-editor .editor.modified .view-line", (lines) =>
    lines
      .map((line) => [parseInt(line.style.top, 10), line.textContent.replaceAll("\u00a0", " ")])
      .sort(([one], [other]) => one - other)
      .map(([, text]) => text),
  );
}

async function expectDifference(window, ...expected) {
  let found;
  await waitFor(`a difference with ${JSON.stringify(expected)}`, async () => {
    found = await difference(window);
    return expected.every((line) => found.includes(line));
  }).catch((error) => {
    throw new Error(`${error.message}; there is ${JSON.stringify(found)}`);
  });
}

async function expectNoDifference(window) {
  await waitFor("the difference to go", async () => (await difference(window)).length === 0);
}

/** Wait until the keys are those of the difference. */
async function focusDifference(window) {
  await window.page.locator(".monaco-diff-editor .editor.modified .view-lines:not(.line-delete)").click();
}

test(
  "ask: a workspace cannot name the model",
  { ...options([SECOND]), machineSettings: {}, settings: { "infill-ls.instructModel": "/nowhere/b.gguf" } },
  async (window) => {
    await goTo(window, 9);
    await window.command("Infill: Describe the Code");
    await window.page.locator(TOASTS, { hasText: "needs an instruct model" }).first().waitFor();
  },
);

test(
  "ask: a function is written, shown as a difference, taken, and undone in one step",
  options([ANSWER]),
  async (window) => {
    await goTo(window, 4);
    await window.command("Infill: Implement the Function");
    await expectDifference(window, "import math", "    return math.pi * squared");
    await window.screenshot(join(work, "ask.png"));
    if (readFileSync(window.file, "utf8") !== BEFORE) throw new Error("it is made already");
    await window.page.locator('.editor-actions a[aria-label^="Apply the Result"]').click();
    await expectNoDifference(window);
    await window.expectSaved(AFTER);
    await window.press("Control+z");
    await window.expectSaved(BEFORE);
    await window.press("Control+Shift+z");
    await window.expectSaved(AFTER);
  },
);

test("ask: again by its key, then dropped", options([ANSWER, SECOND]), async (window) => {
  await goTo(window, 4);
  await window.command("Infill: Implement the Function");
  await expectDifference(window, "import math");
  await focusDifference(window);
  await window.press("Alt+]");
  await expectDifference(window, "    return 3 * radius**2");
  await focusDifference(window);
  await window.press("Escape");
  await expectNoDifference(window);
  await window.expectSaved(BEFORE);
});

test(
  "ask: the outline is seen as it grows, and the model is stopped by the button",
  options([ANSWER], { instruct_gate: join(work, "never") }), // the model stops after its first line
  async (window) => {
    await goTo(window, 4);
    await window.command("Infill: Implement the Function");
    const toast = window.page.locator(TOASTS, { hasText: "1. Square the radius." });
    await toast.first().waitFor();
    await toast.first().locator(".monaco-button", { hasText: "Cancel" }).click();
    await waitFor("the progress to go", async () => (await toast.count()) === 0);
    await delay(500);
    await expectNoDifference(window);
    await window.expectSaved(BEFORE);
  },
);

test("ask: a code action is shown in the same way", options([SECOND]), async (window) => {
  await goTo(window, 4);
  await window.press("Control+.");
  await window.page.locator(".action-widget .monaco-list-row", { hasText: "Implement area" }).click();
  await expectDifference(window, "    return 3 * radius**2");
  await focusDifference(window);
  await window.press("Tab");
  await window.expectSaved(BEFORE.replace("raise NotImplementedError", "return 3 * radius**2"));
});

/** Whoever can have a model write an address would learn from what asks there. */
const fetched = [];
const listener = createServer((request, response) => {
  fetched.push(request.url);
  response.end();
}).listen(0, "127.0.0.1");
listener.unref();
const address = await new Promise((done) =>
  listener.on("listening", () => done(`http://127.0.0.1:${listener.address().port}`)),
);
const WORDS = `It returns **two**. ![p](${address}/picture.png) <img src="${address}/html.png">
<script>fetch("${address}/script")</script> <style>body { background: url(${address}/style) }</style>
`;

test(
  "ask: lines are rewritten as said, and words are shown beside, but nothing that they name is fetched",
  options(["```python\nreturn 2\n```\n", WORDS]),
  async (window) => {
    await goTo(window, 10);
    await window.press("Home", "Shift+End");
    await window.command("Infill: Rewrite by an Instruction");
    await window.page.locator(".quick-input-widget", { hasText: "How to rewrite the code" }).waitFor();
    await window.page.keyboard.type("twice of it");
    await window.press("Enter");
    await expectDifference(window, "    return 2");
    await focusDifference(window);
    await window.press("Tab");
    await window.expectSaved(BEFORE.replace("return 1", "return 2"));
    await window.command("Infill: Describe the Code");
    // Not the progress, which may say so too: what opens late would be in the way of the next test.
    const page = await window.report("It returns two.");
    if ((await page.locator("strong").innerText()) !== "two") throw new Error("it is not rendered");
    await page.waitForFunction(() => document.readyState === "complete");
    if (fetched.length) throw new Error(`what the model names is fetched: ${fetched}`);
  },
);

test(
  "ask: tests go to a file that is made for them",
  options(["```python\nfrom demo import other\n\n\ndef test_other():\n    assert other() == 1\n```\n"]),
  async (window) => {
    await goTo(window, 9);
    await window.command("Infill: Write Tests for the Function");
    await expectDifference(window, "def test_other():");
    const file = join(window.folder, "test_demo.py");
    if (existsSync(file)) throw new Error("it is made already");
    await focusDifference(window);
    await window.press("Tab");
    await expectNoDifference(window);
    await window.page.locator(".tab.active", { hasText: /^test_demo\.py$/ }).waitFor();
    await waitFor("the file", async () => {
      await window.press("Control+s");
      return existsSync(file) && readFileSync(file, "utf8").includes("assert other() == 1");
    });
  },
);

test(
  "ask: text that has changed meanwhile is left alone",
  options([SECOND]),
  async (window) => {
    await goTo(window, 4);
    await window.command("Infill: Implement the Function");
    await expectDifference(window, "    return 3 * radius**2");
    await window.press("Control+1"); // the group, whose first tab is the file
    await window.page.locator(".tab", { hasText: "demo.py" }).first().click();
    await goTo(window, 6);
    await window.press("Control+Shift+k");
    await window.command("Infill: Apply the Result");
    await window.page.locator(TOASTS, { hasText: "there has changed" }).first().waitFor();
    await window.expectSaved(BEFORE.replace("    raise NotImplementedError\n", ""));
  },
);

test(
  "ask: without a model to rewrite with, no instruction is asked for",
  { text: BEFORE, answers: [""] },
  async (window) => {
    await goTo(window, 4);
    await window.command("Infill: Rewrite by an Instruction");
    const toast = window.page.locator(TOASTS, { hasText: "rewriting needs an instruct model" });
    await toast.first().waitFor();
    if (await window.page.locator(".quick-input-widget:visible").count()) {
      throw new Error("the instruction is asked for");
    }
    await window.answer("rewriting needs", "Open Settings");
    await window.page.locator(".setting-item-contents", { hasText: "Instruct Model" }).first().waitFor();
  },
);
