// Bundles the extension into dist/extension.js; with `test` each test instead, against the fake editor.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const shared = { bundle: true, platform: "node", target: "node18", format: "cjs", logLevel: "warning" };

if (process.argv[2] === "test") {
  const out = "node_modules/.tests";
  rmSync(out, { recursive: true, force: true });
  const entryPoints = readdirSync("test").filter((name) => name.endsWith(".test.ts")).map((name) => `test/${name}`);
  await build({ ...shared, target: "node20", entryPoints, outdir: out, sourcemap: "inline", alias: { vscode: "./test/fake/vscode.ts" } });
} else {
  // The page that is installed with it has its picture beside it.
  mkdirSync("dist", { recursive: true });
  copyFileSync("../docs/images/vscode.png", "dist/vscode.png");
  writeFileSync("dist/README.md", readFileSync("README.md", "utf8").replace("../docs/images/vscode.png", "dist/vscode.png"));
  await build({ ...shared, entryPoints: ["src/extension.ts"], outfile: "dist/extension.js", external: ["vscode"], minify: true, legalComments: "none" });
}
