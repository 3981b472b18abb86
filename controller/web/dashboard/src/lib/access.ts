// Rules and tokens in words. Pure.

import type { Token } from "../api/access.ts";
import { joined } from "./format.ts";
import type { Role } from "./phases.ts";
import type { Right } from "./rights.ts";

const isAll = (words: readonly string[]) => words.includes("*");

/** `get`, `stacks, limits`, `in shop`. */
export function wordsOf({ verbs, resources, stacks }: Right): { readonly verbs: string; readonly resources: string; readonly where: string } {
  return {
    verbs: isAll(verbs) ? "everything" : joined(verbs), resources: isAll(resources) ? (isAll(verbs) ? "" : "everything") : joined(resources),
    where: isAll(stacks) ? "in all stacks" : stacks.length ? `in ${joined(stacks)} alone` : "in no stack",
  };
}

/** The same rule of several roles is told once. */
export function distinct(rights: readonly Right[]): readonly Right[] {
  return [...new Map(rights.map((one) => [JSON.stringify(one), one])).values()];
}

const STATES: Readonly<Record<Token["state"], Role>> = { valid: "good", expired: "dim", revoked: "dim" };

/** In the last tenth of its life it warns. */
export function roleOfToken({ state, issuedAt, expiresAt }: Token, now: number): Role {
  const ends = Date.parse(expiresAt);
  const soon = ends - now < 0.1 * (ends - Date.parse(issuedAt));
  return state === "valid" && soon ? "warn" : STATES[state] ?? "dim";
}

/** Those that open something first, then the newest. */
export function sortTokens(tokens: readonly Token[]): readonly Token[] {
  return [...tokens].sort((a, b) => Number(b.state === "valid") - Number(a.state === "valid") || (a.issuedAt < b.issuedAt ? 1 : -1));
}
