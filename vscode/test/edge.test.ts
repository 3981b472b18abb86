import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { addressOf } from "../src/core/address.ts";
import { Api, ApiFailure, pathOf } from "../src/edge/api.ts";
import { Cli, Lines, Missing } from "../src/edge/cli.ts";
import { projectIn } from "../src/edge/project.ts";

const cwd = tmpdir();
const script = (text: string): readonly string[] => ["-e", text];
const node = process.execPath;

test("arguments reach the command as they are: no shell reads them", async () => {
  const hostile = ["a b", "; touch here", "$(id)", "`id`", "*", "'\"", "--"];
  const ended = await new Cli(() => undefined).run({ command: node, args: [...script("console.log(JSON.stringify(process.argv.slice(1)))"), "--", ...hostile], cwd, timeout: 20_000 });
  assert.deepEqual(JSON.parse(ended.stdout), hostile);
});

test("what does not end in its time is interrupted, and ended where that does not help", async () => {
  const cli = new Cli(() => undefined, 200);
  const ended = await cli.run({ command: node, args: script("process.on('SIGINT', () => console.log('no')); setInterval(() => 0, 1000)"), cwd, timeout: 1500 });
  assert.deepEqual([ended.broken, ended.code], ["timeout", null]);
  assert.equal(cli.running, 0);
});

test("what was cancelled before it began is never started", async () => {
  const ended = await new Cli(() => assert.fail("it was started")).run({ command: node, args: [], cwd, timeout: 1000, signal: AbortSignal.abort() });
  assert.equal(ended.broken, "cancelled");
});

test("a command that is not there, or is no command, is missing", async () => {
  const cli = new Cli(() => undefined);
  for (const command of ["/nowhere/controller", tmpdir()]) await assert.rejects(cli.run({ command, args: [], cwd, timeout: 1000 }), Missing);
  assert.equal(cli.running, 0);
});

test("lines come whole, in whatever pieces, the last one too", () => {
  const found: string[] = [];
  const lines = new Lines((line) => found.push(line));
  for (const piece of ["on", "e\r\ntw", "o\n\nthree"]) lines.take(piece);
  lines.end();
  assert.deepEqual(found, ["one", "two", "three"]);
});

test("empty lines of output stay where they are asked for", () => {
  const found: string[] = [];
  const lines = new Lines((line) => found.push(line), true);
  lines.take("one\n\ntwo\n");
  lines.end();
  assert.deepEqual(found, ["one", "", "two"]);
});

test("a folder that is gone is not taken for a command that is missing", async () => {
  const gone = { command: node, args: script(""), cwd: "/nowhere/at/all", timeout: 1000 };
  await assert.rejects(new Cli(() => undefined).run(gone), (error) => !(error instanceof Missing) && /the folder \/nowhere\/at\/all is not there/.test((error as Error).message));
});

test("more than an answer can hold is said to be that", async () => {
  const ended = await new Cli(() => undefined).run({ command: node, args: script("const x = 'x'.repeat(1 << 20); for (let i = 0; i < 40; i++) process.stdout.write(x); setInterval(() => 0, 1000)"), cwd, timeout: 20_000 });
  assert.equal(ended.broken, "too much");
});

test("an act that was interrupted has its own patience", async () => {
  const abort = new AbortController();
  const text = "process.on('SIGINT', () => setTimeout(() => process.exit(130), 600)); console.error('begun'); setInterval(() => 0, 1000)";
  const ended = await new Cli(() => undefined, 100).run({ command: node, args: script(text), cwd, timeout: 20_000, signal: abort.signal, patience: 20_000, onLine: () => abort.abort() });
  assert.deepEqual([ended.broken, ended.code], ["cancelled", 130]);
});

test("every command is logged, and one that did not end well as a warning", async () => {
  const said: string[] = [];
  const cli = new Cli((line, failed) => said.push(`${failed ? "warn" : "info"} ${line.replace(node, "node").replace(/ {3}.*/, "")}`));
  await cli.run({ command: node, args: script("process.exit(3)"), cwd, timeout: 20_000 });
  await new Promise<void>((resolve) => void cli.follow({ command: node, args: script(""), cwd, onOutput: () => undefined, onEnd: () => resolve() }));
  assert.deepEqual(said, ["info node -e process.exit(3)", "warn node -e process.exit(3): exit code 3", "info node -e", "info node -e : exit code 0"]);
});

test("a folder's project is named by its own files", () => {
  const folder = mkdtempSync(join(tmpdir(), "controller-project-"));
  const write = (name: string, text: string): void => (mkdirSync(dirname(join(folder, name)), { recursive: true }), writeFileSync(join(folder, name), text));
  const files = (): readonly string[] | undefined => projectIn(folder)?.files;
  write("manifests/deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\n");
  assert.equal(projectIn(folder), null, "manifests of something else");
  write("compose.yaml", "services: {}\n");
  assert.deepEqual([files(), projectIn(folder)?.first], [["."], join(folder, "compose.yaml")]);
  write(".env", "A=b\nCOMPOSE_FILE=\"a.yaml:b.yaml\"\n");
  assert.deepEqual(files(), ["a.yaml", "b.yaml"]);
  write("manifests/controller.yaml", "apiVersion: controller/v1\nkind: Controller\n");
  assert.deepEqual(files(), ["manifests", "a.yaml", "b.yaml"]);
  write("manifests/shop.yaml", "# ours\napiVersion: controller/v1\nkind: Stack\n");
  assert.deepEqual([files(), projectIn(folder)?.first], [["manifests"], join(folder, "manifests/shop.yaml")]);
  rmSync(folder, { recursive: true });
});

test("names in a path are made safe", () => assert.equal(pathOf("stacks", "a/../b?c"), "/v1/stacks/a%2F..%2Fb%3Fc"));

const openssl = ["/usr/bin/openssl", "/usr/local/bin/openssl", "/bin/openssl"].find(existsSync);

test("an API with a certificate of its own is trusted by the file that is given, and by nothing else", { skip: openssl ? false : "no openssl here" }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "controller-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  execFileSync(openssl ?? "", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], { stdio: "ignore" });
  const seen: (string | undefined)[] = [];
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    seen.push(request.headers.authorization);
    response.end('{"version": "1"}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const addressed = addressOf(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  assert.ok("address" in addressed);
  const door = { address: addressed.address, token: "secret" };
  await assert.rejects(new Api({ ...door, ca: null }).get("/v1/info"), (error) => error instanceof ApiFailure && error.kind === "away" && /controller\.api\.caFile/.test(error.message));
  assert.deepEqual(seen, [], "no token is shown to whom nobody trusts");
  assert.deepEqual(await new Api({ ...door, ca: readFileSync(cert, "utf8") }).get("/v1/info"), { version: "1" });
  assert.deepEqual(seen, ["Bearer secret"]);
  server.close();
  rmSync(folder, { recursive: true });
});
