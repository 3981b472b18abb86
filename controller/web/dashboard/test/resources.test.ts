import assert from "node:assert/strict";
import { test } from "node:test";

import type { Cleanup, LimitStatus, Room, RubbishItem, ServiceLimits, ServiceRoom, StackLimits } from "../src/api/resources.ts";
import type { HostUsage, ServiceUsage } from "../src/api/types.ts";
import { confirmationOf, helpFor } from "../src/lib/actions.ts";
import { amountWords, placeOf, policyWords, whoWaits } from "../src/lib/admission.ts";
import { coresOf } from "../src/lib/format.ts";
import { ableTo, adviceWords, askedFor, changesBy, directionOf, isTight, obstacleTo, rowsOf } from "../src/lib/limits.ts";
import { coresInUse, coresReserved, diskOf, factsOf, memoryOf, type Gauge, type Seen } from "../src/lib/machine.ts";
import { endWords, kindsIn, lineOf, sumWords, youngerWords } from "../src/lib/rubbish.ts";
import { findTroubles } from "../src/lib/trouble.ts";
import { service, stack } from "./build.ts";

const MIB = 1024 * 1024;

function roomFor(name: string, more: Partial<ServiceRoom> = {}): ServiceRoom {
  return { name, priority: 0, asked: { memory: 100 * MIB, cpu: 0 }, learned: null, places: 1, wanted: 1, counted: { memory: 100 * MIB, cpu: 0 }, used: 60 * MIB, waits: null, ...more };
}

/** 1,000 MiB, of which others use 500; 100 are kept, 300 are promised, of which 200 are used. */
function room(more: Partial<Room> = {}): Room {
  return {
    stack: "shop", admission: "enforce", reserve: { memory: 100 * MIB, cpu: 0.5, disk: 10 }, room: { memory: 400 * MIB, cpu: 3, disk: 50 }, counted: { memory: 300 * MIB, cpu: 1 },
    machine: { at: "2026-01-01T00:00:00Z", source: "host", cores: 4, memoryTotal: 1000 * MIB, memoryAvailable: 300 * MIB, diskTotal: 100, diskFree: 60, inodesFree: 5 },
    services: [roomFor("db", { used: 150 * MIB }), roomFor("web", { used: 50 * MIB })], ...more,
  };
}

const HOST: HostUsage = {
  cores: 4, cpu: 1.5, load: [1, 2, 3], memoryTotal: 1000 * MIB, memoryAvailable: 300 * MIB, swapTotal: 0, swapUsed: 0, diskPath: "/d", diskTotal: 100, diskFree: 60, inodesTotal: 100, inodesFree: 25,
  filesOpen: 7, filesMost: null, pressure: { cpu: 0.123, memory: null, io: 0 }, own: { memoryLimit: null, cpuLimit: 0.5 },
};

function seen(more: Partial<Seen> = {}): Seen {
  return { room: room(), host: HOST, engine: { cores: 4, memoryTotal: 1000 * MIB, sharesHost: true }, services: {}, ...more };
}

function using(cpu: number | null, memory: number | null): ServiceUsage {
  return { total: { cpu, memory, memoryLimit: null, received: null, sent: null, read: null, written: null, processes: null }, replicas: {}, custom: {} };
}

function partsOf(gauge: Gauge | null, unit = MIB): readonly (readonly [string, number])[] {
  return (gauge?.parts ?? []).map((part) => [part.kind, Math.round((100 * part.amount) / unit) / 100] as const);
}

test("memory is told in parts that come to the whole", () => {
  const gauge = memoryOf(seen());
  assert.deepEqual(partsOf(gauge), [["others", 500], ["mine", 200], ["promised", 100], ["free", 100], ["kept", 100]]);
  assert.deepEqual([gauge?.head, gauge?.short], [[100 * MIB, "free for starts"], 0]);
});

test("parts come to the whole whatever is told, and none is less than nothing", () => {
  for (const memory of [-300, 0, 50, 250, 400, 900, 2000]) {
    for (const counted of [0, 300, 5000]) {
      for (const used of [null, 0, 200, 4000]) {
        const odd = room({ counted: { memory: counted * MIB, cpu: 9 }, services: [roomFor("web", { used: used === null ? null : used * MIB })] });
        const given = seen({ room: { ...odd, room: { memory: memory * MIB, cpu: memory / 100, disk: null } } });
        for (const gauge of [memoryOf(given), coresReserved(given)]) {
          assert.ok(gauge !== null && gauge.parts.every((part) => part.amount > 0));
          assert.ok(Math.abs(gauge.parts.reduce((total, part) => total + part.amount, 0) - gauge.total) < 1e-6 * gauge.total, `${memory} ${counted} ${used}`);
        }
      }
    }
  }
});

test("what is promised beyond what there is, is told", () => {
  const gauge = memoryOf(seen({ room: room({ counted: { memory: 450 * MIB, cpu: 0 } }) }));
  assert.equal(gauge?.short, 50 * MIB);
  assert.deepEqual(gauge?.head, [0, "free for starts"]);
});

