// Asks the API for what a person wants; the intent that it records is followed to its end.

import { signal } from "@preact/signals";

import { ApiError, path, request } from "../api/client.ts";
import type { Cleanup } from "../api/resources.ts";
import type { Complaint, Intent, IntentResult } from "../api/types.ts";
import { store } from "../app.ts";
import { intentKey } from "../store/store.ts";
import { confirmationOf, LABELS, type Asked, type Confirmation, type Verb } from "./actions.ts";
import { span } from "./format.ts";
import { endWords } from "./rubbish.ts";

/** What waits for a person's yes. */
export const asking = signal<{ readonly confirmation: Confirmation; readonly yes: () => void } | null>(null);

/** What was asked for from this page, newest last. */
export const notes = signal<readonly Note[]>([]);

export interface Note {
  readonly id: number;
  readonly title: string;
  readonly stack: string;
  /** Its intent, once there is one. */
  readonly intent: string | null;
  readonly error: Complaint | null;
  readonly done: boolean;
}

let lastNote = 0;

export function ask(asked: Asked, names: readonly string[] = []): void {
  const confirmation = confirmationOf(asked, names);
  if (confirmation === null) void act(asked);
  else asking.value = { confirmation, yes: () => void act(asked) };
}

async function act(asked: Asked): Promise<void> {
  const what = asked.services.length ? asked.services.map((name) => `${asked.stack}/${name}`).join(", ") : asked.stack;
  const id = addNote(`${LABELS[asked.verb]} ${what}`, asked.stack);
  try {
    const body = { verb: asked.verb, services: asked.services, ...asked.options };
    const intent = await request<Intent>("POST", path("stacks", asked.stack, "intents"), body);
    const key = intentKey(asked.stack, intent);
    if (!store.intents.peek().has(key)) store.putIntent(asked.stack, intent);
    changeNote(id, { intent: key });
  } catch (error) {
    changeNote(id, { error: complaintOf(error), done: true });
  }
}

export function addNote(title: string, stack: string): number {
  lastNote += 1;
  notes.value = [...notes.peek().slice(-5), { id: lastNote, title, stack, intent: null, error: null, done: false }];
  return lastNote;
}

export function changeNote(id: number, changes: Partial<Note>): void {
  notes.value = notes.peek().map((note) => (note.id === id ? { ...note, ...changes } : note));
}

export function dropNote(id: number): void {
  notes.value = notes.peek().filter((note) => note.id !== id);
}

/** Does something that is no intent, and tells only if that fails. */
export async function attempt(title: string, stack: string, what: () => Promise<unknown>): Promise<boolean> {
  try {
    await what();
    return true;
  } catch (error) {
    changeNote(addNote(title, stack), { error: complaintOf(error), done: true });
    return false;
  }
}

export function complaintOf(error: unknown): Complaint {
  if (error instanceof ApiError) return { message: error.message, hint: error.hint, findings: error.findings };
  return { message: error instanceof Error ? error.message : String(error) };
}

/** Whether that was asked for, by anybody, and has not ended. */
export function isUnderWay(stack: string, verb: Verb, service?: string): boolean {
  return intentsOf(stack, verb).some((intent) => intent.state !== "done" && (service === undefined || intent.services.includes(service)));
}

/** The last of its kind that has ended since this page is open. */
export function lastOf(stack: string, verb: Verb): Intent | null {
  return intentsOf(stack, verb).filter((intent) => intent.state === "done").sort((a, b) => Number(a.id) - Number(b.id)).at(-1) ?? null;
}

function intentsOf(stack: string, verb: Verb): readonly Intent[] {
  return [...store.intents.value.values()].filter((one) => one.stack === stack && one.intent.verb === verb).map((one) => one.intent);
}

export interface Ending {
  readonly ok: boolean;
  readonly text: string;
  readonly hint: string;
}

/** How an intent ended, in words. */
export function endingOf(intent: Intent): Ending | null {
  if (intent.state !== "done") return null;
  const ok = intent.exitCode === 0 || (intent.exitCode === null && !errorIn(intent.result));
  const error = errorIn(intent.result);
  if (error) return { ok: false, text: error.message, hint: error.hint ?? "" };
  if (intent.verb === "cleanup" && intent.result?.items) return { ok, text: endWords(intent.result as Cleanup), hint: "" };
  const outcome = intent.result?.outcome;
  if (outcome === undefined) return { ok, text: ok ? "done" : `ended with exit code ${intent.exitCode}`, hint: "" };
  if (intent.verb.startsWith("resources-") && intent.result?.message) return { ok, text: intent.result.message, hint: "" };
  const seconds = intent.result?.seconds;
  return { ok, text: `${outcome}${seconds === undefined ? "" : ` in ${span(seconds)}`}`, hint: "" };
}

function errorIn(result: IntentResult | null): Complaint | null {
  const error = result?.error;
  if (!error) return result?.message && result.ok === false ? { message: result.message, hint: result.hint ?? null } : null;
  return typeof error === "string" ? { message: error } : error;
}
