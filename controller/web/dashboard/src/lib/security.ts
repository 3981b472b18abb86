// What a scan and a netcheck come to: severities, places, days, who reaches whom. Pure.

import type { Check, FindingSeverity, Pair, Published, ScanFinding, Security, Waiver } from "../api/security.ts";
import { count } from "./format.ts";
import type { Role } from "./phases.ts";

/** The worst first. */
export const SEVERITIES: readonly FindingSeverity[] = ["critical", "high", "medium", "low", "info"];

const ROLES: Readonly<Record<FindingSeverity, Role>> = { critical: "bad", high: "bad", medium: "warn", low: "busy", info: "dim" };

export function roleOfSeverity(severity: FindingSeverity): Role {
  return ROLES[severity] ?? "dim";
}

export interface FindingFilter {
  readonly severity: string;
  readonly service: string;
  readonly text: string;
}

/** `service` "-": the project's own. */
export function matchesFinding(one: ScanFinding, { severity, service, text }: FindingFilter): boolean {
  const mine = !service || one.service === (service === "-" ? null : service);
  const words = `${one.rule} ${one.title} ${one.message} ${one.service ?? "project"} ${one.file ?? ""} ${one.fix}`.toLowerCase();
  return (!severity || one.severity === severity) && mine && text.toLowerCase().split(/\s+/).every((word) => words.includes(word));
}

export function countBySeverity(findings: readonly ScanFinding[]): Readonly<Record<FindingSeverity, number>> {
  const counts = { critical: 0, high: 0, medium: 0, low: 0, info: 0 };
  for (const one of findings) counts[one.severity] += 1;
  return counts;
}

/** The same in several services: told once, with all its places. Never empty. */
export type Same = readonly [ScanFinding, ...ScanFinding[]];

export function groupSame(findings: readonly ScanFinding[]): readonly Same[] {
  const groups = new Map<string, [ScanFinding, ...ScanFinding[]]>();
  for (const one of findings) {
    const key = JSON.stringify([one.severity, one.rule, one.source, one.message, one.fix, one.waived]);
    const known = groups.get(key);
    if (known) known.push(one);
    else groups.set(key, [one]);
  }
  return [...groups.values()];
}

/** The folder that the files of all these are in, with its slash; "": none. */
export function rootOf(placed: readonly { readonly file: string | null }[]): string {
  const folders = placed.flatMap((one) => (one.file?.startsWith("/") ? [one.file.slice(0, one.file.lastIndexOf("/") + 1)] : []));
  return folders.reduce((root, folder) => {
    while (root && !folder.startsWith(root)) root = root.slice(0, root.lastIndexOf("/", root.length - 2) + 1);
    return root;
  }, folders[0] ?? "");
}

/** `compose.yaml:12`, from that folder on; "": it stands in no file. */
export function spotOf(one: Pick<ScanFinding, "file" | "line">, root: string): string {
  if (!one.file) return "";
  const file = one.file.startsWith(root) ? one.file.slice(root.length) : one.file;
  return one.line === null ? file : `${file}:${one.line}`;
}

export function daysWords({ daysLeft }: Pick<Waiver, "daysLeft">): string {
  if (daysLeft === 0) return "ends today";
  return daysLeft > 0 ? `${count(daysLeft, "day")} left` : `over for ${count(-daysLeft, "day")}`;
}

const SOON = 14;

export function roleOfDays({ daysLeft }: Pick<Waiver, "daysLeft">): Role {
  return daysLeft < 0 ? "bad" : daysLeft < SOON ? "warn" : "dim";
}

export const FROM: Readonly<Record<Published["reachableFrom"], readonly [Role, string, string]>> = {
  machine: ["good", "this machine only", "programs of this machine alone; no container"],
  interface: ["busy", "one network", "whoever reaches that address, and containers of this machine"],
  everyone: ["warn", "everyone", "whoever reaches any address of this machine, and its containers"],
};

// --- who reaches whom

