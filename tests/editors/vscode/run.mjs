// Runs the tests in VS Code.
// usage: node run.mjs URL CODE_SERVER_PID WORK_FOLDER SERVER WARM_SERVER [PATTERN]
import { join } from "node:path";
import { pattern, tests, url, warmServer, work } from "./suite.mjs";
// In this order, those of one kind together.
import "./typing.mjs";
import "./menu.mjs";
import "./nextEdit.mjs";
import "./hints.mjs";
import "./ask.mjs";
import "./notebook.mjs";
import "./commit.mjs";
import "./setup.mjs";
import "./bundled.mjs";
import "./loading.mjs";
import { isShared, restoreUserSettings, reuse, writeKeys } from "./reuse.mjs";
import { Window, launchBrowser } from "./window.mjs";

writeKeys(join(work, "data", "User", "keybindings.json"));
const browser = await launchBrowser();
/** The window of the last test, while the next may have it. */
let last;
let opened = 0;

/** A window for a test: that of the last one if it is shared and can be tidied up, else a new one. */
async function windowFor(number, options) {
  const all = {
    url,
    folder: join(work, `workspace-${number}`),
    server: warmServer,
    ...(isShared(options) && { within: `test-${number}` }),
    ...options,
  };
  if (last && isShared(options)) {
    try {
      await reuse(last, all);
      return last;
    } catch (error) {
      console.log(`     a new window is opened: ${error.message}`);
      await last.screenshot(join(work, `left-before-${number}.png`));
    }
  }
  await last?.close();
  last = undefined;
  restoreUserSettings();
  const window = await Window.open(browser, all);
  opened += 1;
  if (isShared(options)) last = window;
  return window;
}

// Those that share a window come last: one of them installs a server, and where there is one of its own the extension uses it.
const inOrder = [...tests.entries()].sort(([, one], [, other]) => isShared(one.options) - isShared(other.options));

let passed = 0;
let failed = 0;
for (const [number, { name, options, run }] of inOrder) {
  if (!new RegExp(pattern).test(name)) continue;
  const started = Date.now();
  let window;
  let hasPassed = false;
  try {
    window = await windowFor(number, options);
    await run(window);
    hasPassed = true;
    passed += 1;
    console.log(`ok   ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)\n${error.stack}`);
    await window?.screenshot(join(work, `failed-${number}.png`));
  } finally {
    // Who knows what a test that failed has left.
    if (!hasPassed) last = undefined;
    if (window && window !== last) await window.close();
  }
}
await browser.close();
console.log(`VS Code: ${passed} passed, ${failed} failed, in ${opened} windows`);
process.exit(failed || !passed ? 1 : 0);
