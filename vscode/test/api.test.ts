import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, test } from "node:test";

import type { TreeNode } from "../src/core/nodes.ts";
import { answer, json, shop } from "./answers.ts";
import { act, fake } from "./fake/vscode.ts";
import { texts, until, World } from "./world.ts";

const TOKEN = "good-token";
const GOOD = "$(pass-filled) shop Converged 2/2";

/** As the API answers; tells who asked, and with what. */
class Controller {
  readonly asked: { readonly method: string; readonly url: string; readonly token: string | undefined; readonly last: string | undefined; readonly body: string }[] = [];
  readonly streams = new Set<ServerResponse>();
  token = TOKEN;
  /** Ends every stream at once. */
  full = false;
  /** What begins with that is answered with a head and nothing more. */
  silent = "-";
  logs: ServerResponse | null = null;
  raw = false;
  answers: Record<string, readonly [number, unknown]> = {};
  private server: Server | null = null;
  private at = 0;

  async start(): Promise<string> {
    this.server = createServer((request, response) => void this.answer(request, response));
    await new Promise<void>((resolve) => this.server?.listen(this.at, "127.0.0.1", resolve));
    this.at = (this.server?.address() as AddressInfo).port;
    return `http://127.0.0.1:${this.at}`;
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => (this.server ? this.server.close(resolve) : resolve(null)));
    this.server = null;
    this.streams.clear();
  }

  tell(kind: string, data: unknown, id = "e-1"): void {
    for (const stream of this.streams) stream.write(`event: ${kind}\ndata: ${JSON.stringify(data)}\nid: ${id}\n\n`);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const piece of request) body += String(piece);
    const url = request.url ?? "";
    const token = request.headers.authorization?.replace("Bearer ", "");
    this.asked.push({ method: request.method ?? "", url, token, last: request.headers["last-event-id"] as string | undefined, body });
    if (token !== this.token) return this.say(response, 401, { error: { message: "this key is not valid", hint: "ask for another one" } });
    if (url === "/v1/stream") {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      if (this.full) return void response.end();
      this.streams.add(response);
      response.write("retry: 1000\n\n");
      if (!request.headers["last-event-id"]) this.tell("snapshot", { stacks: [shop()], events: [], alerts: [], silences: [], usage: null });
      return;
    }
    if (url.split("?")[0] === this.silent) {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write("\n");
      this.logs = response;
      return;
    }
    const [status, value] = this.answers[`${request.method} ${url.split("?")[0]}`] ?? [404, { error: { message: `nothing at ${url}`, hint: null } }];
    this.say(response, status, value);
  }

  private say(response: ServerResponse, status: number, value: unknown): void {
    response.writeHead(status, { "Content-Type": "application/json", ...(status === 302 && { Location: String(value) }) });
    response.end(this.raw ? String(value) : JSON.stringify(value));
  }
}

let world: World;
let controller: Controller;
afterEach(async () => {
  await world.end();
  await controller.stop();
});

async function begin(token: string | null = TOKEN): Promise<string> {
  world = new World();
  controller = new Controller();
  const origin = await controller.start();
  fake.settings["controller.api.address"] = origin;
  if (token) fake.secrets.set(`controller.token ${origin}`, token);
  await world.activate();
  return origin;
}
const nodes = (): TreeNode[] => fake.tree?.provider.getChildren() as TreeNode[];
const open = async (): Promise<void> => until(() => controller.streams.size && texts().includes(GOOD), "the API's stack in the status bar");

test("with a token the API is followed, and no command is started", async () => {
  const origin = await begin();
  await open();
  assert.deepEqual([fake.tree?.description, fake.tree?.title], [origin, origin.replace("http://", "")]);
  const { services: _, ...head } = shop();
  controller.tell("stack", { ...head, phase: "Degraded" });
  controller.tell("service", { stack: "shop", service: { ...shop().services[1], phase: "Degraded", ready: 1 } });
  await until(() => texts()[0] === "$(warning) shop Degraded 1/2", "the change");
  assert.deepEqual(world.called("status"), []);
});

