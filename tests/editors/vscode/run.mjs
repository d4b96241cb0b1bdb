// usage: node run.mjs URL CODE_SERVER_PID WORK_FOLDER SERVER WARM_SERVER [PATTERN]
import { join } from "node:path";
import { pattern, server, tests, url, warmServer, work } from "./suite.mjs";
import "./typing.mjs";
import "./menu.mjs";
import "./nextEdit.mjs";
import "./ask.mjs";
import "./hints.mjs";
import "./notebook.mjs";
import "./commit.mjs";
import "./setup.mjs";
import "./bundled.mjs";
import { Window, launchBrowser } from "./window.mjs";

const browser = await launchBrowser();
let passed = 0;
let failed = 0;
for (const [number, { name, options, run }] of tests.entries()) {
  if (!new RegExp(pattern).test(name)) continue;
  const started = Date.now();
  let window;
  try {
    const folder = join(work, `workspace-${number}`);
    const program = options.answers ? warmServer : server;
    window = await Window.open(browser, { url, folder, server: program, ...options });
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
