// What is known of a stack's protection: the shapes of docs/api.md.

export type FindingSeverity = "info" | "low" | "medium" | "high" | "critical";

export interface ScanFinding {
  readonly rule: string;
  readonly severity: FindingSeverity;
  /** null: the project's. */
  readonly service: string | null;
  readonly path: string | null;
  readonly file: string | null;
  readonly line: number | null;
  readonly title: string;
  readonly message: string;
  readonly why: string;
  readonly fix: string;
  readonly references: readonly string[];
  readonly source: "compose" | "running";
  readonly waived: { readonly reason: string; readonly expires: string } | null;
}

export interface Waiver {
  readonly rule: string;
  readonly service: string;
  readonly reason: string;
  readonly expires: string;
  /** 0 on its last day, below that when it is over. */
  readonly daysLeft: number;
  readonly findings: number;
  readonly file: string | null;
  readonly line: number | null;
}

export interface Published {
  readonly service: string;
  readonly address: string;
  readonly target: number;
  readonly protocol: string;
  readonly reachableFrom: "machine" | "interface" | "everyone";
}

export interface Pair {
  readonly from: string;
  readonly to: string;
  /** null: nobody listens there. */
  readonly port: number | null;
  readonly declared: boolean;
  readonly needed: boolean;
  /** null: it could not be tried. */
  readonly reachable: boolean | null;
  readonly verdict: "ok" | "undeclared" | "blocked" | "unknown";
  /** It is a difference, or may be one. */
  readonly counts: boolean;
  readonly cause: string | null;
  readonly mend: string | null;
}

export interface Check {
  readonly policy: "off" | "dependencies";
  readonly at: string;
  readonly pairs: readonly Pair[];
  readonly differences: number;
  readonly unchecked: number;
  readonly notRunning: readonly string[];
  readonly notes: readonly string[];
}

export interface Security {
  readonly name: string;
  /** The manifest asks for scans. */
  readonly asked: boolean;
  readonly scannedAt: string | null;
  /** When what runs was looked at; null: never. */
  readonly lookedAt: string | null;
  readonly trouble: string | null;
  readonly findings: readonly ScanFinding[];
  readonly engineFindings: readonly ScanFinding[];
  readonly gate: { readonly failOn: FindingSeverity | null; readonly barred: readonly { readonly service: string; readonly why: string }[] };
  readonly waivers: readonly Waiver[];
  readonly network: { readonly policy: "off" | "dependencies"; readonly published: readonly Published[]; readonly check: Check | null };
}
