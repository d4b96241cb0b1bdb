// List of all tests, in the order in which their files register them, and the arguments of this run.
const [url, pid, folder, program, warmProgram, pattern = ""] = process.argv.slice(2);

export const tests = [];
/**
 * A test: `options` are those of `Window.open`. With `fresh`, and where it is about a window that opens, it gets a
 * window of its own; else it shares one with the others (reuse.mjs).
 */
export const test = (name, options, run) => tests.push({ name, options, run });

export { pattern, url };
/** The process below which all others run. */
export const codeServer = Number(pid);
/** Where workspaces, screenshots, user data and the server's statistics go. */
export const work = folder;
/** The program of the server. */
export const server = program;
/** A program that has one that is loaded already start the server: for tests that are not about its start. */
export const warmServer = warmProgram;