test("where nobody looked for room, what is available is told; where nobody tells anything, nothing is", () => {
  const unlooked = seen({ room: room({ machine: null, room: { memory: null, cpu: null, disk: null } }) });
  assert.deepEqual(partsOf(memoryOf(unlooked)), [["others", 500], ["mine", 200], ["free", 300]]);
  const dark: Seen = { room: null, host: null, engine: null, services: {} };
  assert.deepEqual([memoryOf(dark), coresInUse(dark), coresReserved(dark), diskOf(dark), factsOf(dark)], [null, null, null, null, []]);
  assert.equal(coresInUse(seen({ host: { ...HOST, cpu: null } })), null);
});

test("of an engine elsewhere its own word counts, and this machine's does not", () => {
  const machine = { at: "", source: "engine" as const, cores: 16, memoryTotal: 2000 * MIB, memoryAvailable: 1500 * MIB, diskTotal: null, diskFree: null, inodesFree: null };
  const far = seen({ room: room({ machine, room: { memory: 1700 * MIB, cpu: 15.5, disk: null }, counted: { memory: 300 * MIB, cpu: 0 } }), engine: { cores: 16, memoryTotal: 2000 * MIB, sharesHost: false }, services: { web: using(0.5, 50 * MIB) } });
  assert.equal(memoryOf(far)?.total, 2000 * MIB);
  assert.deepEqual([coresInUse(far)?.total, coresInUse(far)?.head], [16, [0.5, "used by this stack"]]);
  assert.equal(diskOf(far), null);
});

test("cores in use and cores reserved are two things", () => {
  assert.deepEqual(partsOf(coresInUse(seen({ services: { web: using(0.5, null), db: using(null, null) } })), 1), [["others", 1], ["mine", 0.5], ["free", 2.5]]);
  assert.deepEqual(partsOf(coresReserved(seen()), 1), [["others", 0.5], ["promised", 1], ["free", 2], ["kept", 0.5]]);
  const none = room({ reserve: { memory: 0, cpu: 0, disk: 0 }, room: { memory: null, cpu: 4, disk: null }, counted: { memory: 0, cpu: 0 } });
  assert.equal(coresReserved(seen({ room: none })), null);
  assert.deepEqual(partsOf(diskOf(seen()), 1), [["others", 40], ["free", 50], ["kept", 10]]);
});

test("facts are what somebody told", () => {
  const facts = new Map(factsOf(seen()));
  assert.deepEqual([facts.get("Pressure"), facts.get("Inodes"), facts.get("Open files"), facts.get("Swap")], ["waits for CPU 12 %, I/O 0 % of the time", "75 % of 100 in use", "7", undefined]);
  assert.deepEqual([facts.get("Controller"), facts.get("Engine")], ["may use 0.5 cores", "on this machine, 4 cores, 1.0 GiB"]);
});

test("the policy is a sentence, with what is kept", () => {
  assert.match(policyWords(room()), /^What has no room on this machine waits, .* 100 MiB of memory, 0\.5 cores and 10 B of disk are kept free for the host\.$/);
  assert.match(policyWords(room({ admission: "warn", reserve: { memory: MIB, cpu: 0, disk: 0 } })), /only told\. 1\.0 MiB of memory is kept free/);
  assert.match(policyWords(room({ admission: "off" })), /^Nobody looks .* starts\.$/);
  assert.deepEqual([amountWords({ memory: 0, cpu: 0 }), amountWords({ memory: MIB, cpu: 1 }), coresOf(0.015), coresOf(2)], ["", "1.0 MiB and 1 core", "0.015 cores", "2 cores"]);
  assert.deepEqual(whoWaits(room({ services: [roomFor("a"), roomFor("b", { waits: "needs 1Gi" })] })).map((one) => one.name), ["b"]);
});

test("who waits for room is named, with who suffers from it", () => {
  const services = [
    service("web", { phase: "Waiting", reason: "InsufficientMemory", ready: 0 }), service("gate", { phase: "Waiting", reason: "DependencyNotReady", waitsFor: "web", ready: 0 }), service("db"),
  ];
  const condition = { type: "InsufficientRoom", status: "True", reason: "InsufficientMemory", message: "web needs 1Gi", lastTransitionTime: "2026-01-01T00:00:00Z" } as const;
  const found = findTroubles([stack("shop", services, { conditions: [condition] })], []);
  assert.deepEqual(found.map((one) => [one.title, one.affects]), [["web waits for room on this machine", ["gate"]]]);
  const never = findTroubles([stack("shop", [service("web", { phase: "Failed", reason: "ExceedsMachine", ready: 0 })], { conditions: [condition] })], []);
  assert.deepEqual(never.map((one) => one.title), ["web asks for more than this machine has"]);
  assert.deepEqual([helpFor("InsufficientRoom"), helpFor("HostDiskHigh"), placeOf("HostDiskHigh"), placeOf("Ready")], [["resources"], ["resources"], "cleanup", null]);
});

function status(more: Partial<LimitStatus> = {}): LimitStatus {
  return { reserved: null, limit: null, original: null, adjusted: false, min: null, max: null, used: null, p95: null, peak: null, seconds: null, recommended: null, ...more };
}

