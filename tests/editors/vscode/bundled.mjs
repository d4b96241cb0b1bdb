// Tests with the bundled model. What is suggested is not known beforehand, but these texts repeat
// themselves, so that any model goes on. What is on the screen must be what Tab puts into the file.
import { execFileSync } from "node:child_process";
import { cpSync, writeFileSync } from "node:fs";
import { homedir, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { test, work } from "./suite.mjs";
import { delay, killEngines, waitFor } from "./window.mjs";

const SUM = "first_total = price_total + tax_total\nsecond_total = price_total + tax_total\n";
const PATIENT = { "infill-ls.timeBudgetMs": 60_000 };

/** A repository of its own: ours ignores the folder that it is in, and what is ignored is not searched. */
function prepareShop(folder) {
  const git = (...args) => execFileSync("git", args, { cwd: folder });
  cpSync(SHOP, folder, { recursive: true, filter: (path) => !/orders\.py$|__pycache__/.test(path) });
  git("init", "--quiet");
  writeFileSync(join(folder, ".git", "info", "exclude"), ".vscode\n");
  git("add", ".");
  git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "The shop");
}

const bundledGhost = (window) => waitFor("ghost text", () => window.ghost());

// The scene of tools/screenshots, which keeps this picture.
const SHOP = join(import.meta.dirname, "..", "..", "..", "examples", "shop");
const ORDERS = `"""Orders of a customer."""

from shop.customers import Customer
from shop.pricing import add_vat, apply_discount, net_price


def amount_due(customer: Customer, item, quantity):
    amount_cents = net_price(item.price_cents, quantity)
    if customer.is_member:`;
test(
  "bundled model: the picture for the README",
  {
    text: ORDERS,
    settings: {
      ...PATIENT,
      "infill-ls.coldTargetMs": 0,
      "infill-ls.frugal": "on", // else a beginning is shown to whoever types quickly
      "editor.fontSize": 12, // else the line is too long
      "editor.minimap.enabled": false,
    },
    folder: join(work, "shop"),
    name: "shop/orders.py",
    prepare: prepareShop,
  },
  async (window) => {
    await window.press("Enter");
    await window.type("amount_cents = ");
    const ghost = await bundledGhost(window);
    const take = async (picture) => {
      const shown = await window.page.locator("body").innerText();
      for (const name of [homedir(), work, tmpdir(), `${userInfo().username}@`]) {
        if (shown.includes(name)) throw new Error(`the picture would show ${name}`);
      }
      await window.screenshot(join(work, picture));
    };
    await take("ghost-text.png");
    await window.press("Tab");
    await window.expectSaved(`${ORDERS}\n        amount_cents = ${ghost}`);
    await window.openMenu();
    await delay(500); // it fades in
    await take("menu.png");
  },
);

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
    const ghost = await window.takeItem("ce_total", " ");
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
    if (killEngines() < 1) throw new Error("an engine process was expected");
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
