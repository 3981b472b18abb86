// What the example worlds have of their machine.

import type { Cleanup, LimitStatus, Room, RubbishItem, ServiceLimits, ServiceRoom, StackLimits } from "../src/api/resources.ts";
import type { HostUsage, Service } from "../src/api/types.ts";
import { ago } from "./make.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

export interface Resources {
  room: Room;
  limits: StackLimits;
  rubbish: Cleanup;
  /** How long the engine takes to say what is unused. */
  slow: number;
}

export interface Wanted {
  readonly room?: (room: Room) => Room;
  readonly mode?: StackLimits["mode"];
  readonly limits?: (name: string) => Partial<ServiceLimits>;
  readonly items?: readonly RubbishItem[];
  readonly slow?: number;
  /** Nobody has measured or looked at anything. */
  readonly unknown?: boolean;
}

const ASKED: Readonly<Record<string, number>> = { redis: 128, postgresql: 640, qdrant: 1024, "rag-server": 512, prometheus: 256, grafana: 128, gateway: 64, migrate: 0 };
const TURN = ["postgresql", "qdrant", "redis", "rag-server", "gateway", "prometheus", "migrate", "grafana"];

export function resourcesOf(stack: string, services: readonly Service[], wanted: Wanted = {}): Resources {
  const sorted = [...services].sort((a, b) => TURN.indexOf(a.name) - TURN.indexOf(b.name));
  const room = roomOf(stack, sorted, wanted.unknown === true);
  return {
    room: wanted.room ? wanted.room(room) : room,
    limits: { name: stack, mode: wanted.mode ?? "recommend", services: [...services].sort((a, b) => (a.name < b.name ? -1 : 1)).map((one, index) => ({ ...limitsOf(one.name, index, wanted.unknown === true), ...wanted.limits?.(one.name) })) },
    rubbish: cleanup(stack, wanted.items ?? []), slow: wanted.slow ?? 1200,
  };
}

function roomOf(stack: string, services: readonly Service[], unknown: boolean): Room {
  const rows = services.map((one, index): ServiceRoom => {
    const asked = { memory: unknown ? 0 : (ASKED[one.name] ?? 96) * MIB, cpu: one.name === "qdrant" ? 0.5 : 0 };
    const places = one.replicas.filter((replica) => replica.phase === "running").length;
    return {
      name: one.name, priority: one.name === "postgresql" ? 10 : one.name === "grafana" ? -5 : 0, asked, learned: unknown || !asked.memory || index % 4 === 3 ? null : Math.round(asked.memory * 0.82),
      places, wanted: one.desired, counted: { memory: asked.memory * places, cpu: asked.cpu * places }, used: unknown || !places ? null : Math.round(asked.memory * places * 0.7), waits: null,
    };
  });
  const counted = { memory: rows.reduce((total, one) => total + one.counted.memory, 0), cpu: rows.reduce((total, one) => total + one.counted.cpu, 0) };
  return {
    stack, admission: "enforce", reserve: unknown ? { memory: 0, cpu: 0, disk: 0 } : { memory: 512 * MIB, cpu: 0.5, disk: 2 * GIB },
    room: unknown ? { memory: null, cpu: null, disk: null } : { memory: 5.4 * GIB, cpu: 7, disk: 112 * GIB }, counted,
    machine: unknown ? null : { at: ago(4), source: "host", cores: 8, memoryTotal: 8 * GIB, memoryAvailable: 3.1 * GIB, diskTotal: 477 * GIB, diskFree: 114 * GIB, inodesFree: 28_000_000 },
    services: rows,
  };
}

/** Grafana, then rag-server have no room left: 86 MiB is free. */
export function shorten(room: Room): Room {
  const said = (mib: number, more = "") => `needs ${mib}Mi of memory, 86Mi is free beside the 512Mi kept for the host: short ${mib - 86}Mi${more}`;
  const services = room.services.map((one): ServiceRoom => {
    if (one.name === "rag-server") return { ...one, priority: 5, waits: said(512, "; stopping prometheus (priority 0) would make room") };
    return one.name === "grafana" ? { ...one, waits: "what is free is left to rag-server, which has a higher priority and is to have it first" } : one;
  });
  return { ...room, room: { ...room.room, memory: room.counted.memory + 86 * MIB }, services: services.sort((a, b) => b.priority - a.priority) };
}

/** More runs than there is memory for. */
export function overdo(room: Room): Room {
  return { ...room, admission: "warn", room: { ...room.room, memory: room.counted.memory - 420 * MIB } };
}

function status(limit: number | null, used: number | null, more: Partial<LimitStatus> = {}): LimitStatus {
  return { reserved: null, limit, original: limit, adjusted: false, min: null, max: null, used, p95: used === null ? null : used * 1.05, peak: used === null ? null : used * 1.12, seconds: used === null ? null : 1800, recommended: null, ...more };
}

export const NO_LIMIT = status(null, 0.08);

function limitsOf(name: string, index: number, unknown: boolean): ServiceLimits {
  const limit = index % 3 === 2 ? null : (ASKED[name] ?? 96) * 2 * MIB;
  return { name, changedAt: null, why: null, held: false, memory: status(limit, unknown || !ASKED[name] ? null : (ASKED[name] ?? 96) * MIB * 0.7), cpu: { ...NO_LIMIT, used: unknown ? null : 0.08 } };
}

const byHand = (name: string) => `autoAdjust.mode is recommend: \`controller resources apply ${name}\` sets it once`;