test("without a token nothing is asked of the API; one that is set is kept secret and used at once", async () => {
  const origin = await begin(null);
  await until(() => texts().includes(GOOD), "the command line's stack");
  assert.deepEqual(controller.asked, []);
  fake.typed = "two words";
  await act.command("setToken");
  assert.equal(fake.secrets.size, 0);
  fake.typed = ` ${TOKEN} `;
  await act.command("setToken");
  await until(() => controller.streams.size, "the stream");
  assert.deepEqual([...fake.secrets], [[`controller.token ${origin}`, TOKEN]]);
  assert.doesNotMatch(JSON.stringify([fake.output, world.calls, fake.said]), new RegExp(TOKEN));
  await act.command("forgetToken");
  await until(() => world.called("status").length === 2 && texts().includes(GOOD), "the command line again");
});

test("a token is of its address: another one gets none", async () => {
  await begin();
  await open();
  const other = new Controller();
  act.set("controller.api.address", await other.start());
  await until(() => world.called("status").length, "the command line");
  assert.deepEqual(other.asked, []);
  await other.stop();
});

test("a token that is refused falls back to the command line, and that is said once", async () => {
  const origin = await begin("old-token");
  await until(() => texts().includes(GOOD), "the command line's stack");
  await new Promise((resolve) => setTimeout(resolve, 700));
  assert.deepEqual(fake.said.map(({ kind, text }) => [kind, text]), [["warning", `${origin} does not take the token (any more). Stacks are asked of the command line meanwhile.`]]);
  assert.equal(controller.asked.length, 1, "it is not shown again and again");
  assert.equal(world.called("status").length, 1);
});

test("a connection that is lost comes back from where it was; meanwhile the command line is asked", async () => {
  await begin();
  await open();
  controller.tell("usage", {}, "e-7");
  await new Promise((resolve) => setTimeout(resolve, 100));
  await controller.stop();
  await until(() => world.called("status").length === 1 && texts().includes(GOOD), "the command line");
  await controller.start();
  await until(() => controller.streams.size, "the stream again");
  assert.equal(controller.asked.filter(({ url }) => url === "/v1/stream").at(-1)?.last, "e-7");
});

test("no redirect is followed, and an error is told in the API's own words", async () => {
  await begin();
  await open();
  const elsewhere = new Controller();
  controller.answers["GET /v1/stacks/shop/services/web/why"] = [302, `${await elsewhere.start()}/v1/x`];
  const web = nodes()[0]?.children.find(({ service }) => service === "web");
  await act.command("why", web);
  assert.match(fake.said.at(-1)?.text ?? "", /redirect, which is not followed/);
  assert.deepEqual(elsewhere.asked, []);
  await elsewhere.stop();
  controller.answers["GET /v1/stacks/shop/services/web/why"] = [403, { error: { message: "you may not get services", hint: "ask for the role viewer" } }];
  await act.command("why", web);
  assert.equal(fake.said.at(-1)?.text, "Why: shop/web: you may not get services (ask for the role viewer)");
});

test("apply through the API shows its plan, leaves an intent and follows it to its end", async () => {
  await begin();
  await open();
  const intent = { id: 7, verb: "apply", services: [], who: "ada", askedAt: "", state: "waiting", exitCode: null, result: null };
  controller.answers = {
    "GET /v1/stacks/shop/plan": [200, json("plan-first")], "POST /v1/stacks/shop/intents": [202, intent], "GET /v1/stacks/shop": [200, shop()],
    "GET /v1/stacks/shop/intents/7": [200, { ...intent, state: "done", exitCode: 0, result: json("apply") }],
  };
  fake.choose = ({ modal, buttons }) => (modal ? buttons[0] : undefined);
  await act.command("apply", nodes()[0]);
  assert.match(fake.previews[0] ?? "", /^# Plan: shop/);
  assert.deepEqual(controller.asked.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body) as unknown), [{ verb: "apply", services: [] }]);
  assert.equal(fake.said.at(-1)?.text, "Apply shop: converged in 7.1 s.");
  assert.deepEqual(world.called("apply"), []);
});

const cause = (service: string): unknown => ({ ...(json("why") as { causes: object[] }).causes[0], service, rootCause: "db", chain: [{ service, phase: "Waiting", reason: "", message: "waits for db" }, { service: "db", phase: "Failed", reason: "", message: "exited with 1" }] });

