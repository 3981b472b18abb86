import assert from "node:assert/strict";
import { test } from "node:test";

import type { Alert, Condition, Graph } from "../src/api/types.ts";
import { confirmationOf } from "../src/lib/actions.ts";
import { age, bytes, joined, some, span } from "../src/lib/format.ts";
import { edgeKey, layOut, NODE } from "../src/lib/layout.ts";
import { findTroubles, headlineOf } from "../src/lib/trouble.ts";
import { service, stack } from "./build.ts";

function condition(type: string, message = ""): Condition {
  return { type, status: "True", reason: type, message, lastTransitionTime: "2026-01-01T00:00:00Z" };
}

function alert(name: string | null, rule: string, more: Partial<Alert> = {}): Alert {
  return { id: `${name}-${rule}`, stack: "shop", service: name, rule, severity: "warning", state: "Firing", message: "", hushed: "", since: "2026-01-01T00:00:00Z", firedAt: "2026-01-01T00:00:00Z", resolvedAt: null, affects: [], also: [], labels: {}, told: {}, ...more };
}

test("ages are as kubectl has them", () => {
  assert.deepEqual([5, 119, 330, 4000, 11_100, 180_000, 700_000].map(age), ["5s", "119s", "5m30s", "66m", "3h5m", "2d2h", "8d"]);
  assert.deepEqual([span(null), span(0.42), span(125)], ["unknown", "0.4 s", "2m5s"]);
  assert.deepEqual([bytes(512), bytes(1536), bytes(3 * 1024 ** 3), bytes(null)], ["512 B", "1.5 KiB", "3.0 GiB", "–"]);
  assert.deepEqual([joined(["a", "b", "c"]), some(["a", "b", "c", "d", "e"])], ["a, b and c", "a, b, c and 2 more"]);
});

test("where all is well nothing is told", () => {
  const found = findTroubles([stack("shop", [service("db"), service("job", { phase: "Completed" }), service("off", { phase: "Stopped", desired: 0, ready: 0 })])], []);
  assert.deepEqual(found, []);
  assert.equal(headlineOf(found), "All is well");
});

test("who waits in a chain belongs to the one at its root", () => {
  const services = [
    service("db", { phase: "CrashLoopBackOff", reason: "CrashLoopBackOff", ready: 0, message: "exited with 1" }),
    service("api", { phase: "Waiting", waitsFor: "db", ready: 0 }), service("web", { phase: "Waiting", waitsFor: "api", ready: 0 }),
  ];
  const found = findTroubles([stack("shop", services, { phase: "Degraded" })], [alert("db", "ServiceDown", { severity: "critical", affects: ["api"] })]);
  assert.equal(found.length, 1);
  assert.deepEqual([found[0]?.service, found[0]?.role, found[0]?.affects], ["db", "bad", ["api", "web"]]);
  assert.equal(headlineOf(found), "One thing is wrong");
});

test("who waits for one that is on its way is no trouble; for one that is stopped it is", () => {
  const web = service("web", { phase: "Waiting", waitsFor: "db", ready: 0 });
  assert.deepEqual(findTroubles([stack("shop", [service("db", { phase: "Starting", ready: 0 }), web])], []), []);
  const found = findTroubles([stack("shop", [service("db", { phase: "Stopped", reason: "StoppedByUser", desired: 0, ready: 0 }), web])], []);
  assert.deepEqual(found.map((one) => [one.service, one.affects]), [["db", ["web"]]]);
});

test("a circle of waits ends", () => {
  const services = [service("a", { phase: "Waiting", waitsFor: "b" }), service("b", { phase: "Waiting", waitsFor: "a" })];
  assert.deepEqual(findTroubles([stack("shop", services)], []), []);
});

test("a held stack is one trouble, not one for each service", () => {
  const services = [service("db", { phase: "Degraded", reason: "Held" }), service("web", { phase: "Pending", reason: "Held" })];
  const found = findTroubles([stack("shop", services, { conditions: [condition("AdoptionHeld", "would replace db")] })], [alert(null, "AdoptionHeld")]);
  assert.deepEqual(found.map((one) => [one.reason, one.alert?.rule]), [["AdoptionHeld", "AdoptionHeld"]]);
});

test("an engine that is away is one trouble of all stacks", () => {
  const away = [condition("EngineUnavailable")];
  const found = findTroubles([stack("a", [], { conditions: away }), stack("b", [], { conditions: away })], [alert(null, "EngineUnavailable", { stack: "a" })]);
  assert.deepEqual(found.map((one) => [one.key, one.affects]), [["engine", ["a", "b"]]]);
});

test("an alert that nothing else tells is told; one that is over is not", () => {
  const found = findTroubles([stack("shop", [service("web")])], [alert("web", "OutOfMemory"), alert("web", "Flapping", { resolvedAt: "2026-01-01T01:00:00Z" })]);
  assert.deepEqual(found.map((one) => one.title), ["web ran out of memory"]);
});

test("what cannot be taken back is asked for, and release by its name", () => {
  const of = (verb: "stop" | "release" | "retry" | "prune") => confirmationOf({ verb, stack: "shop", services: [] }, ["old"]);
  assert.equal(of("retry"), null);
  assert.equal(of("release")?.typed, "shop");
  assert.deepEqual(of("prune")?.names, ["old"]);
  assert.match(of("stop")?.says.join(" ") ?? "", /no volume/);
});

test("a graph runs from left to right, and a long edge has a lane of its own", () => {
  const edge = (from: string, to: string) => ({ from, to, condition: "service_healthy", required: true, restart: false });
  const graph: Graph = {
    name: "shop", services: ["db", "cache", "api", "web"].map((name) => ({ name, usuallySeconds: null })), edges: [edge("db", "api"), edge("api", "web"), edge("cache", "web")],
    batches: [["db", "cache"], ["api"], ["web"]], criticalPath: [], criticalSeconds: null,
  };
  const { places, routes, width, height } = layOut(graph);
  for (const one of graph.edges) assert.ok((places.get(one.from)?.x ?? 0) + NODE.width < (places.get(one.to)?.x ?? 0));
  for (const { x, y } of places.values()) assert.ok(x >= 0 && y >= 0 && x <= width && y + NODE.lane <= height);
  assert.match(routes.get(edgeKey(edge("cache", "web")))?.path ?? "", /H/);
  assert.notEqual(routes.get(edgeKey(edge("cache", "web")))?.end.y, routes.get(edgeKey(edge("api", "web")))?.end.y);
});