export function recommend(name: string): Partial<ServiceLimits> {
  if (name === "postgresql") {
    return { memory: status(1024 * MIB, 968 * MIB, { peak: 1010 * MIB, p95: 990 * MIB, min: 512 * MIB, max: 2048 * MIB, recommended: { limit: 1216 * MIB, next: 1216 * MIB, why: "uses 968Mi, at most 1010Mi in 30m, 41Mi more than a cool-down ago", possible: true, waits: byHand(name) } }) };
  }
  if (name === "qdrant") {
    return {
      memory: status(2048 * MIB, 610 * MIB, { min: 256 * MIB, max: 4096 * MIB, recommended: { limit: 816 * MIB, next: 1536 * MIB, why: "uses 610Mi, at most 683Mi in 30m", possible: true, waits: byHand(name) } }),
      cpu: status(1, 0.97, { p95: 0.98, peak: 1, min: 0.5, max: 4, recommended: { limit: 1.25, next: 1.25, why: "uses 970m, 95% of the time at most 980m in 30m", possible: true, waits: byHand(name) } }),
    };
  }
  if (name === "redis") return { changedAt: ago(2400), why: "memory 256Mi → 320Mi: uses 243Mi, at most 251Mi in 30m", memory: status(320 * MIB, 262 * MIB, { original: 256 * MIB, adjusted: true, max: 512 * MIB }) };
  if (name === "grafana") return { held: true, changedAt: ago(9000), memory: status(256 * MIB, 90 * MIB, { min: 64 * MIB, max: 512 * MIB, recommended: { limit: 112 * MIB, next: 192 * MIB, why: "uses 90Mi, at most 101Mi in 30m", possible: false, waits: `undone by a person: \`controller resources resume ${name}\` lets it follow use again` } }) };
  if (name === "gateway") return { memory: status(null, 45 * MIB, { recommended: { limit: 64 * MIB, next: 64 * MIB, why: "uses 45Mi, at most 51Mi in 30m", possible: false, waits: "the Compose file sets no limit, and one that it was made without cannot be taken back in place" } }) };
  return {};
}

function item(kind: RubbishItem["kind"], name: string, size: number | null, why: string, days: number | null, more: Partial<RubbishItem> = {}): RubbishItem {
  return { kind, id: `${kind}:${name}`, name, bytes: size, atMost: false, why, unusedSince: days === null ? null : ago(days * 86_400), outcome: "unused", message: null, hint: null, ...more };
}

export const RUBBISH: readonly RubbishItem[] = [
  item("container", "rag-migrate-run-2f6c", 18 * MIB, "one-off of migrate, exited (0)", 12), item("container", "rag-rag-server-run-91ab", 2.4 * MIB, "one-off of rag-server, exited (137)", 9),
  ...["2.2", "2.1", "2.0", "1.9"].map((tag, index) => item("image", `local/rag-server:${tag}`, (412 - 9 * index) * MIB, "superseded image of rag-server", 11 + 9 * index, { atMost: index > 0 })),
  item("image", "sha256:8c1f0a77be21", 233 * MIB, "left behind by a build of migrate", 21), item("image", "registry.example.net/team/embedding-models/multilingual-large:2026-09-11", 1.9 * GIB, "superseded image of rag-server", 40),
  item("network", "rag_legacy", 0, "no container is on it", 33), item("cache", "41 of 96 records", 3.2 * GIB, "build cache of the whole engine", 17),
  item("log", "rag-gateway-1", 812 * MIB, "only told: output of gateway, kept without bound", null, { outcome: "told", hint: "set logging.options.max-size of its service" }),
];

export function cleanup(stack: string, items: readonly RubbishItem[], more: Partial<Cleanup> = {}): Cleanup {
  const gone = items.filter((one) => one.outcome === "unused" || one.outcome === "removed");
  return { stack, dryRun: true, ok: true, bytes: gone.reduce((total, one) => total + (one.bytes ?? 0), 0), seconds: 1.31, olderThanSeconds: 604_800, items, younger: items.length ? { items: 3, bytes: 428 * MIB } : { items: 0, bytes: 0 }, message: null, notes: [], schedule: items.length ? { everySeconds: 86_400, lastAt: ago(60_000), nextAt: ago(-26_400) } : { everySeconds: null, lastAt: null, nextAt: null }, ...more };
}

/** All goes but the first image, which somebody has begun to use. */
export function cleanedUp(stack: string, before: Cleanup): Cleanup {
  let left = true;
  const items = before.items.map((one): RubbishItem => {
    if (one.outcome === "told") return one;
    if (one.kind === "image" && left) {
      left = false;
      return { ...one, outcome: "left", message: "container try-1 uses it by now" };
    }
    return { ...one, outcome: "removed" };
  });
  return cleanup(stack, items, { dryRun: false });
}

export const HOST: HostUsage = {
  cores: 8, cpu: 1.7, load: [1.42, 1.1, 0.87], memoryTotal: 8 * GIB, memoryAvailable: 3.1 * GIB, swapTotal: 2 * GIB, swapUsed: 0.1 * GIB, diskPath: "/var/lib/docker", diskTotal: 477 * GIB, diskFree: 114 * GIB,
  inodesTotal: 31_129_600, inodesFree: 28_000_000, filesOpen: 3344, filesMost: 790_321, pressure: { cpu: 0.08, memory: 0, io: 0.013 }, own: { memoryLimit: 512 * MIB, cpuLimit: null },
};
export const NOTHING_KNOWN: HostUsage = {
  cores: 8, cpu: null, load: null, memoryTotal: null, memoryAvailable: null, swapTotal: null, swapUsed: null, diskPath: "", diskTotal: null, diskFree: null,
  inodesTotal: null, inodesFree: null, filesOpen: null, filesMost: null, pressure: { cpu: null, memory: null, io: null }, own: { memoryLimit: null, cpuLimit: null },
};
