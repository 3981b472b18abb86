// What `GET /v1/audit` answers (docs/api.md).

export interface AuditRecord {
  /** In whose log it is: a stack's, or the controller's. */
  readonly log: string;
  readonly seq: number;
  readonly ts: string;
  /** Of an intent and its outcome the same; "": it stands alone. */
  readonly id: string;
  readonly stage: "intent" | "outcome" | "log";
  readonly actor: string;
  readonly via: string;
  readonly from: string;
  readonly verb: string;
  readonly object: { readonly kind: string; readonly name: string };
  readonly stack: string;
  readonly decision: { readonly allowed: boolean; readonly why: string };
  /** "": it is not known yet. */
  readonly outcome: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface AuditPage {
  readonly records: readonly AuditRecord[];
  readonly next: string | null;
}
