// What the command and the API answer, read with care: what is not of the documented shape is refused in one sentence,
// and what is missing is never guessed.

import type { Cause, Condition, Event, Finding, Plan, Replica, ScanFinding, Service, Stack, StackResult } from "../shared.ts";

/** An answer that is not of the shape that docs/cli.md and docs/api.md promise. */
export class Unreadable extends Error {
  constructor(what: string, where: string) {
    super(`the answer of ${what} is not of the documented shape (${where}): is the command of another version than this extension?`);
  }
}

export interface Why {
  readonly causes: readonly Cause[];
  readonly stacks: readonly { readonly stack: string; readonly reason: string; readonly message: string }[];
}

/** A stack or a service, with what happened to it. */
export type Described = (Stack | Service) & { readonly events: readonly Event[] };

export interface Scanned {
  readonly findings: readonly ScanFinding[];
  readonly errors: readonly Finding[];
}

export function isStack(one: Described): one is Stack & { readonly events: readonly Event[] } {
  return "services" in one;
}

/** JSON text as a value. */
export function jsonOf(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Unreadable(what, text.trim() ? "no JSON" : "nothing was said");
  }
}

export function readStatus(value: unknown): readonly Stack[] {
  const at = new Place("status");
  return at.list(value, "stacks").map((stack) => readStack(stack, at));
}

export function readStack(value: unknown, at = new Place("status")): Stack {
  const services = at.list(value, "services").map((service) => readService(service, at));
  return { ...at.object(value), name: at.text(value, "name"), phase: at.text(value, "phase"), conditions: readConditions(value, at), services } as unknown as Stack;
}

export function readService(value: unknown, at = new Place("status")): Service {
  at.text(value, "name");
  at.text(value, "phase");
  at.number(value, "desired");
  at.number(value, "ready");
  for (const replica of at.list(value, "replicas")) at.text(replica, "name");
  return { ...(value as Service), conditions: readConditions(value, at), replicas: at.list(value, "replicas") as readonly Replica[] };
}

function readConditions(value: unknown, at: Place): readonly Condition[] {
  for (const condition of at.list(value, "conditions")) at.text(condition, "type");
  return at.list(value, "conditions") as readonly Condition[];
}

export function readPlan(value: unknown): Plan {
  const at = new Place("plan");
  at.number(value, "changes");
  for (const step of at.list(value, "steps")) for (const key of ["stack", "service", "action", "because"]) at.text(step, key);
  for (const held of at.list(value, "held")) for (const key of ["stack", "reason"]) at.text(held, key);
  at.object(at.object(value)["predictedDowntime"]);
  return value as Plan;
}

export function readWhy(value: unknown): Why {
  const at = new Place("why");
  for (const cause of at.list(value, "causes")) {
    at.text(cause, "service");
    at.text(cause, "lastOutput");
    for (const link of at.list(cause, "chain")) for (const key of ["service", "phase", "message"]) at.text(link, key);
    for (const key of ["advice", "evidence"]) at.texts(cause, key);
  }
  for (const stack of at.list(value, "stacks")) for (const key of ["stack", "reason", "message"]) at.text(stack, key);
  return value as Why;
}

export function readDescribed(value: unknown): Described {
  const at = new Place("describe");
  const events = at.list(value, "events") as readonly Event[];
  const one = "services" in at.object(value) ? readStack(value, at) : readService(value, at);
  return { ...one, events };
}

export function readErrors(value: unknown): readonly Finding[] {
  const at = new Place("validate");
  for (const error of at.list(value, "errors")) at.text(error, "message");
  return at.list(value, "errors") as readonly Finding[];
}

export function readScan(value: unknown): Scanned {
  const at = new Place("scan");
  for (const finding of at.list(value, "findings")) {
    at.text(finding, "rule");
    at.text(finding, "severity");
    at.text(finding, "message");
  }
  return { findings: at.list(value, "findings") as readonly ScanFinding[], errors: at.list(value, "errors") as readonly Finding[] };
}

/** Of one stack, or of several. */
export function readResults(value: unknown): readonly StackResult[] {
  const at = new Place("an act");
  const all = "stacks" in at.object(value) ? at.list(value, "stacks") : [value];
  for (const one of all) at.text(one, "outcome");
  return all as readonly StackResult[];
}

class Place {
  constructor(private readonly what: string) {}

  object(value: unknown): Readonly<Record<string, unknown>> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Unreadable(this.what, "no object");
    return value as Readonly<Record<string, unknown>>;
  }

  list(value: unknown, key: string): readonly unknown[] {
    const found = this.object(value)[key];
    if (!Array.isArray(found)) throw new Unreadable(this.what, `no list "${key}"`);
    return found;
  }

  text(value: unknown, key: string): string {
    const found = this.object(value)[key];
    if (typeof found !== "string") throw new Unreadable(this.what, `no text "${key}"`);
    return found;
  }

  texts(value: unknown, key: string): void {
    if (!this.list(value, key).every((one) => typeof one === "string")) throw new Unreadable(this.what, `other things than texts in "${key}"`);
  }

  number(value: unknown, key: string): number {
    const found = this.object(value)[key];
    if (typeof found !== "number") throw new Unreadable(this.what, `no number "${key}"`);
    return found;
  }
}

/** JSON documents that come one after the other, as `status --watch -o json` prints them, in any pieces. */
export class Documents {
  private rest = "";
  private lines: string[] = [];

  *take(text: string): Generator<string> {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!this.lines.length && !line.trim()) continue;
      this.lines.push(line);
      // What is printed is indented: a closing brace at the margin ends it.
      if (line.trimEnd() !== "}" && !(this.lines.length === 1 && /^\{.*\}\s*$/.test(line))) continue;
      yield this.lines.join("\n");
      this.lines = [];
    }
  }
}
