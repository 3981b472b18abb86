import assert from "node:assert/strict";
import { test } from "node:test";

import type { AuditRecord } from "../src/api/audit.ts";
import { actsOf, endOf, hasGap, merge, moreOf, objectOf, queryOf, reasonOf, stackOf } from "../src/lib/audit.ts";

function record(seq: number, more: Partial<AuditRecord> = {}): AuditRecord {
  return {
    log: "shop", seq, ts: `2026-11-27T10:00:${String(seq).padStart(2, "0")}.000000Z`, id: "", stage: "outcome", actor: "ada", via: "api", from: "", verb: "stop",
    object: { kind: "service", name: "db" }, stack: "shop", decision: { allowed: true, why: "" }, outcome: "done", detail: {}, ...more,
  };
}

const INTENT = { stage: "intent", outcome: "", id: "a1" } as const;

test("an intent and what came of it are one act, in the place of the newest", () => {
  const acts = actsOf([record(9, { id: "a1" }), record(8, { id: "b2" }), record(7, { id: "b2", stage: "intent", outcome: "" }), record(6, INTENT), record(5)]);
  assert.deepEqual(acts.map(({ key, last, intent, outcome }) => [key, last.seq, intent?.seq, outcome?.seq]), [["a1", 9, 6, 9], ["b2", 8, 7, 8], ["shop/5", 5, undefined, 5]]);
});

test("what was asked through the API and what the stack made of it are one act, by the id that both name", () => {
  const door = { log: "controller", stack: "", verb: "ask", id: "d1", object: { kind: "stack", name: "shop" } };
  const asked = { id: "s1", detail: { request: "d1", immediately: true } };
  const all = [record(9, { ...asked, outcome: "stopped" }), record(4, { ...door, detail: { status: 202 } }), record(7, { ...asked, stage: "intent", outcome: "" }), record(3, { ...door, stage: "intent" }), record(1, { ...door, id: "d2", outcome: "failed" })];
  assert.deepEqual(actsOf(all).map(({ key, last, intent, outcome, door }) => [key, last.verb, intent?.seq, outcome?.seq, door.map((one) => one.seq)]), [["d1", "stop", 7, 9, [4, 3]], ["d2", "ask", undefined, 1, []]]);
  const [waiting] = actsOf(all.slice(1));
  assert.deepEqual(waiting && endOf(waiting), ["busy", "no outcome yet"], "what the door has answered is no outcome of the stack's");
  assert.deepEqual(moreOf(record(1, asked)), [["immediately", "true"]]);
});

test("what has no outcome yet says so, and gets it from a newer page", () => {
  const before = [record(6, INTENT)];
  assert.deepEqual(actsOf(before).map(endOf), [["busy", "no outcome yet"]]);
  const [act] = actsOf(merge(before, [record(9, { id: "a1", outcome: "rolledBack" })]));
  assert.deepEqual(act && [endOf(act), act.last.seq], [["bad", "rolled back"], 9]);
});

test("pages are put together with no record twice, and a hole between them is seen", () => {
  const known = [record(5), record(4), record(3)];
  assert.deepEqual(merge(known, [record(7), record(6), record(5)]).map((one) => one.seq), [7, 6, 5, 4, 3]);
  const same = { ts: "2026-11-27T10:00:09.000000Z" };
  assert.deepEqual(merge([record(1, same)], [record(2, same), record(1, { ...same, log: "bank" })]).map((one) => `${one.log}/${one.seq}`), ["shop/2", "shop/1", "bank/1"]);
  assert.deepEqual([hasGap(known, [record(6), record(5)]), hasGap(known, [record(9), record(8)]), hasGap([], [record(9)]), hasGap(known, [])], [false, true, false, false]);
});

test("ends are told by word and role", () => {
  const end = (more: Partial<AuditRecord>) => actsOf([record(1, more)]).map(endOf)[0];
  assert.deepEqual(end({}), ["good", "done"]);
  assert.deepEqual(end({ outcome: "converged" }), ["good", "converged"]);
  assert.deepEqual(end({ outcome: "timeout" }), ["bad", "timeout"]);
  assert.deepEqual(end({ outcome: "skipped" }), ["dim", "skipped"]);
  assert.deepEqual(end({ outcome: "denied", decision: { allowed: false, why: "no key" } }), ["bad", "denied"]);
  assert.deepEqual(end({ stage: "log", outcome: "" }), ["warn", "of the log"]);
});

test("what it was about is named as the command line names it", () => {
  const named = (more: Partial<AuditRecord>) => objectOf(record(1, more));
  assert.equal(named({ detail: { number: 2 } }), "shop/db 2");
  assert.equal(named({ object: { kind: "stack", name: "shop" } }), "shop");
  assert.equal(named({ object: { kind: "secret", name: "key" } }), "shop/secret key");
  assert.equal(named({ object: { kind: "token", name: "3f9c" }, stack: "" }), "token 3f9c");
  assert.equal(named({ object: { kind: "session", name: "" }, stack: "" }), "session");
  assert.equal(named({ object: { kind: "path", name: "/v1/stacks" }, stack: "" }), "/v1/stacks");
  assert.equal(named({ object: { kind: "controller", name: "controller" }, stack: "" }), "controller");
  assert.equal(named({ object: { kind: "", name: "" }, stack: "" }), "–");
  assert.deepEqual([stackOf(record(1)), stackOf(record(1, { stack: "", object: { kind: "stack", name: "bank" } })), stackOf(record(1, { stack: "", object: { kind: "token", name: "x" } }))], ["shop", "bank", ""]);
});

test("the reason is that of the refusal, else what was said at the end, else why it was done", () => {
  const reason = (why: string, detail: AuditRecord["detail"]) => reasonOf(record(1, { decision: { allowed: !why, why }, detail }));
  assert.deepEqual([reason("no key", { message: "m" }), reason("", { message: "m", because: "b" }), reason("", { because: "b" }), reason("", {})], ["no key", "m", "b", ""]);
});

test("all else of it is told in words", () => {
  const detail = { because: "b", number: 1, status: 202, stacks: ["a", "b"], revisions: { db: "d6" }, none: null, services: [] };
  assert.deepEqual(moreOf(record(1, { detail })), [["status", "202"], ["stacks", "a, b"], ["revisions", "db d6"], ["services", "none"]]);
});

test("only what is filtered is asked for", () => {
  assert.equal(queryOf({ who: "ada & co", verb: "", stack: "shop" }), "who=ada+%26+co&stack=shop");
  assert.equal(queryOf({ who: "" }), "");
});
