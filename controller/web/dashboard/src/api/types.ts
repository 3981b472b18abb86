// The shapes of docs/api.md and docs/cli.md. Times are RFC 3339, durations seconds, sizes bytes, CPU cores.

import type { Cleanup } from "./resources.ts";

export type Phase =
  | "Pending" | "Waiting" | "Starting" | "Ready" | "Updating" | "RollingBack" | "Degraded" | "CrashLoopBackOff"
  | "Failed" | "Completed" | "Paused" | "Stopped";
export type StackPhase = "Converged" | "Progressing" | "Degraded" | "Failed" | "Paused" | "Stopped";
export type Severity = "info" | "warning" | "critical";

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

export interface Drift {
  readonly path: string;
  readonly wanted: string | null;
  readonly seen: string | null;
}

export interface Route {
  readonly state: "in" | "draining" | "out" | "unknown";
  readonly connections: number;
  readonly requests: number;
  readonly errors: number;
  readonly latencySeconds: number;
}

export interface Replica {
  readonly id: string;
  readonly name: string;
  readonly phase: "created" | "running" | "paused" | "restarting" | "exited" | "dead" | "removing";
  readonly health: "healthy" | "unhealthy" | "starting" | "none";
  readonly restarts: number;
  readonly configHash: string;
  readonly image: string;
  readonly drift: readonly Drift[];
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  readonly lastOutput?: string;
  readonly route?: Route;
}

export interface Service {
  readonly name: string;
  readonly phase: Phase;
  readonly reason: string;
  readonly message: string;
  readonly desired: number;
  readonly ready: number;
  readonly updated: number;
  readonly restarts: number;
  readonly since: string;
  readonly waitsFor: string | null;
  readonly nextTry: string | null;
  readonly conditions: readonly Condition[];
  readonly replicas: readonly Replica[];
}

/** A stack without its services, as the stream has it. */
export interface StackHead {
  readonly name: string;
  readonly phase: StackPhase;
  readonly generation: number;
  readonly conditions: readonly Condition[];
}

export interface Stack extends StackHead {
  readonly services: readonly Service[];
}

export interface Event {
  readonly seq: number;
  readonly time: string;
  readonly stack: string;
  readonly service: string | null;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly firstTime: string;
}

export interface Alert {
  readonly id: string;
  readonly stack: string;
  readonly service: string | null;
  readonly rule: string;
  readonly severity: Severity;
  readonly state: string;
  readonly message: string;
  readonly hushed: string;
  readonly since: string;
  readonly firedAt: string;
  readonly resolvedAt: string | null;
  readonly affects: readonly string[];
  readonly also: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly told: Readonly<Record<string, string>>;
}

export interface Silence {
  readonly id: number;
  readonly stack: string;
  readonly services: readonly string[];
  readonly rules: readonly string[];
  readonly until: string;
  readonly by: string;
  readonly comment: string;
}

export interface Figures {
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly memoryLimit: number | null;
  readonly received: number | null;
  readonly sent: number | null;
  readonly read: number | null;
  readonly written: number | null;
  readonly processes: number | null;
}

export interface ServiceUsage {
  readonly total: Figures;
  readonly replicas: Readonly<Record<string, Figures>>;
  readonly custom: Readonly<Record<string, number>>;
}

export interface HostUsage {
  readonly cores: number;
  readonly cpu: number | null;
  readonly load: readonly number[] | null;
  readonly memoryTotal: number | null;
  readonly memoryAvailable: number | null;
  readonly swapTotal: number | null;
  readonly swapUsed: number | null;
  readonly diskPath: string;
  readonly diskTotal: number | null;
  readonly diskFree: number | null;
  readonly inodesTotal: number | null;
  readonly inodesFree: number | null;
  readonly filesOpen: number | null;
  readonly filesMost: number | null;
  /** Shares of the time in which something waited for it. */
  readonly pressure: { readonly cpu: number | null; readonly memory: number | null; readonly io: number | null };
  /** What the controller's own process may use. */
  readonly own: { readonly memoryLimit: number | null; readonly cpuLimit: number | null };
}

/** What the engine says that it has. */
export interface EngineView {
  readonly cores: number | null;
  readonly memoryTotal: number | null;
  readonly sharesHost: boolean | null;
}

export interface Usage {
  readonly at: string;
  readonly host: HostUsage;
  readonly engine: EngineView;
  readonly stacks: Readonly<Record<string, Readonly<Record<string, ServiceUsage>>>>;
}

export interface UsagePoint extends Figures {
  readonly at: string;
  readonly cpuMost: number | null;
  readonly memoryMost: number | null;
}

export interface UsageSeries {
  /** None: the machine. */
  readonly service: string | null;
  readonly step: number;
  readonly points: readonly UsagePoint[];
}

export interface ServiceResult {
  readonly name: string;
  readonly outcome: string;
  readonly seconds: number | null;
  readonly waitedFor: string | null;
  readonly attempts: number;
  readonly downtimeSeconds: number | null;
}

