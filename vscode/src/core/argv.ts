// The command line of each thing that is asked: an array of arguments, never text for a shell. Names stand behind `--`,
// so that none is taken for an option.

import type { Verb } from "../shared.ts";

export interface Target {
  readonly stack: string;
  /** None: the whole stack. */
  readonly service?: string;
}

/** Verbs that the editor offers, as the command names them. */
const WORDS: Partial<Record<Verb, readonly string[]>> = {
  apply: ["apply"], start: ["start"], stop: ["stop"], retry: ["retry"], "rollout-restart": ["rollout", "restart"],
};

export function statusArgs(files: readonly string[]): readonly string[] {
  return ["status", "--watch", ...shared(files, "json")];
}

export function validateArgs(files: readonly string[]): readonly string[] {
  return ["validate", ...shared(files, "json")];
}

/** Of the files alone: what runs is not the editor's. */
export function scanArgs(files: readonly string[]): readonly string[] {
  return ["scan", "--source", "compose", ...shared(files, "json")];
}

/** Without a target: of all that the files name. */
export function planArgs(files: readonly string[], target: Target | null): readonly string[] {
  return ["plan", ...shared(files, "json"), ...scope(target)];
}

export function whyArgs(files: readonly string[], target: Target): readonly string[] {
  return ["why", ...shared(files, "json"), ...scope(target)];
}

export function describeArgs(files: readonly string[], { stack, service }: Target): readonly string[] {
  return ["describe", ...shared(files, "json"), "--stack", stack, "--", ...(service === undefined ? ["stack", stack] : ["service", service])];
}

export function logsArgs(files: readonly string[], target: Target, tail: number): readonly string[] {
  return ["logs", "--follow", "--tail", String(tail), ...shared(files, "text"), ...scope(target)];
}

export function actArgs(files: readonly string[], verb: Verb, target: Target | null, flags: readonly string[] = []): readonly string[] {
  const words = WORDS[verb];
  if (!words) throw new Error(`the editor does not ask for ${verb}`);
  return [...words, ...flags.map((flag) => `--${flag}`), ...shared(files, "json"), ...scope(target)];
}

function shared(files: readonly string[], output: "json" | "text"): readonly string[] {
  return [...files.flatMap((file) => ["--file", file]), "--output", output, "--color", "never"];
}

function scope(target: Target | null): readonly string[] {
  if (target === null) return [];
  return target.service === undefined ? ["--stack", target.stack] : ["--stack", target.stack, "--", target.service];
}

/** The command that is meant: a name that is looked up in PATH, or a path, which may stand in the folder or at home. */
export function commandOf(setting: string, folder: string, home: string, join: (folder: string, rest: string) => string): string {
  const text = setting.trim() || "controller";
  if (/^~[\\/]/.test(text)) return join(home, text.slice(2));
  const inside = /^\$\{workspaceFolder\}[\\/]?(.*)$/.exec(text);
  if (inside) return join(folder, inside[1] ?? "");
  return /[\\/]/.test(text) && !/^([\\/]|[A-Za-z]:[\\/])/.test(text) ? join(folder, text) : text;
}
