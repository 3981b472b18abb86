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

/** `whole`: the file that stands for the project, for what is wrong with no file of it. */
export function problemsOfErrors(errors: readonly Finding[], whole: string, level: ProblemLevel = "error"): readonly Problem[] {
  return errors.map((error) => ({
    file: error.file ?? whole, line: error.line, column: error.column, level, code: "", source: "controller validate",
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

const LINE = /^(error|warning): (.*)$/;
const PLACED = /^(.+?):(\d+):(?:(\d+):)? (.*)$/;
const NAMED = /^(.+?): (.*)$/;

/** The lines that the command says on standard error: `warning: file:line:column: path: message`, and its `hint:`. `isFile`: what
 * stands before a colon may be anything. */
export function spokenFindings(stderr: string, isFile: (name: string) => boolean = () => false): readonly (Finding & { readonly kind: "error" | "warning" })[] {
  const found: (Finding & { kind: "error" | "warning" })[] = [];
  for (const line of stderr.split(/\r?\n/)) {
    const hint = /^hint: (.*)$/.exec(line);
    const last = found.at(-1);
    if (hint && last) found[found.length - 1] = { ...last, hint: hint[1] ?? null };
    const said = LINE.exec(line);
    if (said) found.push({ kind: said[1] as "error" | "warning", path: null, hint: null, ...placed(said[2] ?? "", isFile) });
  }
  return found;
}

function placed(text: string, isFile: (name: string) => boolean): Pick<Finding, "file" | "line" | "column" | "message"> {
  const exact = PLACED.exec(text);
  if (exact?.[1] && isFile(exact[1])) return { file: exact[1], line: numberIn(exact[2]), column: numberIn(exact[3]), message: exact[4] ?? "" };
  const named = NAMED.exec(text);
  if (named?.[1] && isFile(named[1])) return { file: named[1], line: null, column: null, message: named[2] ?? "" };
  return { file: null, line: null, column: null, message: text };
}

function numberIn(text: string | undefined): number | null {
  return text === undefined ? null : Number(text);
}

/** From the place to the end of what stands there: a key, or a value to the end of its line, without its comment. */
export function spanIn(lines: readonly string[], line: number | null, column: number | null): Span {
  const at = Math.min(Math.max(0, (line ?? 1) - 1), Math.max(0, lines.length - 1));
  const text = lines[at] ?? "";
  const indent = text.length - text.trimStart().length;
  const from = column === null ? indent : unitsOf(text, Math.max(column - 1, 0));
  const rest = text.slice(from);
  const key = /^("[^"]*"|'[^']*'|[^\s:#][^:#]*?)(?=\s*:(\s|$))/.exec(rest);
  const length = key ? key[0].length : rest.replace(/\s+#.*$/, "").trimEnd().length;
  return { line: at, from, to: Math.min(text.length, from + Math.max(1, length)) };
}

/** The command counts characters, an editor the units of UTF-16, of which some characters have two. */
function unitsOf(text: string, characters: number): number {
  return [...text].slice(0, characters).join("").length;
}
