import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { addressOf } from "../src/core/address.ts";
import { Api, ApiFailure, pathOf } from "../src/edge/api.ts";
import { Cli, Lines, Missing } from "../src/edge/cli.ts";

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
