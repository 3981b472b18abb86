// Builders: what differs from the default is what a scenario is about.

import type { Token } from "../src/api/access.ts";
import type { Alert, Condition, Event, Phase, Replica, Service, StackPhase } from "../src/api/types.ts";

import type { Kept } from "./kept.ts";
import type { Wanted } from "./resources.ts";
import type { Guarded } from "./security.ts";

export function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1000).toISOString();
}

export function condition(type: string, status: Condition["status"], reason: string, message = "", since = 3600): Condition {
  return { type, status, reason, message, lastTransitionTime: ago(since) };
}

export function replica(name: string, more: Partial<Replica> = {}): Replica {
  return {
    id: [...name].map((letter) => letter.charCodeAt(0).toString(16)).join("").padEnd(64, "0").slice(0, 64), name, phase: "running", health: "healthy",
    restarts: 0, configHash: "c2e14b66", image: "local/redis:7.0", drift: [], exitCode: null, oomKilled: false, ...more,
  };
}

export function service(name: string, phase: Phase = "Ready", more: Partial<Service> & { readonly image?: string; readonly stack?: string } = {}): Service {
  const { image = `local/${name}:1.4`, stack = "rag", ...rest } = more;
  const desired = rest.desired ?? (phase === "Stopped" ? 0 : 1);
  const well = phase === "Ready" || phase === "Completed";
  const ready = rest.ready ?? (well ? desired : 0);
  const message = rest.message ?? "";
  const reason = rest.reason ?? phase;
  return {
    name, phase, reason, message, desired, ready, updated: rest.updated ?? desired, restarts: 0, since: ago(5400), waitsFor: null, nextTry: null,
    conditions: [
      condition("Ready", well ? "True" : "False", well ? "Ready" : reason, `${ready} of ${desired} ready${message ? `; ${message}` : ""}`),
      condition("Progressing", "False", well ? "AtRest" : reason, message),
      condition("Updated", "True", "UpToDate"),
      condition("Stable", phase === "CrashLoopBackOff" ? "False" : "True", phase === "CrashLoopBackOff" ? "CrashLoopBackOff" : "NoRestarts"),
    ],
    replicas: Array.from({ length: desired }, (_, index) => replica(`${stack}-${name}-${index + 1}`, { image })),
    ...rest,
  };
}

let seq = 100;

export function event(stack: string, name: string | null, reason: string, message: string, more: Partial<Event> = {}): Event {
  seq += 1;
  const time = more.time ?? new Date().toISOString();
  return { seq, time, stack, service: name, type: "Normal", reason, message, count: 1, firstTime: time, ...more };
}

export function alert(stack: string, name: string | null, rule: string, severity: Alert["severity"], message: string, more: Partial<Alert> = {}): Alert {
  return {
    id: `${stack}-${name ?? "stack"}-${rule}`.toLowerCase(), stack, service: name, rule, severity, state: "Firing", message, hushed: "", since: ago(420), firedAt: ago(360),
    resolvedAt: null, affects: [], also: [], labels: {}, told: { ops: ago(360) }, ...more,
  };
}

export interface World {
  stacks: { name: string; phase: StackPhase; generation: number; conditions: Condition[]; services: Service[] }[];
  events: Event[];
  alerts: Alert[];
  silences: { id: number; stack: string; services: string[]; rules: string[]; until: string; by: string; comment: string }[];
  /** What each service needs: name and condition. */
  needs: Record<string, readonly (readonly [string, string])[]>;
  limits: Record<string, number>;
  /** Milliseconds between changes, and what changes then. */
  live: { every: number; step: (world: World, turn: number, send: (kind: string, data: unknown) => void) => void } | null;
  intents: Map<string, Record<string, unknown>>;
  /** What differs of the resources of each stack; `refused`: by the status, what all that is asked about them comes to. */
  wanted: Wanted;
  guarded: Guarded;
  /** Its certificates and secrets. */
  kept: Kept;
  tokens: Token[];
  refused: Readonly<Record<string, readonly [number, string, string]>>;
}

export function world(more: Partial<World>): World {
  return { stacks: [], events: [], alerts: [], silences: [], needs: {}, limits: {}, live: null, intents: new Map(), wanted: {}, guarded: "unscanned", kept: "none", tokens: [], refused: {}, ...more };
}
