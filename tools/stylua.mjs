// Format the Lua files of the repository with StyLua's WebAssembly build; its binaries are not
// on npm. usage: node stylua.mjs STYLUA_PACKAGE_DIR [--check] FOLDER...
//
// The rules are those of editors/neovim/stylua.toml, which the stylua program reads as well.
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [packageFolder, ...rest] = process.argv.slice(2);
const check = rest[0] === "--check";
const folders = check ? rest.slice(1) : rest;
const lib = join(packageFolder, "stylua_lib_node.mjs");
const { Config, IndentType, OutputVerification, QuoteStyle, formatCode } = await import(
  pathToFileURL(lib).href
);

function readConfig() {
  const config = Config.new();
  const text = readFileSync(new URL("../editors/neovim/stylua.toml", import.meta.url), "utf8");
  for (const [, key, value] of text.matchAll(/^(\w+) = "?(\w+)"?$/gm)) {
    const enumeration = { indent_type: IndentType, quote_style: QuoteStyle }[key];
    config[key] = enumeration ? enumeration[value] : Number(value);
  }
  return config;
}

function* luaFiles(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* luaFiles(path);
    else if (name.endsWith(".lua")) yield path;
  }
}

let unformatted = 0;
for (const folder of folders) {
  for (const path of luaFiles(folder)) {
    const code = readFileSync(path, "utf8");
    const formatted = formatCode(code, readConfig(), undefined, OutputVerification.None);
    if (formatted === code) continue;
    unformatted += 1;
    console.log(`${check ? "would reformat" : "reformatted"} ${path}`);
    if (!check) writeFileSync(path, formatted);
  }
}
process.exit(check && unformatted ? 1 : 0);
