// The audit log for people: an intent and what came of it are one act; what it was about; how it ended. Pure.

import type { AuditRecord } from "../api/audit.ts";
import type { Role } from "./phases.ts";

export interface Act {
  readonly key: string;
  /** What is known last of it. */
  readonly last: AuditRecord;
  readonly intent: AuditRecord | null;
  readonly outcome: AuditRecord | null;
  /** Where it was asked for at the API's door, and done by a stack: what the door says of it, the newest first. */
  readonly door: readonly AuditRecord[];
}

/** Of all records of one act the same: what was asked for through the API names the door's `id`. */
export function actOf(record: AuditRecord): string {
  return requestOf(record) || record.id || keyOf(record);
}

function requestOf({ detail }: AuditRecord): string {
  return typeof detail["request"] === "string" ? detail["request"] : "";
}

export function keyOf(record: AuditRecord): string {
  return `${record.log}/${record.seq}`;
}

/** Newest first, with no record twice. */
export function merge(known: readonly AuditRecord[], more: readonly AuditRecord[]): readonly AuditRecord[] {
  const all = new Map([...known, ...more].map((one) => [keyOf(one), one]));
  return [...all.values()].sort((a, b) => (a.ts !== b.ts ? (a.ts < b.ts ? 1 : -1) : a.log !== b.log ? (a.log < b.log ? 1 : -1) : b.seq - a.seq));
}

/** Whether something may be missing between what is known and a newer page: they have nothing in common. */
export function hasGap(known: readonly AuditRecord[], newer: readonly AuditRecord[]): boolean {
  const keys = new Set(known.map(keyOf));
  return known.length > 0 && newer.length > 0 && !newer.some((one) => keys.has(keyOf(one)));
}

/** In the order of the newest record of each. */
export function actsOf(records: readonly AuditRecord[]): readonly Act[] {
  const acts = new Map<string, AuditRecord[]>();
  for (const one of records) {
    const key = actOf(one);
    acts.set(key, [...(acts.get(key) ?? []), one]);
  }
  return [...acts].map(([key, all]) => act(key, all));
}

/** Of one that a stack's log tells of, that tells what came of it; the door knows only that it was asked. */
function act(key: string, all: readonly AuditRecord[]): Act {
  const asked = all.filter(requestOf);
  const told = asked.length ? asked : all;
  const of = (isIntent: boolean) => told.find((one) => (one.stage === "intent") === isIntent) ?? null;
  return { key, last: told[0]!, intent: of(true), outcome: of(false), door: asked.length ? all.filter((one) => !requestOf(one)) : [] };
}

/** As `outcome=failed` of the API has it. */
const FAILED = new Set(["failed", "rolledBack", "timeout", "held", "invalid", "locked", "interrupted", "rejected", "transient"]);
/** Nothing was done, and that is no failure. */
const VAIN = new Set(["conflict", "skipped"]);

export function endOf({ last, outcome }: Act): readonly [role: Role, word: string] {
  if (!last.decision.allowed) return ["bad", last.outcome || "denied"];
  if (last.stage === "log") return ["warn", "of the log"];
  if (!outcome) return ["busy", "no outcome yet"];
  const word = outcome.outcome || "done";
  return [FAILED.has(word) ? "bad" : VAIN.has(word) ? "dim" : "good", word === "rolledBack" ? "rolled back" : word];
}

/** What it was about: `shop/web 2`, `token 3f9c…`, `/v1/stacks`. */
export function objectOf({ object: { kind, name }, stack, detail }: AuditRecord): string {
  if (kind === "stack" || kind === "path") return name;
  const number = kind === "service" && detail["number"] !== undefined ? ` ${String(detail["number"])}` : "";
  const named = kind === "service" || kind === name ? `${name}${number}` : `${kind} ${name}`.trim();
  return stack ? `${stack}/${named}` : named || "–";
}

/** The stack that it is about, whichever log it is in. */
export function stackOf({ object, stack }: AuditRecord): string {
  return stack || (object.kind === "stack" ? object.name : "");
}

/** Why it was refused, what was said when it ended, or why it was done. */
export function reasonOf({ decision, detail }: AuditRecord): string {
  const told = decision.why || detail["message"] || detail["error"] || detail["because"] || detail["cause"] || "";
  return String(told);
}

const TOLD_ELSEWHERE = new Set(["number", "message", "error", "because", "cause", "request"]);

/** What else is written down of it: names with their values in words. */
export function moreOf({ detail }: AuditRecord): readonly (readonly [name: string, value: string])[] {
  return Object.entries(detail).filter(([name, value]) => !TOLD_ELSEWHERE.has(name) && value !== null && value !== "").map(([name, value]) => [name, wordsOf(value)]);
}

function wordsOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(wordsOf).join(", ") || "none";
  if (typeof value === "object" && value !== null) return Object.entries(value).map(([name, one]) => `${name} ${wordsOf(one)}`).join(", ") || "none";
  return String(value);
}

/** Through what it was asked for. */
export const VIA: Readonly<Record<string, string>> = { cli: "the command line", api: "the API", loop: "the loop" };

/** `?who=…` of the API. */
export function queryOf(filter: Readonly<Record<string, string>>): string {
  return new URLSearchParams(Object.entries(filter).filter(([, value]) => value)).toString();
}
