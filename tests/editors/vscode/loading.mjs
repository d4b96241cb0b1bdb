// Tests of starting: on a new machine, while the model loads, and of keys before the extension runs.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeServer, server, test, warmServer } from "./suite.mjs";
import { processesBelow, waitFor } from "./window.mjs";

const SUM = "first_total = price_total + tax_total\nsecond_total = price_total + tax_total\nthird_total =";
/** Holds a server that begins when there is a file `go`, and its cache. A short path, as a socket is there too. */
const folder = mkdtempSync(join(tmpdir(), "infill-"));
const heldBack = join(folder, "infill-ls");
writeFileSync(
  heldBack,
  `#!/bin/sh
until [ -e "${folder}/go" ]; do sleep 0.05; done
export XDG_CACHE_HOME="${folder}/cache" INFILL_LS_RUNTIME_DIR="${folder}"
exec "${server}" "$@"
`,
  { mode: 0o700 },
);

test(
  "bundled model: who types at once sees the model load on a new machine, and then the ghost text",
  {
    text: SUM,
    settings: { "infill-ls.timeBudgetMs": 60_000 },
    server: heldBack,
    firstStatus: "starting",
  },
  async (window) => {
    await window.watchStatus();
    await window.type(" ");
    await window.expectSaved(`${SUM} `); // so that the key has come
    writeFileSync(join(folder, "go"), "");
    const ghost = await waitFor("ghost text", () => window.ghost());
    if (!ghost.startsWith("price_total")) throw new Error(`it is ${ghost}`);
    await window.status("ready");
    const shown = await window.shown();
    const percents = shown.map((label) => /Loading the model, (\d+) %/.exec(label)?.[1]).filter(Boolean);
    const isSorted = percents.every((percent, at) => at === 0 || Number(percents[at - 1]) <= Number(percent));
    const firstReady = shown.findIndex((label) => label.includes("ready"));
    const loadsLater = shown.slice(firstReady).some((label) => label.includes("Loading"));
    if (!percents.length || !isSorted || firstReady < 0 || loadsLater) throw new Error(shown.join("\n"));
  },
);

/** The processes in which extensions run. */
const extensionHosts = () =>
  [...processesBelow(codeServer)].filter(([, command]) => command.includes("--type=extensionHost")).map(([pid]) => pid);

/** Stop the next process in which extensions run, before it comes to ours; returns its id. */
async function holdNextHost() {
  const before = new Set(extensionHosts());
  const host = await waitFor("a process for extensions", () => extensionHosts().find((pid) => !before.has(pid)));
  process.kill(host, "SIGSTOP");
  return host;
}

let held;
test(
  "what is typed before the extension is there is completed once it is",
  {
    text: "x =",
    answers: ["one"],
    server: warmServer,
    prepare: () => (held = holdNextHost()),
    early: async (window) => {
      const host = await held;
      await window.goToEnd();
      await window.type(" ");
      const line = window.page.locator(".monaco-editor .view-line").first();
      await waitFor("the key", async () => (await line.textContent()).replaceAll("\u00a0", " ") === "x = ");
      if (await window.statusItem.count()) throw new Error("the extension is there already");
      process.kill(host, "SIGCONT");
    },
  },
  (window) => window.expectGhost("one"),
);
