import { build } from "esbuild";

await build({
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  external: ["vscode"], // given by the editor at run time
  format: "cjs",
  platform: "node",
  target: "node20",
  minify: true,
});