export interface StackResult {
  readonly stack: string;
  readonly generation: number;
  readonly outcome: string;
  readonly seconds: number;
  readonly services: readonly ServiceResult[];
}

/** What is told of something that could not be done. */
export interface Complaint {
  readonly message: string;
  readonly hint?: string | null;
  readonly findings?: readonly Finding[];
}

/** As the command prints it: of a clean-up what became of each thing. */
export interface IntentResult extends Partial<StackResult>, Partial<Pick<Cleanup, "items" | "bytes" | "dryRun" | "notes">> {
  readonly ok?: boolean;
  /** Why it is not. */
  readonly message?: string | null;
  readonly hint?: string | null;
  readonly error?: Complaint | string | null;
}

export interface Intent {
  readonly id: number | string;
  readonly verb: string;
  readonly services: readonly string[];
  readonly who: string;
  readonly askedAt: string;
  readonly state: "waiting" | "claimed" | "done";
  readonly exitCode: number | null;
  readonly result: IntentResult | null;
}

export interface PlanStep {
  readonly stack: string;
  readonly at: number | null;
  readonly action: string;
  readonly service: string;
  readonly replica: string | null;
  readonly because: string;
}

export interface Held {
  readonly stack: string;
  readonly service: string | null;
  readonly reason: string;
  readonly message?: string;
}

/** Of a step that waits: on what, and how long that usually takes (null: unknown, first start). */
export interface PlannedWait {
  readonly at: number | null;
  readonly service: string;
  readonly waitsFor: string;
  readonly seconds: number | null;
}

/** What is wrong with a file, and where. */
export interface Finding {
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  readonly path: string | null;
  readonly message: string;
  readonly hint: string | null;
}

export interface PlannedUpdate {
  readonly stack: string;
  readonly service: string;
  readonly order: string;
  readonly because: string;
  readonly parallelism: number;
  readonly drainSeconds: number | null;
  readonly handsOver: boolean;
  readonly preStopSeconds: number;
}

export interface Plan {
  readonly changes: number;
  readonly steps: readonly PlanStep[];
  readonly held: readonly Held[];
  readonly updates: readonly PlannedUpdate[];
  readonly waits?: readonly PlannedWait[];
  /** False: it never came to rest when it was rehearsed. */
  readonly settles?: boolean;
  readonly warnings?: readonly Finding[];
  readonly predictedSeconds: number | null;
  readonly predictedDowntime: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly condition: string;
  readonly required: boolean;
  readonly restart: boolean;
}

export interface Graph {
  readonly name: string;
  readonly services: readonly { readonly name: string; readonly usuallySeconds: number | null }[];
  readonly edges: readonly Edge[];
  readonly batches: readonly (readonly string[])[];
  readonly criticalPath: readonly string[];
  readonly criticalSeconds: number | null;
}

export interface Cause {
  readonly service: string;
  readonly rootCause: string;
  readonly chain: readonly { readonly service: string; readonly phase: Phase; readonly reason: string; readonly message: string }[];
  readonly evidence: readonly string[];
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  readonly lastOutput: string;
  readonly change: { readonly revision: number; readonly at: string; readonly who: string; readonly why: string } | null;
  readonly advice: readonly string[];
}

export interface Change {
  readonly service: string;
  readonly path: string;
  readonly old: string | null;
  readonly new: string | null;
}

export interface Revision {
  readonly stack: string;
  readonly revision: number;
  readonly time: string;
  readonly outcome: string;
  readonly outcomeTime: string | null;
  readonly reason: string;
  readonly who: string;
  readonly change: string;
  readonly source: string;
  readonly services: readonly { readonly name: string; readonly revision: string; readonly imageId: string | null; readonly settled: boolean }[];
  readonly changes?: readonly Change[];
}

export interface Info {
  readonly version: string;
  readonly startedAt: string;
  readonly engine: { readonly id: string; readonly name: string; readonly version: string } | null;
}

export interface LogLine {
  readonly replica: string;
  readonly line: string;
}

export interface Snapshot {
  readonly stacks: readonly Stack[];
  readonly events: readonly Event[];
  readonly alerts: readonly Alert[];
  readonly silences: readonly Silence[];
  readonly usage: Usage | null;
}

export type Message =
  | { readonly kind: "snapshot"; readonly data: Snapshot }
  | { readonly kind: "stack"; readonly data: StackHead }
  | { readonly kind: "service"; readonly data: { readonly stack: string; readonly service: Service } }
  | { readonly kind: "removed"; readonly data: { readonly stack: string; readonly service: string | null } }
  | { readonly kind: "event"; readonly data: Event }
  | { readonly kind: "alerts"; readonly data: { readonly stack: string; readonly alerts: readonly Alert[]; readonly silences: readonly Silence[] } }
  | { readonly kind: "intent"; readonly data: { readonly stack: string; readonly intent: Intent } }
  | { readonly kind: "usage"; readonly data: Usage };