export interface Sign {
  readonly sign: string;
  readonly role: Role;
  readonly meaning: string;
}

const REACHED: Sign = { sign: "✓", role: "good", meaning: "reachable, declared" };
const CLOSED: Sign = { sign: "·", role: "dim", meaning: "not reachable, nor needed" };
const UNDECLARED: Sign = { sign: "!", role: "bad", meaning: "reachable, not declared" };
const BY_DESIGN: Sign = { sign: "!", role: "warn", meaning: "reachable, not declared: no policy keeps them apart" };
const BLOCKED: Sign = { sign: "✗", role: "bad", meaning: "declared, not reachable" };
const UNKNOWN: Sign = { sign: "?", role: "warn", meaning: "not known" };
export const SIGNS: readonly Sign[] = [REACHED, CLOSED, UNDECLARED, BY_DESIGN, BLOCKED, UNKNOWN];

export function signOf(pair: Pair): Sign {
  if (pair.verdict === "blocked") return BLOCKED;
  if (pair.verdict === "undeclared") return pair.counts ? UNDECLARED : BY_DESIGN;
  if (pair.verdict === "unknown") return UNKNOWN;
  return pair.reachable ? REACHED : CLOSED;
}

const RANKS: readonly Sign[] = [BLOCKED, UNDECLARED, UNKNOWN, BY_DESIGN, REACHED, CLOSED];

export interface Matrix {
  readonly sources: readonly string[];
  readonly targets: readonly string[];
  /** Of one's ways to the ports of another the worst; undefined: that was not tried. */
  readonly at: (source: string, target: string) => Pair | undefined;
}

export function matrixOf({ pairs }: Pick<Check, "pairs">): Matrix {
  const worst = new Map<string, Pair>();
  for (const pair of pairs) {
    const key = `${pair.from}\n${pair.to}`;
    const known = worst.get(key);
    if (!known || RANKS.indexOf(signOf(pair)) < RANKS.indexOf(signOf(known))) worst.set(key, pair);
  }
  const names = (pick: (pair: Pair) => string) => [...new Set(pairs.map(pick))].sort();
  return { sources: names((pair) => pair.from), targets: names((pair) => pair.to), at: (source, target) => worst.get(`${source}\n${target}`) };
}

/** What is wrong, or may be; the ports of one way together. */
export function wrongWays({ pairs }: Pick<Check, "pairs">): readonly { readonly pair: Pair; readonly ports: readonly number[] }[] {
  const ways = new Map<string, { pair: Pair; ports: number[] }>();
  for (const pair of pairs.filter((one) => one.counts)) {
    const key = `${pair.from}\n${pair.to}\n${pair.verdict}`;
    const way = ways.get(key) ?? { pair, ports: [] };
    if (pair.port !== null) way.ports.push(pair.port);
    ways.set(key, way);
  }
  return [...ways.values()].sort((a, b) => RANKS.indexOf(signOf(a.pair)) - RANKS.indexOf(signOf(b.pair)));
}

export function checkWords(check: Check): string {
  const ways = new Set(check.pairs.map((pair) => `${pair.from}\n${pair.to}`)).size;
  const wrong = wrongWays(check);
  const unknown = wrong.filter(({ pair }) => pair.verdict === "unknown").length;
  const parts = [`${count(ways, "pair")} checked`, wrong.length - unknown ? count(wrong.length - unknown, "difference") : "no difference"];
  return [...parts, ...(unknown ? [`${unknown} could not be checked`] : [])].join(", ");
}

/** What the page says first. */
export function headlineOf(found: Security): readonly [Role, string] {
  const counts = countBySeverity(found.findings.filter((one) => !one.waived));
  const said = SEVERITIES.filter((one) => counts[one]).map((one) => `${counts[one]} ${one}`);
  const worst = SEVERITIES.find((one) => counts[one]);
  if (!worst) return ["good", "Nothing was found"];
  return [roleOfSeverity(worst), said.join(", ")];
}
