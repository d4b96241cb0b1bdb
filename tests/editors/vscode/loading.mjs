// The first start on a machine, where nothing is known of the model.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { server, test } from "./suite.mjs";
import { waitFor } from "./window.mjs";

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
