// What follows from the store for several pages: the troubles, the alerts, the counts.

import { computed, effect, signal, untracked } from "@preact/signals";

import type { Alert, Stack } from "../api/types.ts";
import { store } from "../app.ts";
import type { StackEntry } from "../store/store.ts";
import { AT_REST, MOVING, SICK } from "./phases.ts";
import { findTroubles, type Trouble } from "./trouble.ts";

function wholeOf(entry: StackEntry): Stack {
  return { ...entry.head.value, services: entry.services.value.map((service) => service.status.value) };
}

export const alerts = computed<readonly Alert[]>(() => store.stacks.value.flatMap((entry) => entry.alerts.value));
export const openAlerts = computed(() => alerts.value.filter((alert) => alert.resolvedAt === null));
export const troubles = signal<readonly Trouble[]>([]);

const PAUSE = 1000;
let waiting = 0;
let last = -Infinity;

/** At once, and then once a second at most: what comes and goes all the time must not shake the page. */
export function watchTroubles(): void {
  effect(() => {
    if (!store.changes.value || !store.known.value) return;
    const since = performance.now() - last;
    if (since >= PAUSE) untracked(judge);
    else waiting ||= window.setTimeout(judge, PAUSE - since);
  });
}

function judge(): void {
  clearTimeout(waiting);
  waiting = 0;
  last = performance.now();
  troubles.value = keepSame(findTroubles(store.stacks.value.map(wholeOf), alerts.value));
}

let before: ReadonlyMap<string, readonly [string, Trouble]> = new Map();

/** What says the same as before is the very same object, so that nothing is drawn anew for it. */
function keepSame(found: readonly Trouble[]): readonly Trouble[] {
  const now = new Map<string, readonly [string, Trouble]>();
  for (const trouble of found) {
    const text = JSON.stringify(trouble);
    const known = before.get(trouble.key);
    now.set(trouble.key, known?.[0] === text ? known : [text, trouble]);
  }
  before = now;
  return [...now.values()].map(([, trouble]) => trouble);
}

export interface Counts {
  readonly wanted: number;
  readonly rest: number;
  readonly moving: number;
  readonly sick: number;
  readonly idle: number;
  readonly total: number;
}

export function countOf(entry: StackEntry): Counts {
  const services = entry.services.value.map((service) => service.status.value);
  const wanted = services.filter((service) => service.desired > 0);
  return {
    total: services.length,
    wanted: wanted.length,
    rest: wanted.filter((service) => AT_REST.has(service.phase)).length,
    moving: services.filter((service) => MOVING.has(service.phase) && service.reason !== "Held").length,
    sick: services.filter((service) => SICK.has(service.phase)).length,
    idle: services.filter((service) => service.phase === "Stopped" || service.phase === "Paused" || (service.reason === "Held" && MOVING.has(service.phase))).length,
  };
}

/** Whether what is told of a stack is what was seen last, since its engine is away. */
export function isBlind(entry: StackEntry): boolean {
  return entry.head.value.conditions.some((one) => one.type === "EngineUnavailable" && one.status === "True");
}

/** Services of which replicas are being replaced, or whose rollout somebody halted. */
export function isRollingOut(phase: string, reason: string): boolean {
  return phase === "Updating" || phase === "RollingBack" || ["Baking", "UpdateHalted", "Pinned", "RolledBack", "UpdatePaused", "RollbackFailed"].includes(reason);
}
