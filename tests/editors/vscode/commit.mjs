// Tests of the commit message box, where the prompt begins with the staged changes.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, work } from "./suite.mjs";
import { BEFORE, OFFERED, rename } from "./nextEdit.mjs";
import { delay, fileContains, waitFor } from "./window.mjs";

const prompts = join(work, "commit-prompts.json");
const ANSWER = "up the prices of an order";

function prepare(folder) {
  const git = (...args) => execFileSync("git", args, { cwd: folder });
  git("init", "--quiet");
  writeFileSync(join(folder, "orders.py"), "def total(order):\n    return sum(order)\n");
  writeFileSync(join(folder, ".env"), "WORD=hunter2hunter2\n");
  git("add", "orders.py", ".env");
}

async function focusBox(window) {
  await window.press("Control+Shift+g");
  const box = window.page.locator(".scm-editor .monaco-editor .view-lines").first();
  await box.click();
  await window.page.locator(".scm-editor .monaco-editor.focused").waitFor();
  return box;
}

/** So that the box of another test is the only one. */
async function closeRepository(window) {
  await window.command("Git: Close Repository");
  await window.page.locator(".scm-editor").waitFor({ state: "detached" });
}

test(
  "commit message: the box is completed with what is staged",
  {
    text: "x = 1\n",
    answers: { "Add ": ANSWER },
    script: { prompts_file: prompts },
    prepare,
  },
  async (window) => {
    const box = await focusBox(window);
    await window.type("Add ");
    await window.expectGhost(ANSWER);
    await window.screenshot(join(work, "commit.png"));
    await window.press("Tab");
    await waitFor("the message", async () => {
      const text = (await box.innerText()).replaceAll(/\s+/g, " "); // its lines are wrapped
      return text.includes(`Add ${ANSWER}`);
    });
    await waitFor("a prompt with what is staged", async () => {
      if (["# orders.py", "# +    return sum(order)"].every((line) => fileContains(prompts, line))) return true;
      await window.type("x"); // git may have been too slow before: it is asked again after a while
      await delay(1000);
      return false;
    });
    if (fileContains(prompts, "hunter2")) throw new Error("the prompt has a secret");
    await closeRepository(window);
  },
);

test(
  "commit message: keys in the box are not those of a next edit in the editor",
  { text: BEFORE, answers: [""], prepare },
  async (window) => {
    await rename(window);
    await window.expectDrawn(...OFFERED);
    const place = await window.cursor();
    await focusBox(window);
    await window.page.keyboard.type("abc");
    await window.press("Tab");
    await delay(500);
    await window.expectDrawn(...OFFERED);
    const now = await window.cursor();
    if (now !== place) throw new Error(`the cursor went from ${place} to ${now}`);
    await closeRepository(window);
  },
);