function limitsOf(name: string, more: Partial<ServiceLimits> = {}): ServiceLimits {
  return { name, changedAt: null, why: null, held: false, memory: status({ limit: 100 * MIB, original: 100 * MIB }), cpu: status(), ...more };
}

const RAISE = { limit: 200 * MIB, next: 150 * MIB, why: "uses 99Mi", possible: true, waits: "autoAdjust.mode is recommend: `controller resources apply web` sets it once" };

test("a row is memory, and cores where somebody bounds them", () => {
  const both: StackLimits = { name: "shop", mode: "recommend", services: [limitsOf("db", { cpu: status({ limit: 1, original: 1 }) }), limitsOf("web")] };
  assert.deepEqual(rowsOf(both).map((row) => [row.service.name, row.resource, row.first]), [["db", "memory", true], ["db", "cpu", false], ["web", "memory", true]]);
  assert.equal(adviceWords(both), "No other limit is recommended.");
});

test("what can be done about a limit is offered, and nothing else", () => {
  const raised = limitsOf("web", { memory: status({ limit: 100 * MIB, original: 100 * MIB, recommended: RAISE }) });
  assert.deepEqual(ableTo(raised, "recommend"), { apply: true, undo: false, resume: false });
  assert.deepEqual(ableTo(raised, "off"), { apply: false, undo: false, resume: false });
  assert.deepEqual(ableTo(limitsOf("web", { held: true, memory: status({ recommended: { ...RAISE, possible: false } }) }), "apply"), { apply: false, undo: false, resume: true });
  assert.deepEqual([changesBy(raised, "resources-apply"), directionOf(raised.memory), obstacleTo(RAISE)], [["memory 100 MiB → 200 MiB"], "raise", ""]);
  assert.match(confirmationOf(askedFor("shop", raised, "resources-apply"))?.says.join(" ") ?? "", /memory 100 MiB → 200 MiB.*none is restarted/);
  assert.equal(confirmationOf(askedFor("shop", raised, "resources-resume")), null);
});

test("to give back less than what is used is asked for with its danger", () => {
  const adjusted = (used: number) => limitsOf("web", { memory: status({ limit: 200 * MIB, original: 100 * MIB, adjusted: true, used: used * MIB }) });
  assert.deepEqual([isTight(adjusted(90)), isTight(adjusted(100))], [false, true]);
  assert.equal(askedFor("shop", adjusted(90), "resources-undo").options, undefined);
  const tight = askedFor("shop", adjusted(120), "resources-undo");
  assert.deepEqual(tight.options, { confirm: true });
  assert.match(confirmationOf(tight)?.says.join(" ") ?? "", /200 MiB → 100 MiB.*the kernel may kill it/);
  assert.equal(confirmationOf(tight)?.role, "bad");
});

function item(kind: RubbishItem["kind"], name: string, more: Partial<RubbishItem> = {}): RubbishItem {
  return { kind, id: name, name, bytes: 10 * MIB, atMost: false, why: "", unusedSince: null, outcome: "unused", message: null, hint: null, ...more };
}

function report(items: readonly RubbishItem[], more: Partial<Cleanup> = {}): Cleanup {
  const bytes = items.filter((one) => one.outcome === "unused" || one.outcome === "removed").reduce((total, one) => total + (one.bytes ?? 0), 0);
  return { stack: "shop", dryRun: true, ok: true, bytes, seconds: 1, olderThanSeconds: 604_800, items, younger: { items: 0, bytes: 0 }, message: null, notes: [], ...more };
}

test("what could go is summed up by kind", () => {
  const items = [item("image", "a", { atMost: true }), item("image", "b"), item("container", "c"), item("cache", "d"), item("log", "e", { outcome: "told" })];
  assert.equal(kindsIn(items.slice(0, 4)), "2 images, 1 container and part of the build cache");
  assert.equal(sumWords(report(items)), "At most 40.0 MiB could go: 2 images, 1 container and part of the build cache");
  assert.equal(sumWords(report([item("network", "n", { bytes: 0 })])), "0 B could go: 1 network");
  assert.equal(sumWords(report([])), "Nothing is unused.");
  assert.equal(lineOf(item("image", "web:1", { atMost: true })), "image web:1, ≤ 10.0 MiB");
  assert.equal(youngerWords(report([], { younger: { items: 1, bytes: MIB } })), "1 more (1.0 MiB) is unused for less than 7d, and stays.");
});

test("what has gone, and what was left, is told", () => {
  const done = report([item("image", "a", { outcome: "removed", atMost: true }), item("image", "b", { outcome: "left", message: "in use" })], { dryRun: false });
  assert.equal(endWords(done), "10.0 MiB freed: 1 image; 1 left");
  assert.equal(endWords(report([], { dryRun: false })), "Nothing was to be removed");
});

test("a clean-up is asked for with what goes", () => {
  const asked = confirmationOf({ verb: "cleanup", stack: "shop", services: [], about: ["10 MiB could go."] }, ["image a"]);
  assert.deepEqual([asked?.names, asked?.role, asked?.says[0]], [["image a"], "bad", "10 MiB could go."]);
  assert.match(asked?.says.join(" ") ?? "", /Volumes stay/);
});
