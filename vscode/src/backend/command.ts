// The command line as a backend, in one folder.

import { jsonOf, readDescribed, readPlan, readWhy, type Described, type Why } from "../core/answers.ts";
import { actArgs, describeArgs, logsArgs, planArgs, whyArgs, type Target } from "../core/argv.ts";
import { codeWords, complaintIn, endingOf, type Ended, type Ending } from "../core/outcome.ts";
import { Lines, type Cli } from "../edge/cli.ts";
import type { Plan, Verb } from "../shared.ts";
import { TAIL, type Acting, type Backend, type Replica } from "./backend.ts";

export interface Place {
  readonly command: string;
  readonly folder: string;
  readonly name: string;
  /** Manifests, where others than the folder's own are meant. */
  readonly files: readonly string[];
  /** What names the folder's own files, as they are now. */
  readonly own: () => readonly string[];
}

/** Milliseconds: a plan of a large project is rehearsed as a whole. */
const READING = 120_000;
/** The command gives up by itself after 10 min without progress; an apply may take long. */
const APPLYING = 12 * 3600_000;
/** An apply that is interrupted finishes the act that it is in, such as a stop with a long grace. */
const STOPPING = 120_000;

/** Cancelled by whoever asked: nothing is to be told. */
export class Cancelled extends Error {}

export class CommandBackend implements Backend {
  readonly from: string;

  constructor(private readonly cli: Cli, private readonly place: Place) {
    this.from = `the command line in ${place.name}`;
  }

  async plan(target: Target | null, signal: AbortSignal): Promise<Plan> {
    return readPlan(jsonOf(await this.read(planArgs(this.filesOf(target), target), signal), "plan"));
  }

  async why(target: Target, signal: AbortSignal): Promise<Why> {
    return readWhy(jsonOf(await this.read(whyArgs(this.filesOf(target), target), signal), "why"));
  }

  async describe(target: Target, signal: AbortSignal): Promise<Described> {
    return readDescribed(jsonOf(await this.read(describeArgs(this.filesOf(target), target), signal), "describe"));
  }

  logs(target: Target, replica: Replica, onText: (text: string) => void, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const lines = new Lines((line) => isOf(replica, line) && onText(`${line}\n`), true);
      const stop = this.cli.follow({
        command: this.place.command, cwd: this.place.folder, args: logsArgs(this.filesOf(target), target, TAIL), onOutput: (text) => lines.take(text),
        onEnd: (code, stderr, missing) => {
          lines.end();
          if (missing) reject(missing);
          else if (code !== 0) reject(new Error(complaintIn(stderr) || codeWords(code)));
          else resolve();
        },
      });
      signal.addEventListener("abort", () => (stop(), resolve()), { once: true });
    });
  }

  async act(verb: Verb, target: Target | null, what: string, { signal, onProgress, flags }: Acting): Promise<Ending> {
    const ended = await this.run(actArgs(this.filesOf(target), verb, target, flags), APPLYING, signal, onProgress, STOPPING);
    return endingOf(ended, what);
  }

  /** A stack is named with the folder's files: with `--stack` alone the command takes those that it remembers, of any folder. */
  private filesOf(target: Target | null): readonly string[] {
    return this.place.files.length || target === null ? this.place.files : this.place.own();
  }

  /** Standard output of what ends well. */
  private async read(args: readonly string[], signal: AbortSignal): Promise<string> {
    const ended = await this.run(args, READING, signal);
    if (ended.broken === "cancelled") throw new Cancelled();
    if (ended.broken === "too much") throw new Error("the command has answered more than an answer can hold");
    if (ended.broken === "timeout") throw new Error(`the command has not answered for ${READING / 1000} s`);
    if (ended.code !== 0) throw new Error(complaintIn(ended.stderr) || codeWords(ended.code));
    return ended.stdout;
  }

  private run(args: readonly string[], timeout: number, signal: AbortSignal, onLine?: (line: string) => void, patience?: number): Promise<Ended> {
    return this.cli.run({ command: this.place.command, args, cwd: this.place.folder, timeout, signal, ...(onLine && { onLine }), ...(patience && { patience }) });
  }
}

/** The command puts a replica's name before each line where there are several, as wide as the widest. */
function isOf(replica: Replica, line: string): boolean {
  if (replica === null || replica.alone) return true;
  return line.startsWith(replica.name) && /^ *\| /.test(line.slice(replica.name.length));
}
