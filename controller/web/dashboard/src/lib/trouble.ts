// What is wrong now: one trouble for each root, with who suffers from it. Pure.

import type { Alert, Condition, Service, Stack } from "../api/types.ts";
import { ROOM_REASONS } from "./admission.ts";
import { joined, some } from "./format.ts";
import { isTrouble, remarkOn, SICK, type Role } from "./phases.ts";

export interface Trouble {
  readonly key: string;
  readonly stack: string;
  /** None: the stack as a whole. */
  readonly service: string | null;
  /** The reason or condition, which says what helps. */
  readonly reason: string;
  readonly role: Role;
  readonly title: string;
  readonly message: string;
  readonly since: string;
  readonly affects: readonly string[];
  readonly alert: Alert | null;
}

/** The worst first, then the oldest. */
export function findTroubles(stacks: readonly Stack[], alerts: readonly Alert[]): readonly Trouble[] {
  // What nothing speaks for any more is not wrong now, though it counts as an alert for a while yet.
  const open = alerts.filter((alert) => alert.resolvedAt === null && alert.state !== "Settling");
  const found = [...findBlind(stacks), ...stacks.flatMap((stack) => ofStack(stack, open))];
  const told = new Set(found.flatMap((trouble) => (trouble.alert ? [trouble.alert.id] : [])));
  const blind = found.some((trouble) => trouble.reason === "EngineUnavailable");
  const more = open.filter((alert) => !told.has(alert.id) && !(blind && alert.rule === "EngineUnavailable") && stands(alert, found));
  return [...found, ...more.map(ofAlert)].sort(byWeight);
}

/** Not what another trouble tells already, or suffers from. */
function stands(alert: Alert, found: readonly Trouble[]): boolean {
  return !found.some((one) => one.stack === alert.stack && (one.reason === alert.rule || (one.service !== null && one.service === alert.service)));
}

const WEIGHTS: Readonly<Record<Role, number>> = { bad: 0, warn: 1, busy: 2, dim: 3, good: 4 };

function byWeight(a: Trouble, b: Trouble): number {
  return WEIGHTS[a.role] - WEIGHTS[b.role] || b.affects.length - a.affects.length || (a.since < b.since ? -1 : 1);
}

/** An engine that is away is one trouble, however many stacks it has. */
function findBlind(stacks: readonly Stack[]): readonly Trouble[] {
  const blind = stacks.flatMap((stack) => stack.conditions.filter((one) => one.type === "EngineUnavailable" && one.status === "True").map((one) => ({ stack, one })));
  const first = blind[0];
  if (!first) return [];
  return [{
    key: "engine", stack: first.stack.name, service: null, reason: "EngineUnavailable", role: "bad",
    title: "The Docker engine does not answer", message: first.one.message, since: first.one.lastTransitionTime,
    affects: blind.length > 1 ? blind.map((item) => item.stack.name) : [], alert: null,
  }];
}

function ofStack(stack: Stack, alerts: readonly Alert[]): readonly Trouble[] {
  const own = alerts.filter((alert) => alert.stack === stack.name);
  const roots = findRoots(stack);
  const services = [...roots].map(([root, affects]) => ofService(stack, root, affects, own));
  const tellsUpdates = services.some((trouble) => ["RolledBack", "UpdatePaused", "RollbackFailed"].includes(trouble.reason));
  const conditions = stack.conditions.filter(
    (one) => isTrouble(one) && one.type !== "EngineUnavailable" && !(one.type === "RolledBack" && tellsUpdates) && !(one.type === NO_ROOM && tellsRoom(stack)),
  );
  return [...conditions.map((one) => (one.type === NO_ROOM ? ofRoom(stack, ofCondition(stack, one, own)) : ofCondition(stack, one, own))), ...services];
}

const NO_ROOM = "InsufficientRoom";

/** Services that wait for the machine. */
function waitsForRoom(stack: Stack): readonly Service[] {
  return stack.services.filter((service) => ROOM_REASONS.has(service.reason));
}

/** Who will never have room fails, and is told by itself. */
function tellsRoom(stack: Stack): boolean {
  const waiting = waitsForRoom(stack);
  return waiting.length > 0 && waiting.every((service) => SICK.has(service.phase));
}

