// Findings in the files of a folder, looked for when one of them is saved.

import { realpathSync, statSync } from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";

import { jsonOf, readErrors, readScan } from "../core/answers.ts";
import { scanArgs, validateArgs } from "../core/argv.ts";
import { problemsOfErrors, problemsOfFindings, spanIn, spokenFindings, type Problem, type ProblemLevel } from "../core/problems.ts";
import { codeWords, complaintIn, type Ended } from "../core/outcome.ts";
import { Missing, type Cli } from "../edge/cli.ts";
import { projectIn } from "../edge/project.ts";
import { say } from "./say.ts";
import { checksOf, hasProject, placeOf } from "./settings.ts";

/** Several files that are saved at once are looked at once. */
const GATHER = 200;
const TIMEOUT = 60_000;

const LEVELS: Readonly<Record<ProblemLevel, vscode.DiagnosticSeverity>> = {
  error: vscode.DiagnosticSeverity.Error, warning: vscode.DiagnosticSeverity.Warning, information: vscode.DiagnosticSeverity.Information, hint: vscode.DiagnosticSeverity.Hint,
};

interface Run {
  timer?: NodeJS.Timeout;
  abort: AbortController;
}

type Kind = Problem["source"];
type Shown = ReadonlyMap<string, { readonly uri: vscode.Uri; readonly diagnostics: readonly vscode.Diagnostic[] }>;

export class Problems implements vscode.Disposable {
  private readonly collection = vscode.languages.createDiagnosticCollection("controller");
  private readonly runs = new Map<string, Run>();
  /** Of each folder, of each question: what it said last. What could not be asked leaves what was known. */
  private readonly found = new Map<string, ReadonlyMap<Kind, readonly Problem[]>>();
  /** Of each folder: two may name the same file. */
  private readonly shown = new Map<string, Shown>();

  constructor(private readonly cli: Cli, private readonly log: (line: string, failed?: boolean) => void, private readonly onMissing: (missing: Missing) => void) {}

  /** Something of a folder was saved, or it was opened: looks at it, if that is wished and there is something to look at. */
  saved(folder: vscode.WorkspaceFolder): void {
    if (checksOf(folder).onSave && hasProject(folder)) void this.check(folder, GATHER);
    else this.forget(folder);
  }

  /** Looks at a folder's files; what an earlier look has not found yet is given up. Comes back with what could not be asked. */
  check(folder: vscode.WorkspaceFolder, after = 0): Promise<readonly Error[]> {
    const key = folder.uri.toString();
    this.giveUp(key);
    if (!vscode.workspace.isTrusted || folder.uri.scheme !== "file") return Promise.resolve([]);
    const run: Run = { abort: new AbortController() };
    this.runs.set(key, run);
    return new Promise((resolve) => {
      run.abort.signal.addEventListener("abort", () => resolve([]), { once: true });
      run.timer = setTimeout(() => void this.look(folder, run.abort.signal).then(resolve), after);
    });
  }

  /** As a person asks for it: says, too, what could not be asked. */
  async checkNow(folder: vscode.WorkspaceFolder): Promise<void> {
    const [failure] = await this.check(folder);
    if (failure && !(failure instanceof Missing)) void say.error(`The files of ${folder.name} could not be checked: ${failure.message}. What was found before still stands.`);
  }

  /** A folder is no more part of the workspace, or nothing is looked for in it any more. */
  forget(folder: vscode.WorkspaceFolder): void {
    const key = folder.uri.toString();
    this.giveUp(key);
    this.found.delete(key);
    this.publish(key, new Map());
  }

  dispose(): void {
    for (const key of [...this.runs.keys()]) this.giveUp(key);
    this.collection.dispose();
  }

  private giveUp(key: string): void {
    const run = this.runs.get(key);
    clearTimeout(run?.timer);
    run?.abort.abort();
    this.runs.delete(key);
  }

  private async look(folder: vscode.WorkspaceFolder, signal: AbortSignal): Promise<readonly Error[]> {
    const key = folder.uri.toString();
    const failures: Error[] = [];
    for (const [kind, question] of [["controller validate", this.validate], ["controller scan", this.scan]] as const) {
      try {
        const problems = await question.call(this, folder, signal);
        if (signal.aborted) return [];
        this.found.set(key, new Map([...(this.found.get(key) ?? []), [kind, problems]]));
      } catch (error) {
        if (signal.aborted) return [];
        failures.push(error as Error);
        if (error instanceof Missing) {
          this.onMissing(error);
          break;
        }
        this.log(`looking at the files of ${folder.name}: ${(error as Error).message}`, true);
      }
    }
    const shown = await diagnosticsOf(folder, [...(this.found.get(key)?.values() ?? [])].flat());
    if (!signal.aborted) this.publish(key, shown);
    return failures;
  }

