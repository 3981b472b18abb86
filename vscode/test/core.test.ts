import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { addressOf } from "../src/core/address.ts";
import { Documents, readDescribed, readErrors, readPlan, readScan, readStatus, readWhy, Unreadable } from "../src/core/answers.ts";
import { actArgs, commandOf, describeArgs, logsArgs, planArgs, statusArgs } from "../src/core/argv.ts";
import { barOf, figuresOf, troubleItem } from "../src/core/bar.ts";
import { unlinked, visible } from "../src/core/clean.ts";
import { lookOf } from "../src/core/look.ts";
import { nodesOf } from "../src/core/nodes.ts";
import { endingOf, endingOfIntent } from "../src/core/outcome.ts";
import { Retry, WATCH } from "../src/core/pauses.ts";
import { problemsOfErrors, problemsOfFindings, spanIn, spokenFindings } from "../src/core/problems.ts";
import { fold } from "../src/core/state.ts";
import { meaningOf, roleOf, type Intent, type Phase, type StackPhase } from "../src/shared.ts";
import { answer, json, shop } from "./answers.ts";

const known = (stacks = [shop()], staleSince: number | null = null, trouble = ""): Parameters<typeof barOf>[0] => [{ known: { stacks, staleSince, trouble }, from: "the command line in shop" }];

test("real answers are read, and what is not of their shape is refused with its place", () => {
  assert.deepEqual(readStatus(json("status")).map(({ name, phase, services }) => [name, phase, services.length]), [["shop", "Converged", 2]]);
  assert.equal(readPlan(json("plan-first")).changes, 6);
  assert.equal(readWhy(json("why")).causes.length, 1);
  assert.equal(readDescribed(json("describe")).name, "web");
  assert.equal(readDescribed(json("describe-stack")).name, "shop");
  assert.ok(readScan(json("scan")).findings.length > 3);
  assert.equal(readErrors(json("validate-broken")).length, 1);
  for (const [read, value] of [[readStatus, {}], [readStatus, null], [readStatus, { stacks: [{ name: "a", phase: "Ready", conditions: [] }] }], [readPlan, { changes: "1" }], [readErrors, { errors: [{}] }], [readWhy, []]] as const) {
    assert.throws(() => (read as (value: unknown) => unknown)(value), (error) => error instanceof Unreadable && /no (list|object|text|number)/.test(error.message));
  }
});

test("documents that are printed one after the other come whole, in whatever pieces", () => {
  const text = `${answer("status.json")}\n${JSON.stringify({ stacks: [] }, null, 2)}\n\n{"stacks": []}\n`;
  for (const size of [1, 7, 1000, text.length]) {
    const documents = new Documents();
    const found: unknown[] = [];
    for (let at = 0; at < text.length; at += size) for (const one of documents.take(text.slice(at, at + size))) found.push(JSON.parse(one));
    assert.deepEqual(found, [json("status"), { stacks: [] }, { stacks: [] }]);
  }
});

test("every phase has an icon, and says what it means", () => {
  const phases: (Phase | StackPhase)[] = ["Pending", "Waiting", "Starting", "Ready", "Updating", "RollingBack", "Degraded", "CrashLoopBackOff", "Failed", "Completed", "Paused", "Stopped", "Converged", "Progressing"];
  for (const phase of phases) {
    assert.match(lookOf(phase).icon, /^[a-z-]+$/);
    assert.ok(meaningOf(phase), phase);
  }
  assert.notEqual(lookOf("Ready").icon, lookOf("Failed").icon);
});

test("the status bar says phase and figures in words, the worst first, with a colour where something is wrong", () => {
  const sick = shop({ name: "sick", phase: "Degraded" }, { web: { phase: "CrashLoopBackOff", ready: 0 } });
  const items = barOf(known([shop(), sick]));
  assert.deepEqual(items.map(({ text, background, stack }) => [text, background, stack]), [
    ["$(warning) sick Degraded 1/2", "statusBarItem.warningBackground", "sick"],
    ["$(pass-filled) shop Converged 2/2", null, "shop"],
  ]);
  assert.equal(items[0]?.spoken, "Stack sick: Degraded, 1 of 2 services ready");
  assert.match(items[0]?.tooltip ?? "", /\| web \| CrashLoopBackOff \| 0\/2 \|/);
  assert.equal(barOf(known([shop({ phase: "Failed" })]))[0]?.background, "statusBarItem.errorBackground");
});

test("more than three stacks are two and the rest; what is stopped is not counted", () => {
  const all = ["a", "b", "c", "d"].map((name) => shop({ name }));
  assert.deepEqual(barOf(known(all)).map(({ text }) => text), ["$(pass-filled) a Converged 2/2", "$(pass-filled) b Converged 2/2", "$(layers) 2 more: Converged"]);
  assert.equal(barOf(known(all.slice(1))).length, 3);
  assert.equal(figuresOf(shop({}, { web: { phase: "Stopped" } }).services), "1/1");
  assert.equal(figuresOf([]), "");
});