/** Named are those that wait for room; it is their dependents that suffer. */
function ofRoom(stack: Stack, trouble: Trouble): Trouble {
  const waiting = waitsForRoom(stack).filter((service) => !SICK.has(service.phase));
  if (!waiting.length) return trouble;
  const byName = new Map(stack.services.map((service) => [service.name, service]));
  const behind = stack.services.filter((service) => service.waitsFor !== null && waiting.includes(followWaits(byName, service)) && !waiting.includes(service));
  const names = waiting.map((service) => service.name);
  return { ...trouble, title: `${some(names)} ${names.length === 1 ? "waits" : "wait"} for room on this machine`, affects: [...new Set([...behind.map((service) => service.name), ...trouble.affects])].filter((name) => !names.includes(name)) };
}

/** Services that something is wrong with by themselves, with those that wait for them. */
export function findRoots(stack: Stack): ReadonlyMap<Service, readonly string[]> {
  const byName = new Map(stack.services.map((service) => [service.name, service]));
  const roots = new Map<Service, string[]>();
  for (const service of stack.services) {
    if (service.reason === "Held") continue; // the stack's condition tells it
    const root = followWaits(byName, service);
    const sick = SICK.has(root.phase) || root.phase === "RollingBack" || (root !== service && isAtRestInVain(root));
    if (!sick) continue;
    const affects = roots.get(root) ?? [];
    if (root !== service) affects.push(service.name);
    roots.set(root, affects);
  }
  return roots;
}

/** Somebody waits for it, and it is not meant to run. */
function isAtRestInVain(service: Service): boolean {
  return service.phase === "Stopped" || service.phase === "Paused";
}

function followWaits(byName: ReadonlyMap<string, Service>, from: Service): Service {
  const seen = new Set<string>();
  let service = from;
  while (service.waitsFor !== null && !seen.has(service.name)) {
    seen.add(service.name);
    const next = byName.get(service.waitsFor);
    if (!next) break;
    service = next;
  }
  return service;
}

const SAID: Readonly<Record<string, string>> = {
  RollingBack: "goes back to its last good release: the new one failed", Watching: "has gone back, and is being watched",
  CrashLoopBackOff: "falls over again and again", RolledBack: "was rolled back: its new release failed",
  UpdatePaused: "has a release that failed, and its update is halted", RollbackFailed: "could not go back to its last good release",
  JobFailed: "did not end well, and is not run again", NotReady: "does not become ready", Unhealthy: "fails its health check",
  ImagePullBackOff: "has an image that cannot be had", ImageNeverPulled: "has no image here, and may not pull one",
  PortTaken: "cannot have its host port: it is taken", ExceedsMachine: "asks for more than this machine has", InsufficientMemory: "has no room for all of its replicas",
  InsufficientCPU: "has no room for all of its replicas", InsufficientDisk: "has no room on the disk", VolumeInUse: "cannot have its volume: it is in use",
  StoppedByUser: "is stopped, and others wait for it",
  Paused: "is paused, and does not serve",
};

function ofService(stack: Stack, service: Service, affects: readonly string[], alerts: readonly Alert[]): Trouble {
  const alert = alerts.find((one) => one.service === service.name) ?? null;
  const verb = (service.phase === "RollingBack" ? SAID["RollingBack"] : undefined) ?? SAID[service.reason] ?? (service.phase === "Stopped" || service.phase === "Paused" ? `is ${service.phase.toLowerCase()}` : `is ${service.phase}`);
  const none = service.desired > 0 && service.ready === 0;
  const role: Role = none || service.phase === "Failed" || service.phase === "CrashLoopBackOff" || alert?.severity === "critical" ? "bad" : "warn";
  return {
    key: `${stack.name}/${service.name}`, stack: stack.name, service: service.name, reason: service.reason, role,
    title: `${service.name} ${verb}`, message: remarkOn(service) || service.reason, since: service.since,
    affects: [...new Set([...affects, ...(alert?.affects ?? [])])], alert,
  };
}

