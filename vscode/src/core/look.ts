// How a phase looks in the editor. The word stands always beside it: colour is never alone.

import { meaningOf, roleOf, type Phase, type Replica, type Role, type StackPhase } from "../shared.ts";

export interface Look {
  /** Of the editor's icons (codicons). */
  readonly icon: string;
  /** Of the theme's colours; null: the text's own. */
  readonly colour: string | null;
}

const BY_ROLE: Readonly<Record<Role, Look>> = {
  good: { icon: "pass-filled", colour: "testing.iconPassed" },
  busy: { icon: "sync", colour: "charts.blue" },
  warn: { icon: "warning", colour: "list.warningForeground" },
  bad: { icon: "error", colour: "list.errorForeground" },
  dim: { icon: "circle-slash", colour: "disabledForeground" },
};

/** Shapes that say more than the colour does. */
const ICONS: Partial<Record<Phase | StackPhase, string>> = {
  Waiting: "watch", Pending: "circle-outline", Completed: "check-all", Paused: "debug-pause", Stopped: "debug-stop", RollingBack: "discard",
};

export function lookOf(phase: Phase | StackPhase): Look {
  const look = BY_ROLE[roleOf(phase)];
  return { ...look, icon: ICONS[phase] ?? look.icon };
}

/** The background of a status bar item; null: none. */
export function backgroundOf(role: Role): string | null {
  if (role === "bad") return "statusBarItem.errorBackground";
  return role === "warn" ? "statusBarItem.warningBackground" : null;
}

export function meant(phase: Phase | StackPhase): string {
  const meaning = meaningOf(phase);
  return meaning ? `${phase}: ${meaning}` : phase;
}

const REPLICA_ROLES: Readonly<Record<Replica["phase"], Role>> = {
  created: "busy", running: "good", paused: "dim", restarting: "warn", exited: "bad", dead: "bad", removing: "busy",
};

export function lookOfReplica(replica: Replica, wanted: boolean): Look {
  if (replica.phase === "running" && replica.health === "unhealthy") return BY_ROLE.bad;
  if (replica.phase === "running" && replica.health === "starting") return BY_ROLE.busy;
  if (replica.phase === "exited" && (!wanted || replica.exitCode === 0)) return { ...BY_ROLE.dim, icon: "debug-stop" };
  return BY_ROLE[REPLICA_ROLES[replica.phase] ?? "dim"];
}

/** `running, healthy, 2 restarts`; `exited with 137 (out of memory)`. */
export function replicaWords(replica: Replica): string {
  const words: string[] = [];
  if (replica.phase === "exited" && replica.exitCode !== null) words.push(`exited with ${replica.exitCode}${replica.oomKilled ? " (out of memory)" : ""}`);
  else words.push(replica.phase);
  if (replica.health !== "none" && replica.phase === "running") words.push(replica.health);
  if (replica.restarts > 0) words.push(`${replica.restarts} ${replica.restarts === 1 ? "restart" : "restarts"}`);
  if (replica.drift?.length) words.push("changed by hand");
  return words.join(", ");
}
