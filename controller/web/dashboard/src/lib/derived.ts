// What follows from the store for several pages: the troubles, the alerts, the counts.

import { computed } from "@preact/signals";

import type { Alert, Stack } from "../api/types.ts";
import { store } from "../app.ts";
import type { StackEntry } from "../store/store.ts";
import { AT_REST, MOVING, SICK } from "./phases.ts";
import { findTroubles } from "./trouble.ts";

const wholeStacks = computed<readonly Stack[]>(() => store.stacks.value.map(wholeOf));

function wholeOf(entry: StackEntry): Stack {
  return { ...entry.head.value, services: entry.services.value.map((service) => service.status.value) };
}

export const alerts = computed<readonly Alert[]>(() => store.stacks.value.flatMap((entry) => entry.alerts.value));
export const openAlerts = computed(() => alerts.value.filter((alert) => alert.resolvedAt === null));
export const troubles = computed(() => findTroubles(wholeStacks.value, alerts.value));

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
    moving: services.filter((service) => MOVING.has(service.phase)).length,
    sick: services.filter((service) => SICK.has(service.phase)).length,
    idle: services.filter((service) => service.phase === "Stopped" || service.phase === "Paused").length,
  };
}

/** Services of which replicas are being replaced, or whose rollout somebody halted. */
export function isRollingOut(phase: string, reason: string): boolean {
  return phase === "Updating" || phase === "RollingBack" || ["Baking", "UpdateHalted", "Pinned", "RolledBack", "UpdatePaused", "RollbackFailed"].includes(reason);
}
