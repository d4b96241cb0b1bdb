// Proxy server between VS Code and the real one: it says that it wants cursor hints, records them, and
// may answer with an edit that no rule would find, for as long as the last change was "#", however often it is asked.
// usage: node proxy.mjs OPTIONS ARGUMENT...   OPTIONS is a file: {server, record, edit}
import { spawn } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";

const [file, ...args] = process.argv.slice(2);
const { server, record, edit } = JSON.parse(readFileSync(file, "utf8"));
const real = spawn(server, args, { stdio: ["pipe", "pipe", "inherit"] });
real.on("exit", (code) => process.exit(code ?? 1));

const frame = (message) => {
  const body = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);
};

/** Call `take` with each message of a stream. */
function read(stream, take) {
  let data = Buffer.alloc(0);
  stream.on("data", (chunk) => {
    data = Buffer.concat([data, chunk]);
    for (;;) {
      const head = data.indexOf("\r\n\r\n");
      if (head < 0) return;
      const end = head + 4 + Number(/Content-Length: (\d+)/i.exec(data.subarray(0, head))[1]);
      if (data.length < end) return;
      take(JSON.parse(data.subarray(head + 4, end)));
      data = data.subarray(end);
    }
  });
}

let initialize;
let isOffered = false;
read(process.stdin, (message) => {
  const { method, params } = message;
  if (method === "initialize") initialize = message.id;
  if (method === "textDocument/didChange") isOffered = params.contentChanges.at(-1).text === "#";
  if (method === "infill/cursorRests") {
    appendFileSync(record, `${JSON.stringify(params)}\n`);
  } else if (method === "textDocument/copilotInlineEdit" && edit) {
    const command = { title: "a test", command: "infill-ls.nextEditAccepted", arguments: ["none"] };
    const edits = isOffered ? [{ ...edit, textDocument: params.textDocument, command }] : [];
    process.stdout.write(frame({ jsonrpc: "2.0", id: message.id, result: { edits } }));
  } else real.stdin.write(frame(message));
});
read(real.stdout, (message) => {
  if (message.id === initialize && message.result) {
    message.result.capabilities.experimental = { cursorRests: true };
  }
  process.stdout.write(frame(message));
});
process.stdin.on("end", () => real.stdin.end());
