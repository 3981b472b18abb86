// What `GET /v1/stacks/{stack}/certificates` and `…/secrets` answer (docs/api.md).

export interface Certificate {
  readonly service: string;
  readonly serial: string | null;
  readonly authority: string | null;
  readonly names: readonly string[];
  readonly startsAt: string | null;
  readonly endsAt: string | null;
  readonly renewAt: string | null;
  readonly seen: "served" | "taken up" | "pending" | "other";
  readonly faults: readonly string[];
  /** Why the last try to renew it, or to have it taken up, came to nothing. */
  readonly message: string | null;
}

export type Phase = "none" | "add" | "switch" | "outlive" | "drop";

export interface Certificates {
  readonly stack: string;
  readonly enabled: boolean;
  readonly authorities: readonly { readonly id: string; readonly role: "issuer" | "coming" | "going"; readonly endsAt: string }[];
  /** Of the change of the authority. */
  readonly rotation: Phase;
  /** Why none can be issued. */
  readonly message: string | null;
  readonly certificates: readonly Certificate[];
}

export interface Secret {
  readonly name: string;
  /** 0: it has no value yet. */
  readonly version: number;
  readonly setAt: string | null;
  readonly setBy: string | null;
  readonly keyId: string | null;
  readonly users: readonly string[];
  readonly managed: boolean;
}

export interface Secrets {
  readonly name: string;
  readonly keyId: string | null;
  /** Why values cannot be opened. */
  readonly locked: string | null;
  readonly secrets: readonly Secret[];
}
