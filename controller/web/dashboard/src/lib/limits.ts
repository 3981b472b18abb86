// Limits beside what is used under them, and what may be done about them. Pure.

import type { LimitStatus, Recommendation, ServiceLimits, StackLimits } from "../api/resources.ts";
import type { Asked } from "./actions.ts";
import { age, bytes, coresOf, joined, some } from "./format.ts";

export type Resource = "memory" | "cpu";

export interface LimitRow {
  readonly service: ServiceLimits;
  readonly resource: Resource;
  readonly status: LimitStatus;
  /** Of its service: there the buttons are. */
  readonly first: boolean;
}

/** Memory always; cores where somebody limits or reserves them, or something is recommended. */
export function rowsOf(stack: StackLimits): readonly LimitRow[] {
  return stack.services.flatMap((service) => {
    const rows: LimitRow[] = [{ service, resource: "memory", status: service.memory, first: true }];
    return counts(service.cpu) ? [...rows, { service, resource: "cpu", status: service.cpu, first: false }] : rows;
  });
}

function counts({ reserved, limit, original, min, max }: LimitStatus): boolean {
  return [reserved, limit, original, min, max].some((value) => value !== null);
}

const MODES: Readonly<Record<StackLimits["mode"], string>> = {
  recommend: "Nothing is changed by itself: what is recommended here is set when you apply it.",
  apply: "Limits follow use by themselves, within the bounds of the manifest; each change is an event, and can be undone.",
  off: "Limits stay as the Compose file has them: `resources.autoAdjust.mode` is off.",
};

export function modeWords(stack: StackLimits): string {
  return MODES[stack.mode];
}

export function tell(resource: Resource, value: number | null): string {
  if (value === null) return "none";
  return resource === "memory" ? bytes(value) : coresOf(value);
}

/** `95 % 62 MiB, most 63 MiB`. */
export function useWords(resource: Resource, status: LimitStatus): string {
  return `95 % ${tell(resource, status.p95)}, most ${tell(resource, status.peak)}`;
}

/** `30m`: how far back use is looked at; "" where nothing is known. */
export function spanOf(stack: StackLimits): string {
  const most = Math.max(0, ...stack.services.map((one) => one.memory.seconds ?? 0));
  return most >= 1 ? age(most) : "";
}

/** `Another limit is recommended for web and db.` */
export function adviceWords(stack: StackLimits): string {
  const names = stack.services.filter((one) => one.memory.recommended ?? one.cpu.recommended).map((one) => one.name);
  return names.length ? `Another limit is recommended for ${some(names, 4)}.` : "No other limit is recommended.";
}

/** Why it is not set, unless the mode says that of all of them. */
export function obstacleTo(found: Recommendation): string {
  return found.waits?.startsWith("autoAdjust.mode is") ? "" : (found.waits ?? "");
}

export function directionOf(status: LimitStatus): "raise" | "lower" | "set" {
  if (status.limit === null || status.recommended === null) return "set";
  return status.recommended.limit > status.limit ? "raise" : "lower";
}

export interface Able {
  readonly apply: boolean;
  readonly undo: boolean;
  readonly resume: boolean;
}

export function ableTo(service: ServiceLimits, mode: StackLimits["mode"]): Able {
  const both = [service.memory, service.cpu];
  return {
    apply: mode !== "off" && both.some((one) => one.recommended?.possible === true),
    undo: both.some((one) => one.adjusted),
    resume: service.held,
  };
}

const BOTH: readonly Resource[] = ["memory", "cpu"];
const NAMES = { memory: "memory", cpu: "CPU" } as const;

export function nameOf(resource: Resource): string {
  return NAMES[resource];
}

/** What an Apply would set: `memory 256 MiB → 320 MiB`. */
export function changesBy(service: ServiceLimits, verb: "resources-apply" | "resources-undo"): readonly string[] {
  return BOTH.flatMap((resource) => {
    const status = service[resource];
    const to = verb === "resources-undo" ? (status.adjusted ? status.original : undefined) : status.recommended?.possible ? status.recommended.limit : undefined;
    return to === undefined ? [] : [`${NAMES[resource]} ${tell(resource, status.limit)} → ${tell(resource, to)}`];
  });
}

/** Whether the kernel may kill it for want of memory once its own limit is back. */
export function isTight({ memory }: ServiceLimits): boolean {
  const lowered = memory.original !== null && memory.limit !== null && memory.original < memory.limit;
  return lowered && memory.used !== null && memory.used >= memory.original;
}

/** What a press asks for, with what has to be confirmed along with it. */
export function askedFor(stack: string, service: ServiceLimits, verb: "resources-apply" | "resources-undo" | "resources-resume"): Asked {
  const about = verb === "resources-resume" ? undefined : warningOf(service, verb);
  return { verb, stack, services: [service.name], ...(verb === "resources-undo" && isTight(service) ? { options: { confirm: true } } : {}), ...(about ? { about } : {}) };
}

function warningOf(service: ServiceLimits, verb: "resources-apply" | "resources-undo"): readonly string[] {
  const changes = `For each replica: ${joined(changesBy(service, verb))}.`;
  if (verb !== "resources-undo" || !isTight(service)) return [changes];
  return [changes, `It uses ${bytes(service.memory.used)} of memory now, as much as it would be allowed or more: the kernel may kill it.`];
}
