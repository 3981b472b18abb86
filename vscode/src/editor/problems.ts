// Findings in the files of a folder, looked for when one of them is saved.

import * as path from "node:path";
import * as vscode from "vscode";

import { jsonOf, readErrors, readScan } from "../core/answers.ts";
import { scanArgs, validateArgs } from "../core/argv.ts";
import { problemsOfErrors, problemsOfFindings, spanIn, spokenFindings, type Problem, type ProblemLevel } from "../core/problems.ts";
import { Missing, type Cli } from "../edge/cli.ts";
import { checksOf, placeOf } from "./settings.ts";

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

export class Problems implements vscode.Disposable {
  private readonly collection = vscode.languages.createDiagnosticCollection("controller");
  private readonly runs = new Map<string, Run>();
  /** Of each folder: where something was found. */
  private readonly found = new Map<string, readonly vscode.Uri[]>();

  constructor(private readonly cli: Cli, private readonly log: (line: string) => void, private readonly onMissing: (missing: Missing) => void) {}

  /** Something of a folder was saved, or it was opened: looks at it, if that is wished. */
  saved(folder: vscode.WorkspaceFolder): void {
    if (checksOf(folder).onSave) void this.check(folder, GATHER);
  }

  /** Looks at a folder's files; what an earlier look has not found yet is given up. */
  check(folder: vscode.WorkspaceFolder, after = 0): Promise<void> {
    const key = folder.uri.toString();
    this.giveUp(key);
    if (!vscode.workspace.isTrusted || folder.uri.scheme !== "file") return Promise.resolve();
    const run: Run = { abort: new AbortController() };
    this.runs.set(key, run);
    return new Promise((resolve) => {
      run.abort.signal.addEventListener("abort", () => resolve(), { once: true });
      run.timer = setTimeout(() => void this.look(folder, run.abort.signal).then(resolve), after);
    });
  }

  /** A folder is no more part of the workspace. */
  forget(folder: vscode.WorkspaceFolder): void {
    this.giveUp(folder.uri.toString());
    this.clear(folder.uri.toString());
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

  private async look(folder: vscode.WorkspaceFolder, signal: AbortSignal): Promise<void> {
    try {
      const problems = [...(await this.validate(folder, signal)), ...(await this.scan(folder, signal))];
      if (!signal.aborted) await this.show(folder, problems, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Missing) this.onMissing(error);
      else this.log(`looking at the files of ${folder.name}: ${(error as Error).message}`);
    }
  }

  private async validate(folder: vscode.WorkspaceFolder, signal: AbortSignal): Promise<readonly Problem[]> {
    const place = placeOf(folder);
    const { stdout, stderr, broken } = await this.cli.run({ ...place, cwd: place.folder, args: validateArgs(place.files), timeout: TIMEOUT, signal });
    if (broken) throw new Error(`controller validate: ${broken}`);
    const said = spokenFindings(stderr);
    // Without a project there is nothing to say of its files.
    if (!stdout.trim()) return problemsOfErrors(said.filter((one) => one.kind === "error"));
    return [...problemsOfErrors(readErrors(jsonOf(stdout, "validate"))), ...problemsOfErrors(said.filter((one) => one.kind === "warning"), "warning")];
  }

  private async scan(folder: vscode.WorkspaceFolder, signal: AbortSignal): Promise<readonly Problem[]> {
    const { scan, least } = checksOf(folder);
    if (!scan || signal.aborted) return [];
    const place = placeOf(folder);
    const { stdout, broken } = await this.cli.run({ ...place, cwd: place.folder, args: scanArgs(place.files), timeout: TIMEOUT, signal });
    if (broken) throw new Error(`controller scan: ${broken}`);
    return stdout.trim() ? problemsOfFindings(readScan(jsonOf(stdout, "scan")).findings, least) : [];
  }

  private async show(folder: vscode.WorkspaceFolder, problems: readonly Problem[], signal: AbortSignal): Promise<void> {
    const byFile = new Map<string, Problem[]>();
    for (const problem of problems) {
      const file = path.resolve(folder.uri.fsPath, problem.file);
      byFile.set(file, [...(byFile.get(file) ?? []), problem]);
    }
    const entries: [vscode.Uri, vscode.Diagnostic[]][] = [];
    for (const [file, those] of byFile) {
      const uri = vscode.Uri.file(file);
      const lines = await linesOf(uri);
      entries.push([uri, those.map((one) => diagnosticOf(one, lines))]);
    }
    if (signal.aborted) return;
    this.clear(folder.uri.toString());
    for (const [uri, diagnostics] of entries) this.collection.set(uri, diagnostics);
    this.found.set(folder.uri.toString(), entries.map(([uri]) => uri));
  }

  private clear(key: string): void {
    for (const uri of this.found.get(key) ?? []) this.collection.delete(uri);
    this.found.delete(key);
  }
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
    return Buffer.from(await vscode.workspace.fs.readFile(uri)).toString("utf8").split(/\r?\n/);
  } catch {
    return [];
  }
}

/** YAML, and env files: what a project is made of. */
export function isOfProject(document: vscode.TextDocument): boolean {
  const name = path.basename(document.uri.fsPath);
  return document.uri.scheme === "file" && (/\.ya?ml$/.test(name) || /(^|\.)env(\.|$)/.test(name));
}
