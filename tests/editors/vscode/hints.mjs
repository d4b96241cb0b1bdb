// Tests that need another server's behaviour, added by a proxy (proxy.mjs).
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test, warmServer, work } from "./suite.mjs";
import { delay, waitFor } from "./window.mjs";

const PROXY = join(dirname(fileURLToPath(import.meta.url)), "proxy.mjs");

/** A program that runs the proxy; `edit` is what it offers. */
function proxied(name, edit) {
  const [program, options, record] = ["sh", "json", "jsonl"].map((end) => join(work, `${name}.${end}`));
  writeFileSync(options, JSON.stringify({ server: warmServer, record, edit }));
  writeFileSync(program, `#!/bin/sh\nexec node '${PROXY}' '${options}' "$@"\n`);
  chmodSync(program, 0o755);
  rmSync(record, { force: true });
  return { program, record };
}

const hinting = proxied("hinting");
const hints = () =>
  existsSync(hinting.record)
    ? readFileSync(hinting.record, "utf8").trim().split("\n").map((line) => JSON.parse(line))
    : [];

test(
  "a server that wants to know is told where the cursor rests, but not while one types",
  { text: "first\nsecond\nthird\n", answers: [""], server: hinting.program },
  async (window) => {
    const place = (line, character) => async () => {
      const last = hints().at(-1);
      return last?.position.line === line && last.position.character === character;
    };
    await waitFor("a hint where the file was opened", place(3, 0));
    if (!hints()[0].textDocument.uri.endsWith("/demo.py")) throw new Error("it is of another file");
    await window.press("ArrowUp", "ArrowUp", "End");
    await waitFor("a hint where the cursor went", place(1, 6));
    await delay(500);
    const before = hints().length;
    await window.type("abc");
    await delay(1000);
    const told = hints().slice(before);
    if (told.length) throw new Error(`it was told while typing: ${JSON.stringify(told)}`);
    await window.press("Home");
    await waitFor("a hint after the next move", place(1, 0));
    window.writeSettings({ "infill-ls.disabledLanguages": ["python"] });
    await window.status("off for python");
    const after = hints().length;
    await window.press("ArrowUp");
    await delay(1000);
    if (hints().length > after) throw new Error("it was told of a language that is switched off");
  },
);

const LINES = "def f(a):\n    return a\n\n\nx = f(1)\n";
const several = proxied("several", {
  text: "    b = a\n    return b\n",
  range: { start: { line: 1, character: 0 }, end: { line: 2, character: 0 } },
});
test(
  "next edit: new text of several lines stands beside the old, and takes its place",
  { text: LINES, answers: [""], server: several.program },
  async (window) => {
    await window.type("#");
    await window.expectDrawn("return a", ["+     b = a", "+     return b"]);
    await window.screenshot(join(work, "next-edit-lines.png"));
    await window.press("Tab", "Tab");
    await window.expectSaved("def f(a):\n    b = a\n    return b\n\n\nx = f(1)\n#");
    await window.press("Control+z");
    await window.expectSaved(`${LINES}#`);
  },
);