test("what is old is shown with its time and without a colour", () => {
  const [item] = barOf(known([shop({ phase: "Failed" })], Date.UTC(2026, 10, 28, 4, 20, 31), "the engine does not answer"));
  assert.match(item?.text ?? "", /^\$\(question\) shop Failed 2\/2 at \d\d:\d\d:31$/);
  assert.equal(item?.background, null);
  assert.match(item?.tooltip ?? "", /nothing is known since then/);
  assert.match(troubleItem("'controller' is not there").tooltip, /is not there/);
});

test("the tree has stacks, what is in the way, services by urgency, and replicas, with ids that stay", () => {
  const stack = shop({ phase: "Degraded", conditions: [{ type: "AdoptionHeld", status: "True", reason: "WouldReplace", message: "would replace web", lastTransitionTime: "" }, { type: "Converged", status: "False", reason: "", message: "", lastTransitionTime: "" }] }, { web: { phase: "CrashLoopBackOff", message: "exits with 1", ready: 0 } });
  const [root] = nodesOf([{ key: "k", label: "", old: "", stacks: [stack] }]);
  assert.deepEqual(root?.children.map(({ kind, label }) => [kind, label]), [["trouble", "AdoptionHeld"], ["service", "web"], ["service", "db"]]);
  const [, web, db] = root?.children ?? [];
  assert.equal(web?.description, "CrashLoopBackOff · 0/2 · exits with 1");
  assert.deepEqual([web?.open, db?.open], [true, false]);
  assert.deepEqual(web?.children.map(({ id, description }) => [id, description]), [["k/shop/web/shop-web-1", "running"], ["k/shop/web/shop-web-2", "running"]]);
  assert.equal(web?.children[0]?.service, "web");
  assert.match(web?.spoken ?? "", /^Service web, CrashLoopBackOff, 0 of 2 ready, exits with 1$/);
});

