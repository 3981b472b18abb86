// Who has what of the machine, in parts that come to the whole, and in words. Pure.

import type { Room } from "../api/resources.ts";
import type { EngineView, HostUsage, ServiceUsage } from "../api/types.ts";
import { bytes, coresOf, count } from "./format.ts";

/** `mine`: this stack uses it; `promised`: it is counted with it, and may come to use it; `kept`: it stays free for the host. */
export type Kind = "mine" | "promised" | "others" | "free" | "kept";

export interface Part {
  readonly kind: Kind;
  readonly label: string;
  readonly amount: number;
}

export interface Gauge {
  readonly total: number;
  /** In the order in which they are drawn; together the total. */
  readonly parts: readonly Part[];
  /** What is most asked for: a number and what it is. */
  readonly head: readonly [number, string];
  /** By how much more the stack is counted with than there is. */
  readonly short: number;
}

export interface Seen {
  readonly room: Room | null;
  readonly host: HostUsage | null;
  readonly engine: EngineView | null;
  readonly services: Readonly<Record<string, ServiceUsage>>;
}

/** Takes parts off a whole, until nothing is left of it. */
class Whole {
  readonly parts: Part[] = [];
  left: number;

  constructor(total: number) {
    this.left = total;
  }

  take(kind: Kind, label: string, amount: number): number {
    const taken = Math.min(Math.max(0, amount), this.left);
    this.left -= taken;
    if (taken > 0) this.parts.push({ kind, label, amount: taken });
    return taken;
  }
}

const ORDER: readonly Kind[] = ["others", "mine", "promised", "free", "kept"];

function gauge(total: number, whole: Whole, head: readonly [number, string], short = 0): Gauge {
  return { total, parts: [...whole.parts].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind)), head, short: Math.max(0, short) };
}

function sum(values: readonly (number | null | undefined)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}

/** Whether containers run on the machine that the controller measures. */
export function sharesHost({ room, engine }: Seen): boolean {
  return room?.machine ? room.machine.source === "host" : (engine?.sharesHost ?? true);
}

const MINE = "this stack", REST = "everything else", FREE = "free for starts", KEPT = "kept for the host";

/** null: nobody knows how much there is. */
export function memoryOf(seen: Seen): Gauge | null {
  const { room, host, engine } = seen;
  const here = sharesHost(seen);
  const total = room?.machine?.memoryTotal ?? (here ? host?.memoryTotal : engine?.memoryTotal) ?? null;
  const available = room?.machine?.memoryAvailable ?? (here ? host?.memoryAvailable : null) ?? null;
  if (!total) return null;
  const used = sum(room?.services.some((one) => one.used !== null) ? room.services.map((one) => one.used) : Object.values(seen.services).map((one) => one.total.memory));
  const whole = new Whole(total);
  whole.take("mine", MINE, used);
  if (room === null || room.room.memory === null) {
    if (available === null) return gauge(total, whole, [total, "in all"]);
    whole.take("others", REST, total - available - used);
    whole.take("free", "available", whole.left);
    return gauge(total, whole, [available, "available"]);
  }
  const counted = room.counted.memory;
  whole.take("others", REST, total - room.reserve.memory - room.room.memory);
  whole.take("promised", "counted, not used", Math.min(counted, Math.max(0, room.room.memory)) - used);
  const free = whole.take("free", FREE, room.room.memory - Math.max(counted, used));
  whole.take("kept", KEPT, whole.left);
  return gauge(total, whole, [free, FREE], counted - room.room.memory);
}

/** What is in use now. */
export function coresInUse(seen: Seen): Gauge | null {
  const here = sharesHost(seen);
  const total = (here ? seen.host?.cores : (seen.engine?.cores ?? seen.room?.machine?.cores)) ?? null;
  if (!total) return null;
  const known = Object.values(seen.services).flatMap((one) => one.total.cpu ?? []);
  const mine = sum(known);
  const all = here ? (seen.host?.cpu ?? null) : null;
  if (all === null && !known.length) return null;
  const whole = new Whole(total);
  whole.take("mine", MINE, mine);
  if (all !== null) {
    whole.take("others", REST, all - mine);
    whole.take("free", "idle", whole.left);
  }
  return gauge(total, whole, [all ?? mine, all === null ? "used by this stack" : "in use"]);
}

