// How an act ended, in words: the exit codes of docs/cli.md, and what the command said.

import { count, span, type Intent, type StackResult } from "../shared.ts";
import { readResults } from "./answers.ts";
import { spokenFindings } from "./problems.ts";

export interface Ended {
  /** null: it was ended by a signal, or never began. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it did not end by itself. */
  readonly broken: "cancelled" | "timeout" | "too much" | null;
}

export interface Ending {
  readonly ok: boolean;
  readonly text: string;
}

const CODES: Readonly<Record<number, string>> = {
  0: "done", 1: "not done as it was asked for, or not converged", 2: "the command does not know what it was asked: is it of another version than this extension?", 130: "interrupted; what was done stays done",
};

export function codeWords(code: number | null): string {
  if (code === null) return "it was ended from outside";
  return `${CODES[code] ?? "ended unexpectedly"} (exit code ${code})`;
}

/** `what`: such as `Apply shop`. */
export function endingOf(ended: Ended, what: string): Ending {
  if (ended.broken === "timeout") return { ok: false, text: `${what}: gave up waiting for the command. What was done stays done.` };
  if (ended.broken === "cancelled" || ended.code === 130) return { ok: false, text: `${what}: interrupted. What was done stays done, and the next apply goes on.` };
  const results = resultsIn(ended.stdout);
  if (ended.code === 0) return { ok: true, text: `${what}: ${results.length ? resultWords(results) : "done"}.` };
  return { ok: false, text: `${what}: ${[complaintIn(ended.stderr), results.length ? resultWords(results) : "", codeWords(ended.code)].filter(Boolean).join("; ")}.` };
}

/** What the command complains of, with its place and its mend; "": of nothing. */
export function complaintIn(stderr: string): string {
  const error = spokenFindings(stderr).filter((one) => one.kind === "error").at(-1);
  if (!error) return "";
  const place = error.file === null ? "" : `${[error.file, error.line, error.column].filter((part) => part !== null).join(":")}: `;
  return `${place}${error.message}${error.hint ? ` (${error.hint})` : ""}`;
}

function resultsIn(stdout: string): readonly StackResult[] {
  try {
    return readResults(JSON.parse(stdout));
  } catch {
    return [];
  }
}

function resultWords(results: readonly StackResult[]): string {
  return results.map((result) => {
    const name = results.length > 1 ? `${result.stack} ` : "";
    const bad = (result.services ?? []).filter((service) => !["Ready", "Completed", "Stopped", "unchanged"].includes(service.outcome));
    const left = bad.length && result.outcome !== "converged" ? `: ${bad.map((service) => `${service.name} ${service.outcome}`).join(", ")}` : "";
    return `${name}${result.outcome} in ${span(result.seconds)}, ${count(result.services?.length ?? 0, "service")}${left}`;
  }).join("; ");
}

/** How what was asked of the API ended. */
export function endingOfIntent(intent: Intent, what: string): Ending {
  const { result } = intent;
  const error = typeof result?.error === "string" ? { message: result.error, hint: null } : result?.error;
  const complaint = error ?? (result?.ok === false && result.message ? { message: result.message, hint: result.hint ?? null } : null);
  if (complaint) return { ok: false, text: `${what}: ${complaint.message}${complaint.hint ? ` (${complaint.hint})` : ""}.` };
  const ok = intent.exitCode === 0 || intent.exitCode === null;
  const words = result?.outcome === undefined ? "" : `${result.outcome}${result.seconds === undefined ? "" : ` in ${span(result.seconds)}`}`;
  return { ok, text: `${what}: ${[words, ok ? (words ? "" : "done") : codeWords(intent.exitCode)].filter(Boolean).join("; ")}.` };
}
