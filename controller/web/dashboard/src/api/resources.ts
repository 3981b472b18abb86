// What a stack has of the machine: the shapes of docs/api.md. Bytes and cores; null is "not known", or "there is none".

export interface Amount {
  readonly memory: number;
  readonly cpu: number;
}

export interface Machine {
  readonly at: string;
  /** Who says so: the kernel that containers share with the controller, or an engine that runs elsewhere. */
  readonly source: "host" | "engine";
  readonly cores: number | null;
  readonly memoryTotal: number | null;
  readonly memoryAvailable: number | null;
  readonly diskTotal: number | null;
  readonly diskFree: number | null;
  readonly inodesFree: number | null;
}

export interface ServiceRoom {
  readonly name: string;
  readonly priority: number;
  /** What one replica is counted with. */
  readonly asked: Amount;
  /** Bytes that one was measured to use. */
  readonly learned: number | null;
  /** Replicas that run, or were let start and are wanted still. */
  readonly places: number;
  readonly wanted: number;
  readonly counted: Amount;
  readonly used: number | null;
  /** Why more of it has no room. */
  readonly waits: string | null;
}

/** `room` is for all of the stack's replicas together: what is kept for the host is off already. */
export interface Room {
  readonly stack: string;
  readonly admission: "enforce" | "warn" | "off";
  readonly reserve: { readonly memory: number; readonly cpu: number; readonly disk: number };
  readonly room: { readonly memory: number | null; readonly cpu: number | null; readonly disk: number | null };
  readonly counted: Amount;
  readonly machine: Machine | null;
  readonly services: readonly ServiceRoom[];
}

export interface Recommendation {
  readonly limit: number;
  /** One change towards it. */
  readonly next: number;
  readonly why: string;
  readonly possible: boolean;
  /** Why it is not set by itself. */
  readonly waits: string | null;
}

/** Of one replica; of use that of the one that uses most, in the last `seconds`. */
export interface LimitStatus {
  readonly reserved: number | null;
  readonly limit: number | null;
  /** What the Compose file says. */
  readonly original: number | null;
  readonly adjusted: boolean;
  readonly min: number | null;
  readonly max: number | null;
  readonly used: number | null;
  readonly p95: number | null;
  readonly peak: number | null;
  readonly seconds: number | null;
  readonly recommended: Recommendation | null;
}

export interface ServiceLimits {
  readonly name: string;
  readonly changedAt: string | null;
  readonly why: string | null;
  /** A person undid a change: left as the Compose file has it. */
  readonly held: boolean;
  readonly memory: LimitStatus;
  readonly cpu: LimitStatus;
}

export interface StackLimits {
  readonly name: string;
  readonly mode: "recommend" | "apply" | "off";
  readonly services: readonly ServiceLimits[];
}

export interface RubbishItem {
  readonly kind: "container" | "image" | "network" | "cache" | "log";
  readonly id: string;
  readonly name: string;
  readonly bytes: number | null;
  /** Others may share some of it. */
  readonly atMost: boolean;
  readonly why: string;
  readonly unusedSince: string | null;
  /** `told`: it is not for us to remove. */
  readonly outcome: "unused" | "removed" | "left" | "failed" | "told";
  readonly message: string | null;
  readonly hint: string | null;
}

/** null: not by itself, or not yet. */
export interface Schedule {
  readonly everySeconds: number | null;
  readonly lastAt: string | null;
  readonly nextAt: string | null;
}

export interface Cleanup {
  readonly stack: string;
  readonly dryRun: boolean;
  readonly ok: boolean;
  readonly bytes: number;
  readonly seconds: number;
  readonly olderThanSeconds: number;
  readonly items: readonly RubbishItem[];
  /** Unused too, but not for so long. */
  readonly younger: { readonly items: number; readonly bytes: number };
  readonly message: string | null;
  readonly notes: readonly string[];
  /** Of what could go only. */
  readonly schedule?: Schedule;
}