const TITLES: Readonly<Record<string, string>> = {
  AdoptionHeld: "{0} is held: taking it over would change what runs", MassRemovalHeld: "{0} is held: much of it would be removed",
  EnvironmentIncomplete: "{0} is held: variables that it uses are unset", ForeignWriter: "Somebody else is changing {0}",
  Released: "{0} was given back to plain Compose", GenerationHeld: "The newest files of {0} cannot be used; the last good ones stay in force",
  IngressUnavailable: "The ingress of {0} is not as it is to be", ForeignUp: "Containers of {0} were made by hand with the ingress's ports",
  Orphans: "{0} has services that are not in the Compose file any more", ContentsChanged: "Mounted files of {0} have new contents",
  Drifted: "Containers of {0} were changed by hand", Stuck: "A container of {0} does not go away",
  ImageUnverified: "No registry answers for {0}; present images are kept", RolledBack: "{0} was rolled back: a release failed",
  InsufficientRoom: "{0} has services that wait for room on this machine", Overcommitted: "More was promised to {0} than this machine has",
  Pinned: "{0} runs an earlier release, by a person's wish", Halted: "Updates of {0} are halted, by a person's wish",
};
const BAD = new Set(["IngressUnavailable"]);
const MILD = new Set(["Orphans", "ImageUnverified", "ContentsChanged", "Pinned", "Halted", "Released"]);

function ofCondition(stack: Stack, condition: Condition, alerts: readonly Alert[]): Trouble {
  const alert = alerts.find((one) => one.service === null && one.rule === condition.type) ?? null;
  const role: Role = BAD.has(condition.type) ? "bad" : MILD.has(condition.type) ? "dim" : "warn";
  return {
    key: `${stack.name}#${condition.type}`, stack: stack.name, service: null, reason: condition.type, role,
    title: (TITLES[condition.type] ?? `{0}: ${condition.type}`).replace("{0}", stack.name), message: condition.message,
    since: condition.lastTransitionTime, affects: alert?.affects ?? [], alert,
  };
}

const RULES: Readonly<Record<string, string>> = {
  ServiceDown: "is down: no replica is ready", ReplicasMissing: "has fewer replicas than it is to have", CrashLoop: "has been falling over",
  CrashLoopLasting: "has been falling over for long", Flapping: "keeps becoming unready", OutOfMemory: "ran out of memory", JobFailed: "did not end well",
  PassFailed: "cannot be looked after: nothing could be decided", MemoryNearLimit: "is near its memory limit",
};
/** Of the machine: no stack is to blame. */
const MACHINE: Readonly<Record<string, string>> = {
  HostMemoryHigh: "Memory runs short on this machine", HostCpuHigh: "The cores of this machine are busy", HostDiskHigh: "The disk of the engine's data fills up",
  HostInodesHigh: "The inodes of the engine's data run short", HostOpenFilesHigh: "Open files run short on this machine", HostPressureHigh: "Programs on this machine wait for memory",
};

function ofAlert(alert: Alert): Trouble {
  const what = alert.service ?? alert.stack;
  return {
    key: `alert:${alert.id}`, stack: alert.stack, service: alert.service, reason: alert.rule,
    role: alert.severity === "critical" ? "bad" : alert.severity === "warning" ? "warn" : "dim",
    title: MACHINE[alert.rule] ?? (RULES[alert.rule] ? `${what} ${RULES[alert.rule]}` : `${what}: ${alert.rule}`), message: alert.message, since: alert.since, affects: alert.affects, alert,
  };
}

/** `All is well`, `1 thing is wrong`, … */
export function headlineOf(troubles: readonly Trouble[]): string {
  const wrong = troubles.filter((one) => one.role === "bad" || one.role === "warn").length;
  if (wrong === 0) return "All is well";
  return wrong === 1 ? "One thing is wrong" : `${wrong} things are wrong`;
}

export function affectsWords(trouble: Trouble): string {
  if (!trouble.affects.length) return "";
  const names = trouble.affects.length > 4 ? [...trouble.affects.slice(0, 3), `${trouble.affects.length - 3} more`] : trouble.affects;
  return trouble.reason === "EngineUnavailable" ? `stacks ${joined(names)}` : joined(names);
}