  private async validate(folder: vscode.WorkspaceFolder, signal: AbortSignal): Promise<readonly Problem[]> {
    const { stdout, stderr } = await this.ask(folder, validateArgs(placeOf(folder).files), signal);
    const said = spokenFindings(stderr, (name) => isFile(path.resolve(folder.uri.fsPath, name))).filter((one) => one.kind === "warning");
    const whole = wholeOf(folder);
    return [...problemsOfErrors(readErrors(jsonOf(stdout, "validate")), whole), ...problemsOfErrors(said, whole, "warning")];
  }

  private async scan(folder: vscode.WorkspaceFolder, signal: AbortSignal): Promise<readonly Problem[]> {
    const { scan, least } = checksOf(folder);
    if (!scan) return [];
    const { stdout } = await this.ask(folder, scanArgs(placeOf(folder).files), signal);
    return problemsOfFindings(readScan(jsonOf(stdout, "scan")).findings, least);
  }

  /** Findings make the exit code 1; without an answer the command could not even look. */
  private async ask(folder: vscode.WorkspaceFolder, args: readonly string[], signal: AbortSignal): Promise<Ended> {
    const { command, folder: cwd } = placeOf(folder);
    const ended = await this.cli.run({ command, cwd, args, timeout: TIMEOUT, signal });
    if (ended.broken === "timeout") throw new Error(`${args[0]} has not answered for ${TIMEOUT / 1000} s`);
    if (ended.broken) throw new Error(`${args[0]}: ${ended.broken}`);
    if (!ended.stdout.trim()) throw new Error(complaintIn(ended.stderr) || `${args[0]}: ${codeWords(ended.code)}`);
    return ended;
  }

  /** Sets the files of a folder anew, and clears those of which nothing is said any more. */
  private publish(key: string, now: Shown): void {
    const before = this.shown.get(key) ?? new Map();
    this.shown.set(key, now);
    for (const [name, { uri }] of new Map([...before, ...now])) {
      const all = [...this.shown.values()].flatMap((shown) => shown.get(name)?.diagnostics ?? []);
      if (all.length) this.collection.set(uri, once(all));
      else this.collection.delete(uri);
    }
    if (!now.size) this.shown.delete(key);
  }
}

async function diagnosticsOf(folder: vscode.WorkspaceFolder, problems: readonly Problem[]): Promise<Shown> {
  const byFile = new Map<string, Problem[]>();
  const root = folder.uri.fsPath;
  const real = realOf(root);
  for (const problem of problems) {
    const file = asOpened(path.resolve(root, problem.file), root, real);
    byFile.set(file, [...(byFile.get(file) ?? []), problem]);
  }
  const shown = new Map<string, { uri: vscode.Uri; diagnostics: vscode.Diagnostic[] }>();
  for (const [file, those] of byFile) {
    const uri = vscode.Uri.file(file);
    const lines = await linesOf(uri);
    shown.set(uri.toString(), { uri, diagnostics: those.map((one) => diagnosticOf(one, lines)) });
  }
  return shown;
}

/** The command tells real paths; a folder that was opened by a link has its files under that name. */
function asOpened(file: string, root: string, real: string): string {
  return file.startsWith(`${real}${path.sep}`) ? path.join(root, file.slice(real.length)) : file;
}

function realOf(root: string): string {
  try {
    return realpathSync(root);
  } catch {
    return root;
  }
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** What stands for the project as a whole. */
function wholeOf(folder: vscode.WorkspaceFolder): string {
  const root = folder.uri.fsPath;
  const [named] = placeOf(folder).files.map((file) => path.resolve(root, file)).filter(isFile);
  return named ?? projectIn(root)?.first ?? path.join(root, "compose.yaml");
}

/** The same of two folders is one. */
function once(diagnostics: readonly vscode.Diagnostic[]): vscode.Diagnostic[] {
  return [...new Map(diagnostics.map((one) => [JSON.stringify([one.range.start, one.message, one.source]), one])).values()];
}

function diagnosticOf(problem: Problem, lines: readonly string[]): vscode.Diagnostic {
  const { line, from, to } = spanIn(lines, problem.line, problem.column);
  const diagnostic = new vscode.Diagnostic(new vscode.Range(line, from, line, to), problem.message, LEVELS[problem.level]);
  diagnostic.source = problem.source;
  if (problem.code) diagnostic.code = problem.code;
  return diagnostic;
}

/** As it is shown, where it is open; else as it lies on the disk. */
async function linesOf(uri: vscode.Uri): Promise<readonly string[]> {
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open) return open.getText().split(/\r?\n/);
  try {
    return Buffer.from(await vscode.workspace.fs.readFile(uri)).toString("utf8").replace(/^\uFEFF/, "").split(/\r?\n/);
  } catch {
    return [];
  }
}

/** YAML, and env files: what a project is made of. */
export function isOfProject(document: vscode.TextDocument): boolean {
  const name = path.basename(document.uri.fsPath);
  return document.uri.scheme === "file" && (/\.ya?ml$/.test(name) || /(^|\.)env(\.|$)/.test(name));
}
