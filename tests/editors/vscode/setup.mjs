// How the server is found or installed, and the walkthrough.
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { codeServer, server, test, work } from "./suite.mjs";
import { delay, processesBelow, waitFor } from "./window.mjs";

/** Check that the extension host, which is where the files are, runs this program. */
function expectRunning(program) {
  const commands = [...processesBelow(codeServer).values()];
  if (!commands.some((command) => command.includes(program))) {
    throw new Error(`${program} does not run, but\n${commands.join("\n")}`);
  }
}

async function expectCompletion(window) {
  await window.focus();
  await window.press("Control+End");
  await window.type(" ");
  await window.expectGhost("one");
}

test(
  "a path that leads nowhere is told of, and a right one used at once",
  {
    text: "x =",
    answers: ["one"],
    server: "/nowhere/infill-ls",
    firstStatus: "there is no program /nowhere/infill-ls",
  },
  async (window) => {
    if (await window.page.locator(".notification-toast").count()) {
      throw new Error("it pops up, though the status bar tells");
    }
    window.writeSettings({ "infill-ls.server.path": server });
    await window.status("ready");
    await expectCompletion(window);
  },
);

test(
  "the workspace's environment is used",
  {
    text: "x =",
    answers: ["one"],
    server: "",
    prepare: (folder) => {
      mkdirSync(join(folder, ".venv", "bin"), { recursive: true });
      symlinkSync(server, join(folder, ".venv", "bin", "infill-ls"));
    },
  },
  async (window) => {
    await expectCompletion(window);
    expectRunning(join(window.folder, ".venv", "bin", "infill-ls"));
  },
);

test(
  "the walkthrough has pictures, and knows that the server is there",
  { text: "x =", answers: ["one"] },
  async (window) => {
    await window.page.setViewportSize({ width: 1400, height: 800 }); // else there is no room for them
    await window.command("Open Walkthrough");
    await window.pick("Get Started with infill-ls");
    await window.page.waitForSelector('[data-done-step-id$="#start#install"].complete');
    for (const step of ["Install the server", "Type", "Pause, switch off, explain"]) {
      await window.page.locator(".getting-started-step", { hasText: step }).first().click();
      await waitFor(`the picture of ${step}`, () =>
        window.page.$$eval(".getting-started-media img", (images) =>
          images.some((image) => image.complete && image.naturalWidth > 0),
        ),
      );
    }
    await window.screenshot(join(work, "walkthrough.png"));
  },
);

test(
  "the server is installed into an environment of its own",
  { text: "x =", answers: ["one"], server: "", firstStatus: "not installed" },
  async (window) => {
    await window.answer("was not found", "Install");
    await window.page.waitForSelector('.notification-toast:has-text("Installing infill-ls")');
    await delay(2000);
    await window.screenshot(join(work, "installing.png"));
    const failure = window.page.locator(".notification-toast", { hasText: "was not installed" });
    await Promise.race([
      window.status("ready", 600_000),
      failure.waitFor({ timeout: 600_000 }).then(async () => {
        throw new Error(await failure.innerText());
      }),
    ]);
    await expectCompletion(window);
    expectRunning(join("globalStorage", "infill-ls.infill-ls", "environment", "bin"));
  },
);
