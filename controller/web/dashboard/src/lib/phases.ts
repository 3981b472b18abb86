// What each phase means to the eye and to a newcomer; the word itself carries the meaning.

import type { Condition, Phase, Service, StackPhase } from "../api/types.ts";

export type Role = "good" | "busy" | "warn" | "bad" | "dim";

const SERVICE: Readonly<Record<Phase, Role>> = {
  Pending: "busy", Waiting: "busy", Starting: "busy", Ready: "good", Updating: "busy", RollingBack: "warn",
  Degraded: "warn", CrashLoopBackOff: "bad", Failed: "bad", Completed: "good", Paused: "dim", Stopped: "dim",
};
const STACK: Readonly<Record<StackPhase, Role>> = {
  Converged: "good", Progressing: "busy", Degraded: "warn", Failed: "bad", Paused: "dim", Stopped: "dim",
};

export function roleOf(phase: Phase | StackPhase): Role {
  return phase in SERVICE ? SERVICE[phase as Phase] : (STACK[phase as StackPhase] ?? "dim");
}

const MEANINGS: Readonly<Record<Phase | StackPhase, string>> = {
  Pending: "about to be created", Waiting: "waits for a service that it depends on", Starting: "started, not ready yet",
  Ready: "runs, and its checks pass", Updating: "its replicas are being replaced by a new release",
  RollingBack: "the new release failed: goes back to the last good one", Degraded: "something is wrong, some of it may serve",
  CrashLoopBackOff: "falls over again and again; tried anew after growing pauses", Failed: "nothing more is tried by itself",
  Completed: "a job that has ended well", Paused: "left alone until resumed", Stopped: "not meant to run now",
  Converged: "all is as it was asked for", Progressing: "on its way to what was asked for",
};

export function meaningOf(phase: Phase | StackPhase): string {
  return MEANINGS[phase] ?? "";
}

export const SICK: ReadonlySet<Phase> = new Set<Phase>(["Degraded", "CrashLoopBackOff", "Failed"]);
export const AT_REST: ReadonlySet<Phase> = new Set<Phase>(["Ready", "Completed", "Stopped"]);
export const MOVING: ReadonlySet<Phase> = new Set<Phase>(["Pending", "Waiting", "Starting", "Updating", "RollingBack"]);

/** The worst first. */
const ORDER: readonly Phase[] = [
  "Failed", "CrashLoopBackOff", "Degraded", "RollingBack", "Waiting", "Pending", "Starting", "Updating", "Paused",
  "Ready", "Completed", "Stopped",
];

export function rankOf(phase: Phase): number {
  return ORDER.indexOf(phase);
}

const REMARKS: Readonly<Record<string, string>> = {
  StoppedByUser: "stopped by hand",
  NotStarted: "autoStart is false: not started by itself",
  NotRunningAtAdoption: "was not running when it was found",
  OutOfProfile: "not part of this profile",
  Orphaned: "not in the Compose file any more",
  Paused: "left alone by a person's wish",
};

/** The sentence beside a phase; "" where all is well. */
export function remarkOn(service: Service): string {
  if ((service.phase === "Ready" || service.phase === "Completed") && !service.waitsFor) return "";
  return service.message || REMARKS[service.reason] || "";
}

/** Whether a condition of a stack says that something is in the way. */
export function isTrouble(condition: Condition): boolean {
  return condition.status === "True" && condition.type !== "Converged" && condition.type !== "Baking";
}

const BY_WILL = new Set(["StoppedByUser", "NotStarted", "NotRunningAtAdoption", "OutOfProfile", "Paused", "Held"]);

/** `Ready`, `Updated` and `Stable` are good when true, `Drifted` and `Stuck` when not; progress is neither. */
export function roleOfCondition(condition: Condition): Role {
  if (condition.status === "Unknown") return "dim";
  const holds = condition.status === "True";
  if (condition.type === "Progressing" || condition.type === "Baking") return holds ? "busy" : "dim";
  if (!holds && BY_WILL.has(condition.reason)) return "dim";
  const wanted = ["Ready", "Updated", "Stable", "Converged"].includes(condition.type);
  if (wanted) return holds ? "good" : "warn";
  return holds ? "warn" : "good";
}
