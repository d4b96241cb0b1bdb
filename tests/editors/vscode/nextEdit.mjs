// Tests of next edits: shown where it is to be made, gone to by a key, applied by the next.
import { join } from "node:path";
import { test, work } from "./suite.mjs";
import { delay, fileContains, waitFor } from "./window.mjs";

export const BEFORE = `def total(prices):
    return sum(prices)


def report(prices):
    print(compute_total(prices))
    return compute_total(prices)


def compute_total(prices):
    return sum(prices)
`;
const RENAMED = BEFORE.replace("def compute_total", "def compute_sum");
const FIRST = RENAMED.replace("print(compute_total", "print(compute_sum");
const BOTH = FIRST.replace("return compute_total", "return compute_sum");
const QUIET = { text: BEFORE, answers: [""] };
export const OFFERED = ["compute_total", ["compute_sum"]];

const goTo = (window, line, column) => window.goTo(line, column);

/** Rename the function where it is defined, in the last line but one. */
export async function rename(window, line = 10) {
  await goTo(window, line, 5);
  await window.press("Control+Shift+ArrowRight");
  await window.type("compute_sum");
}

const nothingDrawn = (window) => window.expectDrawn("", []);

test("next edit: it is shown, gone to, applied, edit by edit, and undone", QUIET, async (window) => {
  await rename(window);
  await window.expectDrawn(...OFFERED);
  await window.screenshot(join(work, "next-edit.png"));
  await window.press("Tab");
  await window.expectCursor("Ln 6, Col 24");
  await window.expectSaved(RENAMED);
  await window.press("Tab");
  await window.expectSaved(FIRST);
  await window.expectCursor("Ln 6, Col 22");
  await window.expectDrawn(...OFFERED);
  await window.press("Tab");
  await window.expectCursor("Ln 7, Col 25");
  await window.press("Tab");
  await window.expectSaved(BOTH);
  await nothingDrawn(window);
  await window.press("Control+z");
  await window.expectSaved(FIRST);
  await window.press("Control+z");
  await window.expectSaved(RENAMED);
  const statistics = join(work, "xdg/infill-ls/statistics.jsonl");
  await waitFor("the acceptance", () => fileContains(statistics, '"event": "edit accepted"'));
});

test("next edit: Escape dismisses it, and it is not offered again", QUIET, async (window) => {
  await rename(window);
  await window.expectDrawn(...OFFERED);
  await window.press("Escape");
  await nothingDrawn(window);
  await window.press("Control+End");
  await window.type("x");
  await delay(1500);
  await nothingDrawn(window);
});

test(
  "next edit: a hint stands at the cursor while the place is out of sight",
  { text: `${BEFORE}${"# a line\n".repeat(100)}`, answers: [""] },
  async (window) => {
    await rename(window);
    await window.expectDrawn(...OFFERED);
    await goTo(window, 100, 1);
    await window.expectDrawn("", ["→ line 6: next edit, Tab to go"]);
    await window.screenshot(join(work, "next-edit-hint.png"));
    await window.press("Tab");
    await window.expectCursor("Ln 6, Col 24");
    await window.expectDrawn(...OFFERED);
    await window.press("Tab");
    await window.expectSaved(`${FIRST}${"# a line\n".repeat(100)}`);
  },
);

test("next edit: Tab indents when nothing is shown", QUIET, async (window) => {
  await goTo(window, 3, 1);
  await window.press("Tab");
  await window.expectSaved(BEFORE.replace("\n\n\n", "\n    \n\n"));
  // What is shown goes with the next key, and Tab is Tab again.
  await window.press("Backspace");
  await rename(window);
  await window.expectDrawn(...OFFERED);
  await window.press("Escape");
  await nothingDrawn(window);
  await goTo(window, 3, 1);
  await window.press("Tab");
  await window.expectSaved(RENAMED.replace("\n\n\n", "\n    \n\n"));
});

test(
  "next edit: it changes with the text, and goes with the setting",
  QUIET,
  async (window) => {
    await rename(window);
    await window.expectDrawn(...OFFERED);
    await window.type("x");
    await window.expectDrawn("compute_total", ["compute_sumx"]);
    await window.press("Backspace");
    await window.expectDrawn(...OFFERED);
    window.writeSettings({ "infill-ls.nextEdit": false });
    await nothingDrawn(window);
    await window.press("End", "Tab");
    await window.expectSaved(RENAMED.replace("sum(prices):", "sum(prices):    "));
    await delay(1000);
    await nothingDrawn(window);
  },
);

test(
  "next edit: ghost text goes first, and Escape tells which of the two goes",
  { text: BEFORE, answers: ["after the name"] },
  async (window) => {
    await rename(window);
    await window.expectDrawn(...OFFERED);
    await window.press("Alt+\\");
    await window.expectGhost("after the name");
    await nothingDrawn(window);
    await window.press("Escape");
    await window.expectGhost("");
    await window.expectDrawn(...OFFERED);
    await window.press("Escape");
    await nothingDrawn(window);
  },
);
