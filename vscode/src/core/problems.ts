// What is wrong with files, as the editor underlines it.

import type { Finding, FindingSeverity, ScanFinding } from "../shared.ts";

export type ProblemLevel = "error" | "warning" | "information" | "hint";

export interface Problem {
  /** As the command says it: relative to where it ran, or absolute. */
  readonly file: string;
  /** From 1; null: the file as a whole. */
  readonly line: number | null;
  readonly column: number | null;
  readonly level: ProblemLevel;
  readonly message: string;
  readonly code: string;
  readonly source: "controller validate" | "controller scan";
}

/** From 0, as editors count; the end is outside. */
export interface Span {
  readonly line: number;
  readonly from: number;
  readonly to: number;
}

const LEVELS: Readonly<Record<FindingSeverity, ProblemLevel>> = { critical: "error", high: "warning", medium: "information", low: "hint", info: "hint" };
const SEVERITIES: readonly FindingSeverity[] = ["info", "low", "medium", "high", "critical"];

export function problemsOfErrors(errors: readonly Finding[], level: ProblemLevel = "error"): readonly Problem[] {
  return errors.filter((error): error is Finding & { file: string } => error.file !== null).map((error) => ({
    file: error.file, line: error.line, column: error.column, level, code: error.path ?? "", source: "controller validate",
    message: [error.path ? `${error.path}: ${error.message}` : error.message, error.hint].filter(Boolean).join("\n"),
  }));
}

/** What is waived, or below what a person wants to see, is left out. */
export function problemsOfFindings(findings: readonly ScanFinding[], least: string): readonly Problem[] {
  const lowest = SEVERITIES.indexOf(least as FindingSeverity);
  return findings
    .filter((one): one is ScanFinding & { file: string } => one.file !== null && one.waived === null && SEVERITIES.indexOf(one.severity) >= lowest)
    .map((one) => ({
      file: one.file, line: one.line, column: "column" in one && typeof one.column === "number" ? one.column : null, level: LEVELS[one.severity], code: one.rule, source: "controller scan",
      message: [`${one.service ? `${one.service}: ` : ""}${one.title} (${one.severity}): ${one.message}`, one.why, one.fix ? `Mend: ${one.fix}` : ""].filter(Boolean).join("\n"),
    }));
}

const LINE = /^(error|warning): (?:(.+?):(\d+):(?:(\d+):)? )?(.*)$/;

/** The lines that the command says on standard error: `warning: file:line:column: path: message`, and its `hint:`. */
export function spokenFindings(stderr: string): readonly (Finding & { readonly kind: "error" | "warning" })[] {
  const found: (Finding & { kind: "error" | "warning" })[] = [];
  for (const line of stderr.split(/\r?\n/)) {
    const hint = /^hint: (.*)$/.exec(line);
    const last = found.at(-1);
    if (hint && last) found[found.length - 1] = { ...last, hint: hint[1] ?? null };
    const said = LINE.exec(line);
    if (!said) continue;
    found.push({ kind: said[1] as "error" | "warning", file: said[2] ?? null, line: numberIn(said[3]), column: numberIn(said[4]), path: null, message: said[5] ?? "", hint: null });
  }
  return found;
}

function numberIn(text: string | undefined): number | null {
  return text === undefined ? null : Number(text);
}

/** From the place to the end of what stands there: a key, or a value to the end of its line, without its comment. */
export function spanIn(lines: readonly string[], line: number | null, column: number | null): Span {
  const at = Math.min(Math.max(0, (line ?? 1) - 1), Math.max(0, lines.length - 1));
  const text = lines[at] ?? "";
  const indent = text.length - text.trimStart().length;
  const from = Math.min(column === null ? indent : Math.max(column - 1, 0), text.length);
  const rest = text.slice(from);
  const key = /^("[^"]*"|'[^']*'|[^\s:#][^:#]*?)(?=\s*:(\s|$))/.exec(rest);
  const length = key ? key[0].length : rest.replace(/\s+#.*$/, "").trimEnd().length;
  return { line: at, from, to: Math.min(text.length, from + Math.max(1, length)) };
}