test("names and messages of others mean nothing in Markdown", () => {
  const [root] = nodesOf([{ key: "k", label: "", old: "", stacks: [shop({}, { web: { phase: "Failed", message: "see [here](command:rm) <img src=x> **now**" } })] }]);
  const tooltip = root?.children[0]?.tooltip ?? "";
  assert.doesNotMatch(tooltip, /(?<!\\)\[here|<img|(?<!\\)\*\*now/);
});

test("messages of the stream change what they name and nothing else", () => {
  const before = [shop()];
  const frame = (kind: string, data: unknown): { kind: string; data: string } => ({ kind, data: JSON.stringify(data) });
  assert.equal(fold(before, frame("usage", {})), before);
  assert.deepEqual(fold([], frame("snapshot", { stacks: before })), before);
  const [{ services: _, ...head }] = before as [ReturnType<typeof shop>];
  const degraded = fold(before, frame("stack", { ...head, phase: "Degraded" }));
  assert.deepEqual([degraded[0]?.phase, degraded[0]?.services.length], ["Degraded", 2]);
  const [web] = before[0]?.services.filter(({ name }) => name === "web") ?? [];
  const fewer = fold(before, frame("service", { stack: "shop", service: { ...web, ready: 1 } }));
  assert.deepEqual(fewer[0]?.services.map(({ name, ready }) => [name, ready]), [["db", 1], ["web", 1]]);
  assert.equal(fold(before, frame("service", { stack: "shop", service: { ...web, name: "new" } }))[0]?.services.length, 3);
  assert.deepEqual(fold(before, frame("removed", { stack: "shop", service: "web" }))[0]?.services.map(({ name }) => name), ["db"]);
  assert.deepEqual(fold(before, frame("removed", { stack: "shop", service: null })), []);
  assert.throws(() => fold(before, { kind: "service", data: "{" }));
});

test("commands are arrays: names stand behind `--` and cannot be options", () => {
  assert.deepEqual(statusArgs([]), ["status", "--watch", "--output", "json", "--color", "never"]);
  assert.deepEqual(planArgs(["a b.yaml"], null), ["plan", "--file", "a b.yaml", "--output", "json", "--color", "never"]);
  assert.deepEqual(actArgs([], "rollout-restart", { stack: "shop", service: "--help" }), ["rollout", "restart", "--output", "json", "--color", "never", "--stack", "shop", "--", "--help"]);
  assert.deepEqual(actArgs([], "apply", { stack: "shop" }, ["adopt"]), ["apply", "--adopt", "--output", "json", "--color", "never", "--stack", "shop"]);
  assert.deepEqual(describeArgs([], { stack: "shop", service: "web" }).slice(-5), ["--stack", "shop", "--", "service", "web"]);
  assert.deepEqual(logsArgs([], { stack: "shop", service: "web" }, 5).slice(0, 4), ["logs", "--follow", "--tail", "5"]);
});

test("the command is looked up in PATH, or is a path of the folder", () => {
  const join = (folder: string, rest: string): string => `${folder}/${rest}`;
  for (const [setting, command] of [["", "controller"], ["controller", "controller"], [".venv/bin/controller", "/w/.venv/bin/controller"], ["${workspaceFolder}/x", "/w/x"], ["~/bin/controller", "/home/ada/bin/controller"], ["/usr/bin/controller", "/usr/bin/controller"]] as const) {
    assert.equal(commandOf(setting, "/w", "/home/ada", join), command);
  }
});

test("a token goes over TLS, or stays on this machine", () => {
  for (const good of ["http://127.0.0.1:7070", "https://ops.example:7070/", "http://localhost:7070", "http://[::1]:7070"]) assert.ok("address" in addressOf(good), good);
  for (const bad of ["", "7070", "http://ops.example:7070", "https://a:b@ops.example", "ftp://127.0.0.1", "https://ops.example/x", "http://127.0.0.1.example.org"]) assert.ok("fault" in addressOf(bad), bad);
});

test("findings become problems with the place they name", () => {
  const [error] = problemsOfErrors(readErrors(json("validate-broken")), "compose.yaml");
  assert.deepEqual([error?.file, error?.line, error?.column, error?.level], ["manifests/shop.yaml", 8, 7, "error"]);
  assert.match(error?.message ?? "", /unknown key 'replicaz'\ndid you mean 'replicas'\?/);
  const { findings } = readScan(json("scan"));
  const levels = new Set(problemsOfFindings(findings, "info").map(({ level }) => level));
  assert.ok(levels.has("information"));
  assert.ok(problemsOfFindings(findings, "medium").length < problemsOfFindings(findings, "info").length);
  assert.equal(problemsOfFindings(findings.map((one) => ({ ...one, waived: { reason: "x", expires: "" } })), "info").length, 0);
});

test("what the command says on standard error is read with its place and its mend", () => {
  const said = "warning: /w/compose/rag.yaml:145:29: secrets.a.file: './a' does not exist: whoever mounts it cannot be created\nhint: write the file, or mend the path\n12:00:01 web Ready after 2 s\nerror: no such service 'wob'\n";
  assert.deepEqual(spokenFindings(said, (name) => name === "/w/compose/rag.yaml"), [
    { kind: "warning", file: "/w/compose/rag.yaml", line: 145, column: 29, path: null, message: "secrets.a.file: './a' does not exist: whoever mounts it cannot be created", hint: "write the file, or mend the path" },
    { kind: "error", file: null, line: null, column: null, path: null, message: "no such service 'wob'", hint: null },
  ]);
});

test("a file is what is one: what else stands before a colon is part of the message", () => {
  const isFile = (name: string): boolean => name === "compose.yaml";
  const read = (line: string): unknown => spokenFindings(line, isFile).map(({ file, line: at, column, message }) => [file, at, column, message])[0];
  assert.deepEqual(read("warning: compose.yaml: 'version' is obsolete"), ["compose.yaml", null, null, "'version' is obsolete"]);
  assert.deepEqual(read("warning: web: 127.0.0.1:7070: taken"), [null, null, null, "web: 127.0.0.1:7070: taken"]);
  assert.deepEqual(read("warning: compose.yaml:3: odd"), ["compose.yaml", 3, null, "odd"]);
});

test("what is wrong with no file of the project is shown on the one that stands for it", () => {
  const [error] = problemsOfErrors([{ file: null, line: null, column: null, path: null, message: "two stacks are called shop", hint: null }], "/w/compose.yaml");
  assert.deepEqual([error?.file, error?.line, error?.message], ["/w/compose.yaml", null, "two stacks are called shop"]);
});

test("columns are characters, also behind those that an editor counts twice", () => {
  const [line] = ["    image: 🐳🐳x  # a"];
  assert.deepEqual(spanIn([line ?? ""], 1, 12), { line: 0, from: 11, to: 16 });
  assert.deepEqual(spanIn([line ?? ""], 1, 14), { line: 0, from: 15, to: 16 });
});

test("what others say runs nothing in a notification, and nothing in a terminal", () => {
  assert.equal(unlinked("see [x](command:workbench.action.quit) and [y](https://a)"), "see [x] (command:workbench.action.quit) and [y] (https://a)");
  assert.equal(visible("a\x1b[31mb\u202ec\r\nd\te\x00\x9b\r"), "a\\x1b[31mb\\u202ec\nd\te\\x00\\x9b\\x0d");
  const direct = /show(Information|Warning|Error)Message|window\.withProgress/;
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts") && !name.endsWith("say.ts"));
  assert.ok(files.length > 20);
  assert.deepEqual(files.filter((name) => direct.test(readFileSync(join("src", name), "utf8"))), [], "all is said by editor/say.ts");
});

test("what is old looks old in the tree, and is said so", () => {
  const [root] = nodesOf([{ key: "k", label: "", old: "as it was at 12:00:00", stacks: [shop()] }]);
  const all = [root, ...(root?.children ?? []), ...(root?.children[0]?.children ?? [])];
  assert.deepEqual(all.map((one) => one?.look.colour), all.map(() => "disabledForeground"));
  assert.ok(all.every((one) => one?.spoken.endsWith(", as it was at 12:00:00")));
  assert.match(root?.description ?? "", /as it was at 12:00:00$/);
  assert.doesNotMatch(nodesOf([{ key: "k", label: "", old: "", stacks: [shop()] }])[0]?.spoken ?? "", /as it was/);
});

test("a plan or a cause of another shape is refused before it is shown", () => {
  const { causes: [cause] } = readWhy(json("why"));
  for (const wrong of [{ lastOutput: null }, { evidence: [1] }, { chain: [{}] }]) assert.throws(() => readWhy({ causes: [{ ...cause, ...wrong }], stacks: [] }), Unreadable);
  const plan = readPlan(json("plan-first"));
  for (const wrong of [{ steps: [{ action: "start" }] }, { predictedDowntime: null }, { held: [{ reason: "x" }] }]) assert.throws(() => readPlan({ ...plan, ...wrong }), Unreadable);
});

test("what is underlined is the key, or the value to the end of its line", () => {
  const lines = ["spec:", "  services:", "    web: {replicaz: 2}  # two", "    image: nginx   # old", ""];
  for (const [line, column, from, to] of [[3, 5, 4, 7], [3, 11, 10, 18], [4, 12, 11, 16], [1, null, 0, 4], [null, null, 0, 4], [99, 1, 0, 0], [4, 99, 24, 24]] as const) {
    const span = spanIn(lines, line, column);
    assert.deepEqual([span.from, span.to], [from, to], `${line}:${column}`);
  }
  assert.deepEqual(spanIn([], 3, 3), { line: 0, from: 0, to: 0 });
});

test("how an act ended is said in words, with the meaning of its exit code", () => {
  const done = { code: 0, stdout: answer("apply.json"), stderr: answer("apply.stderr.txt"), broken: null };
  assert.deepEqual(endingOf(done, "Apply shop"), { ok: true, text: "Apply shop: converged in 7.1 s, 2 services." });
  const failed = { ...done, code: 1, stdout: "", stderr: "error: manifests/shop.yaml:8:7: spec.a: unknown key 'a'\nhint: did you mean 'b'?\n" };
  assert.deepEqual(endingOf(failed, "Apply shop"), { ok: false, text: "Apply shop: manifests/shop.yaml:8:7: spec.a: unknown key 'a' (did you mean 'b'?); not done as it was asked for, or not converged (exit code 1)." });
  assert.match(endingOf({ ...failed, code: 2, stderr: "" }, "X").text, /another version/);
  assert.match(endingOf({ ...failed, code: 130 }, "X").text, /interrupted\. What was done stays done/);
  assert.match(endingOf({ ...failed, code: null, broken: "timeout" }, "X").text, /gave up waiting/);
  const intent: Intent = { id: 1, verb: "apply", services: [], who: "ada", askedAt: "", state: "done", exitCode: 0, result: { outcome: "converged", seconds: 3 } };
  assert.deepEqual(endingOfIntent(intent, "Apply shop"), { ok: true, text: "Apply shop: converged in 3.0 s." });
  assert.deepEqual(endingOfIntent({ ...intent, exitCode: 1, result: { error: { message: "no such service", hint: "look" } } }, "X"), { ok: false, text: "X: no such service (look)." });
});

test("pauses grow to a bound, never in step, and are short again after what has held", () => {
  const retry = new Retry(WATCH, () => 0.5);
  assert.deepEqual([0, 0, 0, 0, 0, 0, 0].map(() => retry.next(0)), [2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  assert.equal(retry.next(30_000), 2000);
  assert.ok(new Retry(WATCH, () => 0).next(0) < new Retry(WATCH, () => 1).next(0));
});

test("roles are those of the dashboard", () => assert.deepEqual([roleOf("Ready"), roleOf("CrashLoopBackOff"), roleOf("Converged")], ["good", "bad", "good"]));