/** What is reserved; null where nobody reserves any, and none are kept. */
export function coresReserved({ room }: Seen): Gauge | null {
  const total = room?.machine?.cores ?? null;
  if (!room || !total || room.room.cpu === null) return null;
  const others = Math.max(0, total - room.reserve.cpu - room.room.cpu);
  if (room.counted.cpu + room.reserve.cpu + others < 0.0005) return null;
  const whole = new Whole(total);
  whole.take("others", "other stacks", others > 0.0005 ? others : 0);
  whole.take("promised", MINE, Math.min(room.counted.cpu, Math.max(0, room.room.cpu)));
  const free = whole.take("free", FREE, room.room.cpu - room.counted.cpu);
  whole.take("kept", KEPT, whole.left);
  return gauge(total, whole, [free, FREE], room.counted.cpu - room.room.cpu);
}

/** The disk of the engine's data; null where it is elsewhere, or nobody looked. */
export function diskOf(seen: Seen): Gauge | null {
  const here = sharesHost(seen);
  const total = seen.room?.machine?.diskTotal ?? (here ? seen.host?.diskTotal : null) ?? null;
  const free = seen.room?.machine?.diskFree ?? (here ? seen.host?.diskFree : null) ?? null;
  if (!total || free === null) return null;
  const kept = seen.room?.reserve.disk ?? 0;
  const whole = new Whole(total);
  whole.take("others", "in use", total - free);
  const left = whole.take("free", "free for images", free - kept);
  whole.take("kept", KEPT, whole.left);
  return gauge(total, whole, [left, "free"]);
}

/** Load, pressure and what seldom runs short: name and words. What nobody tells is left out. */
export function factsOf({ host, engine, room }: Seen): readonly (readonly [string, string])[] {
  const facts: (readonly [string, string])[] = [];
  if (host?.load) facts.push(["Load", `${host.load.map((value) => value.toFixed(2)).join(" ")} (1, 5, 15 min)`]);
  const pressure = host ? pressureWords(host) : "";
  if (pressure) facts.push(["Pressure", pressure]);
  if (host?.swapTotal && host.swapUsed !== null) facts.push(["Swap", `${bytes(host.swapUsed)} of ${bytes(host.swapTotal)}`]);
  if (host?.inodesTotal && host.inodesFree !== null) facts.push(["Inodes", `${share(host.inodesTotal - host.inodesFree, host.inodesTotal)} of ${host.inodesTotal.toLocaleString("en")} in use`]);
  if (host && host.filesOpen !== null) facts.push(["Open files", `${host.filesOpen.toLocaleString("en")}${host.filesMost === null ? "" : ` of ${host.filesMost.toLocaleString("en")}`}`]);
  if (engine) facts.push(["Engine", engineWords(engine, room?.machine ? room.machine.source === "host" : engine.sharesHost)]);
  if (host) facts.push(["Controller", ownWords(host)]);
  return facts;
}

function share(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)} %`;
}

/** `CPU 12 %, memory 0 %, I/O 3 % of the time`; "" where the kernel does not tell. */
export function pressureWords({ pressure }: HostUsage): string {
  const known = ([["CPU", pressure.cpu], ["memory", pressure.memory], ["I/O", pressure.io]] as const).filter(([, value]) => value !== null);
  return known.length ? `waits for ${known.map(([name, value]) => `${name} ${share(value ?? 0, 1)}`).join(", ")} of the time` : "";
}

function engineWords(engine: EngineView, here: boolean | null): string {
  const cores = engine.cores === null ? "" : `, ${count(engine.cores, "core")}`;
  if (here === null) return "has not answered yet";
  return `${here ? "on this machine" : "elsewhere"}${cores}${engine.memoryTotal === null ? "" : `, ${bytes(engine.memoryTotal)}`}`;
}

function ownWords({ own }: HostUsage): string {
  const parts = [...(own.memoryLimit === null ? [] : [`${bytes(own.memoryLimit)} of memory`]), ...(own.cpuLimit === null ? [] : [coresOf(own.cpuLimit)])];
  return parts.length ? `may use ${parts.join(" and ")}` : "has no limits of its own";
}
