// What `GET /v1/tokens` and `GET /v1/access` answer (docs/api.md).

import type { Right } from "../lib/rights.ts";

export interface Token {
  readonly id: string;
  readonly user: string;
  /** null: those that the manifest gives its user. */
  readonly roles: readonly string[] | null;
  /** Empty: all. */
  readonly stacks: readonly string[];
  readonly issuedAt: string;
  readonly expiresAt: string;
  readonly revokedAt: string | null;
  readonly state: "valid" | "expired" | "revoked";
}

export interface Access {
  readonly roles: readonly { readonly name: string; readonly rules: readonly Right[] }[];
  readonly users: readonly { readonly name: string; readonly roles: readonly string[] }[];
  readonly tokenLifetime: number;
}
