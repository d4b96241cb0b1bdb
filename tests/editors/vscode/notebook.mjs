// Test of notebooks: a cell is completed with the cells around it.
import { readFileSync } from "node:fs";
import { test } from "./suite.mjs";
import { waitFor } from "./window.mjs";

const cell = (type, source) => ({
  cell_type: type,
  metadata: {},
  source,
  ...(type === "code" && { execution_count: null, outputs: [] }),
});
const NOTEBOOK = JSON.stringify({
  cells: [
    cell("code", "def net_price(gross):\n    return gross / 1.23"),
    cell("markdown", "Prices are in zloty"),
    cell("code", "first ="),
    cell("code", "print(first)"),
  ],
  metadata: { language_info: { name: "python" } },
  nbformat: 4,
  nbformat_minor: 5,
});

/** The window has opened the file as text. */
async function openAsNotebook(window) {
  await window.press("Control+F4");
  await window.page.locator(".explorer-folders-view .monaco-list-row", { hasText: ".ipynb" }).dblclick();
  await window.page.locator(".code-cell-row").first().waitFor();
}

/** Put the cursor to the end of the `number`th code cell. */
async function focusCell(window, number) {
  await window.page.locator(".code-cell-row .monaco-editor .view-lines").nth(number).click();
  await window.press("Control+End");
}

/** A new cell, with the cursor in it. */
async function addCellBelow(window) {
  const name = "Notebook: Insert Code Cell Below";
  await window.typeIntoBox("F1", name);
  await window.page.locator(".quick-input-widget .monaco-list-row", { hasText: name }).first().click();
  await waitFor("an empty cell with the cursor", () =>
    window.page.$$eval(".code-cell-row .monaco-editor.focused .view-lines", (lines) =>
      lines.some((one) => one.textContent.trim() === ""),
    ),
  );
}

async function expectCells(window, expected) {
  let found;
  await waitFor(`the code cells to be ${JSON.stringify(expected)}`, async () => {
    await window.press("Control+s");
    const text = readFileSync(window.file, "utf8");
    if (!text.endsWith("}\n") && !text.endsWith("}")) return false; // it is being written
    const { cells } = JSON.parse(text);
    const sources = cells.filter((one) => one.cell_type === "code").map((one) => one.source);
    found = JSON.stringify(sources.map((source) => [source].flat().join("")));
    return found === JSON.stringify(expected);
  }).catch((error) => {
    throw new Error(`${error.message}; they are ${found}`);
  });
}

/** The explanation has the prompt. */
async function expectPrompt(window, ...expected) {
  await window.command("Explain the Last Completion");
  let text;
  await waitFor(`a prompt with ${expected.join(" and ")}`, async () => {
    const page = await window.report("The last completion");
    text = await page.locator("body").innerText().catch(() => "");
    return expected.every((part) => text.includes(part));
  }).catch((error) => {
    throw new Error(`${error.message}; there is ${text}`);
  });
}

test(
  "notebook: a cell is completed with the cells around it, a new one too",
  { text: NOTEBOOK, answers: { "first = ": "net_price(2)", "second = ": "net_price(3)" }, name: "demo.ipynb" },
  async (window) => {
    await openAsNotebook(window);
    await focusCell(window, 1);
    await window.type(" ");
    await window.expectGhost("net_price(2)");
    await window.press("Tab");
    await expectCells(window, [
      "def net_price(gross):\n    return gross / 1.23",
      "first = net_price(2)",
      "print(first)",
    ]);
    await expectPrompt(window, "def net_price(gross):", "# Prices are in zloty", "print(first)");

    await focusCell(window, 1);
    await addCellBelow(window);
    await window.type("second = ");
    // Nothing on the page tells when the server has heard of a new cell.
    await window.typeUntilGhost(async () => {
      await window.press("Backspace");
      await window.type(" ");
    }, "net_price(3)");
    await window.press("Tab");
    await expectCells(window, [
      "def net_price(gross):\n    return gross / 1.23",
      "first = net_price(2)",
      "second = net_price(3)",
      "print(first)",
    ]);
    await expectPrompt(window, "first = net_price(2)", "print(first)");
  },
);
