import assert from "node:assert/strict";
import { test } from "node:test";

import { effect } from "@preact/signals";

import type { Event, Message, Service, Stack } from "../src/api/types.ts";
import { MOST_EVENTS } from "../src/store/events.ts";
import { LogBuffer, MOST_LINES, plainLine } from "../src/store/logs.ts";
import { Ring } from "../src/store/ring.ts";
import { Store } from "../src/store/store.ts";
import { service, stack } from "./build.ts";

function snapshot(...stacks: readonly Stack[]): Message {
  return { kind: "snapshot", data: { stacks, events: [], alerts: [], silences: [], usage: null } };
}

function event(seq: number, more: Partial<Event> = {}): Event {
  return { seq, time: "2026-01-01T00:00:00Z", stack: "shop", service: "web", type: "Normal", reason: "Ready", message: `number ${seq}`, count: 1, firstTime: "2026-01-01T00:00:00Z", ...more };
}

function filled(): Store {
  const store = new Store();
  store.apply([snapshot(stack("shop", [service("db"), service("web")]))]);
  return store;
}

test("a snapshot is all that is, in its order", () => {
  const store = filled();
  assert.equal(store.known.value, true);
  assert.deepEqual(store.stack("shop")?.services.value.map((one) => one.name), ["db", "web"]);
  store.apply([snapshot(stack("shop", [service("web")]), stack("app", []))]);
  assert.deepEqual(store.stacks.value.map((one) => one.name), ["app", "shop"]);
  assert.deepEqual(store.stack("shop")?.services.value.map((one) => one.name), ["web"]);
});

test("a service wakes only what shows it", () => {
  const store = filled();
  const drawn = { db: 0, web: 0, list: 0 };
  effect(() => void (store.service("shop", "db")?.status.value, (drawn.db += 1)));
  const web = store.service("shop", "web");
  effect(() => void (web?.status.value, (drawn.web += 1)));
  effect(() => void (store.stack("shop")?.services.value, (drawn.list += 1)));
  store.apply([{ kind: "service", data: { stack: "shop", service: service("web", { phase: "Degraded" }) } }]);
  assert.deepEqual(drawn, { db: 1, web: 2, list: 1 });
});

test("many messages of one frame are told once", () => {
  const store = filled();
  let drawn = 0;
  effect(() => void (store.service("shop", "web")?.status.value, (drawn += 1)));
  store.apply(Array.from({ length: 50 }, (_, n) => ({ kind: "service", data: { stack: "shop", service: service("web", { restarts: n }) } }) as const));
  assert.equal(drawn, 2);
  assert.equal(store.service("shop", "web")?.status.value.restarts, 49);
});

test("a service that is new is added, one that is removed is gone, a stack too", () => {
  const store = filled();
  store.apply([{ kind: "service", data: { stack: "shop", service: service("cache") } }, { kind: "removed", data: { stack: "shop", service: "db" } }]);
  assert.deepEqual(store.stack("shop")?.services.value.map((one) => one.name), ["web", "cache"]);
  store.apply([{ kind: "removed", data: { stack: "shop", service: null } }, { kind: "service", data: { stack: "shop", service: service("late") } }]);
  assert.deepEqual(store.stacks.value, []);
});

test("a change of phase is told, no other", () => {
  const store = filled();
  const told: string[] = [];
  store.onPhaseChange = (change) => told.push(`${change.service} ${change.before} ${change.after}`);
  const put = (more: Partial<Service>): Message => ({ kind: "service", data: { stack: "shop", service: service("web", more) } });
  store.apply([put({ restarts: 1 }), put({ phase: "Degraded" }), put({ phase: "Degraded", restarts: 2 })]);
  assert.deepEqual(told, ["web Ready Degraded"]);
});

test("a repeat takes the place of what it repeats, and the newest come first", () => {
  const store = filled();
  store.apply([1, 2, 3].map((seq) => ({ kind: "event", data: event(seq) })));
  store.apply([{ kind: "event", data: event(4, { message: "number 1", count: 2 }) }]);
  assert.deepEqual(store.events.list.value.map((one) => [one.seq, one.count]), [[4, 2], [3, 1], [2, 1]]);
  store.apply([{ kind: "event", data: event(1) }]); // an older one, fetched later
  assert.equal(store.events.list.value[0]?.seq, 4);
});

test("events are bounded, however many come", () => {
  const store = filled();
  for (let seq = 1; seq <= 3 * MOST_EVENTS; seq += 1) store.apply([{ kind: "event", data: event(seq) }]);
  assert.equal(store.events.list.value.length, MOST_EVENTS);
  assert.equal(store.events.list.value[0]?.seq, 3 * MOST_EVENTS);
});

test("a ring keeps the last values, and takes older ones before them", () => {
  const ring = new Ring(3);
  ring.push(5);
  ring.prefill([1, 2, 3, 4]);
  assert.deepEqual(ring.all, [3, 4, 5]);
});

test("what a log begins with anew takes the place of what was there, once it is there", () => {
  const log = new LogBuffer();
  assert.equal(log.tail(), 200);
  for (const replica of ["web-1", "web-2"]) log.add(Array.from({ length: 500 }, (_, n) => ({ replica, line: `${n}` })));
  log.publish();
  assert.equal(log.tail(), 500);
  log.add([{ replica: "", line: "… 7 lines came too fast and are left out …" }]);
  log.publish();
  assert.equal(log.tail(), 500);
  log.begin();
  log.publish();
  assert.equal(log.lines.value.length, 1001);
  log.add([{ replica: "web-1", line: "499" }]);
  log.publish();
  assert.deepEqual(log.lines.value.map((line) => line.number), [log.first]);
});

test("no line of usage leads over a time in which nobody looked", () => {
  const store = filled();
  const usage = (at: string) => ({ kind: "usage", data: { at, host: { cpu: 1 }, stacks: {} } }) as unknown as Message;
  for (const at of ["10:00:00", "10:00:15", "10:00:30", "11:00:00", "11:00:15"]) store.apply([usage(`2026-01-01T${at}Z`)]);
  assert.deepEqual(store.hostCpu.all, [1, 1, 1, null, 1, 1]);
  const late = filled();
  for (const at of ["10:00:00", "11:00:00", "11:00:00", "11:05:00", "11:10:00"]) late.apply([usage(`2026-01-01T${at}Z`)]);
  assert.deepEqual(late.hostCpu.all, [1, null, 1, 1, 1, 1]);
});

test("the newest event is the one that was told last, whosever it is", () => {
  const store = filled();
  const told = [event(900), event(3, { stack: "app", time: "2026-01-01T00:00:05Z" }), event(0, { stack: "-", time: "2026-01-01T00:00:02Z" })];
  store.apply(told.map((data) => ({ kind: "event", data }) as const));
  assert.deepEqual(store.events.list.value.map((one) => one.stack), ["app", "-", "shop"]);
});

test("a log is bounded and without a terminal's escapes", () => {
  const log = new LogBuffer();
  log.add(Array.from({ length: MOST_LINES + 10 }, (_, n) => ({ replica: "web-1", line: `\u001b[31mline ${n}\u001b[0m` })));
  log.publish();
  assert.equal(log.lines.value.length, MOST_LINES);
  assert.equal(log.lines.value.at(-1)?.line, `line ${MOST_LINES + 9}`);
  assert.equal(plainLine("a\tb\u0007\u001b]0;title\u0007c"), "a\tbc");
});