test("why comes through the API, of a service and of a stack with what is in its way", async () => {
  await begin();
  await open();
  // As `GET …/why` answers: one cause, and no list of them.
  controller.answers["GET /v1/stacks/shop/services/web/why"] = [200, cause("web")];
  await act.command("why", nodes()[0]?.children.find(({ service }) => service === "web"));
  assert.deepEqual(fake.said, []);
  assert.match(fake.previews.at(-1) ?? "", /^# Why: shop\/web\n[\s\S]*The root cause is \*\*db\*\*[\s\S]*\*\*db\*\* Failed: exited with 1/);
  const held = { type: "AdoptionHeld", status: "True" as const, reason: "WouldReplace", message: "would replace web", lastTransitionTime: "" };
  controller.answers["GET /v1/stacks/shop"] = [200, shop({ conditions: [held] }, { web: { phase: "Waiting" } })];
  await act.command("why", nodes()[0]);
  assert.match(fake.previews.at(-1) ?? "", /^# Why: shop\n\n- \*\*shop\*\*: would replace web \(`WouldReplace`\)\n\n## web\n/);
});

test("while the API is followed, a plan of nothing in particular is of one of its stacks, and who acts is said", async () => {
  const origin = await begin();
  await open();
  controller.answers["GET /v1/stacks/shop/plan"] = [200, json("plan-first")];
  await act.command("apply");
  assert.deepEqual(world.called("plan"), [], "the folder's files are not what is shown");
  assert.deepEqual([fake.said[0]?.modal, fake.said[0]?.text], [true, "Apply shop?"]);
  assert.ok(fake.said[0]?.detail.endsWith(`By ${origin}.`));
  await act.command("restart", nodes()[0]?.children.find(({ service }) => service === "web"));
  assert.ok(fake.said.at(-1)?.detail.endsWith(`By ${origin}.`));
  // A manifest that is named itself is the folder's, and that is said, too.
  world.answers("plan", answer("plan-first.json"));
  await act.command("apply", world.document("shop/manifests/shop.yaml", "apiVersion: controller/v1\nkind: Stack\n").uri);
  assert.ok(fake.said.at(-1)?.detail.endsWith("By the command line in shop."));
});

test("a connection that comes back holds again, though nothing new is said", async () => {
  await begin();
  await open();
  controller.tell("usage", {}, "e-7");
  await new Promise((resolve) => setTimeout(resolve, 100));
  await controller.stop();
  await until(() => world.called("status").length === 1, "the command line");
  await controller.start();
  await until(() => controller.streams.size && fake.tree?.description.startsWith("http:"), "the API's stacks");
  assert.deepEqual([texts(), fake.tree?.message], [[GOOD], ""]);
});

test("a stream that ends before it says anything is not waited for without a word", async () => {
  world = new World();
  controller = new Controller();
  controller.full = true;
  const origin = await controller.start();
  fake.settings["controller.api.address"] = origin;
  fake.secrets.set(`controller.token ${origin}`, TOKEN);
  await world.activate();
  await until(() => texts().includes(GOOD), "the command line's stack");
});

const INTENT = { id: 7, verb: "apply", services: [], who: "ada", askedAt: "", state: "claimed", exitCode: null, result: null };

test("an apply is followed on where the API was away for a moment", async () => {
  await begin();
  await open();
  controller.answers = {
    "GET /v1/stacks/shop/plan": [200, json("plan-first")], "POST /v1/stacks/shop/intents": [202, INTENT], "GET /v1/stacks/shop": [200, shop()],
    "GET /v1/stacks/shop/intents/7": [503, { error: { message: "it starts", hint: null } }],
  };
  fake.choose = ({ modal, buttons }) => (modal ? buttons[0] : undefined);
  const applied = act.command("apply", nodes()[0]);
  await until(() => fake.progress.some(({ messages }) => messages.includes("the API does not answer; trying again")), "it is tried again");
  controller.answers["GET /v1/stacks/shop/intents/7"] = [200, { ...INTENT, state: "done", exitCode: 0, result: json("apply") }];
  await applied;
  assert.equal(fake.said.at(-1)?.text, "Apply shop: converged in 7.1 s.");
});

test("an apply that is cancelled while it is asked after is said to go on", async () => {
  await begin();
  await open();
  controller.answers = { "GET /v1/stacks/shop/plan": [200, json("plan-first")], "POST /v1/stacks/shop/intents": [202, INTENT], "GET /v1/stacks/shop": [200, null] };
  controller.silent = "/v1/stacks/shop";
  fake.choose = ({ modal, buttons }) => (modal ? buttons[0] : undefined);
  const applied = act.command("apply", nodes()[0]);
  await until(() => controller.asked.at(-1)?.url === "/v1/stacks/shop", "it is asked after");
  fake.progress.find(({ title }) => title === "Apply shop")?.cancel();
  await applied;
  assert.equal(fake.said.at(-1)?.text, "Apply shop: no longer followed; the controller carries it on.");
});

test("who asks the API alone is not told of a command that is missing", async () => {
  world = new World();
  fake.settings["controller.path"] = "/nowhere/controller";
  controller = new Controller();
  const origin = await controller.start();
  fake.settings["controller.api.address"] = origin;
  fake.secrets.set(`controller.token ${origin}`, TOKEN);
  await world.activate();
  await open();
  await until(() => fake.output.some((line) => line.startsWith("warn: '/nowhere/controller' cannot be run")), "it is logged");
  assert.deepEqual(fake.said, []);
});

test("output whose connection breaks is not said to be all", async () => {
  await begin();
  await open();
  controller.silent = "/v1/stacks/shop/services/web/logs";
  await act.command("logs", nodes()[0]?.children.find(({ service }) => service === "web"));
  await until(() => controller.asked.at(-1)?.url.startsWith(controller.silent), "it is asked for");
  controller.logs?.write('event: line\ndata: {"replica": "shop-web-1", "line": "\\u001b[2Jone"}\n\n');
  await until(() => fake.terminals[0]?.text.includes("shop-web-1 | \\x1b[2Jone\r\n"), "its output, harmless");
  controller.logs?.destroy();
  await until(() => fake.terminals[0]?.text.includes("the connection to the API broke"), "that it broke");
  assert.doesNotMatch(fake.terminals[0]?.text ?? "", /That was all/);
});

test("somebody else who answers at the address is told as that", async () => {
  const origin = await begin();
  await open();
  controller.answers["GET /v1/stacks/shop/plan"] = [200, "<html>"];
  controller.raw = true;
  await act.command("plan", nodes()[0]);
  assert.equal(fake.said.at(-1)?.text, `Plan: shop: what answers at ${origin} is not the API of controller: no JSON`);
});

test("broken files are told with their place", async () => {
  await begin();
  await open();
  controller.answers["GET /v1/stacks/shop/plan"] = [422, { error: { message: "the files are broken", hint: null, findings: JSON.parse(answer("validate-broken.json")).errors } }];
  await act.command("plan", nodes()[0]);
  assert.equal(fake.said.at(-1)?.text, "Plan: shop: the files are broken\nmanifests/shop.yaml:8 unknown key 'replicaz'");
});

test("logs come through the API, and end with their terminal", async () => {
  await begin();
  await open();
  controller.answers["GET /v1/stacks/shop/services/web/logs"] = [404, { error: { message: "no replica of that name" } }];
  await act.command("logs", nodes()[0]?.children.find(({ service }) => service === "web")?.children[0]);
  await until(() => fake.terminals[0]?.text.includes("no replica of that name"), "what the API says");
  assert.match(controller.asked.at(-1)?.url ?? "", /\?follow=true&tail=200&replica=shop-web-1$/);
});

test("an address that cannot be used is said, and nothing is sent", async () => {
  world = new World();
  controller = new Controller();
  fake.settings["controller.api.address"] = "http://ops.example:7070";
  await world.activate();
  await until(() => texts().includes(GOOD), "the command line's stack");
  assert.match(fake.tree?.message ?? "", /^controller\.api\.address: http:\/\/ops\.example:7070 is not on this machine/);
});

test("what a controller elsewhere keeps, the command line here is not asked for", async () => {
  world = new World();
  controller = new Controller();
  fake.settings["controller.api.address"] = "https://ops.invalid:7070";
  fake.secrets.set("controller.token https://ops.invalid:7070", TOKEN);
  await world.activate();
  await until(() => /^the API at https:\/\/ops\.invalid:7070 does not answer: /.test(fake.tree?.message ?? ""), "that it does not answer");
  assert.deepEqual(world.called("status"), []);
  assert.deepEqual(texts(), ["$(warning) controller: status unknown"]);
});
