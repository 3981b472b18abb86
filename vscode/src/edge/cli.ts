// Runs the command: an argument array, never a shell, always with an end. All that was started is ended with `dispose`.

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";

import type { Ended } from "../core/outcome.ts";

/** The command is not there, or may not be run: nothing was done. */
export class Missing extends Error {
  constructor(readonly command: string, cause: string) {
    super(`'${command}' cannot be run (${cause}): install controller, or set "controller.path" to where it is`);
  }
}

export interface Asking {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
  /** Of standard error. */
  readonly onLine?: (line: string) => void;
  /** Milliseconds that it has to end by itself after it was interrupted. */
  readonly patience?: number;
}

export interface Following {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly onOutput: (text: string) => void;
  /** Of standard error. */
  readonly onLine?: (line: string) => void;
  /** Once: how it ended, or that it could not begin. */
  readonly onEnd: (code: number | null, stderr: string, missing: Error | null) => void;
}

/** More than that is no answer. */
const MOST = 32 * 1024 * 1024;
/** What stands at the end of standard error is what is told. */
const LAST = 64 * 1024;
/** An interrupted apply finishes the act it is in; who does not end then is ended. */
const PATIENCE = 10_000;

export class Cli {
  private readonly children = new Set<ChildProcess>();

  /** `log`: every command that begins, and how it ended; `failed` where it did not end well. */
  constructor(private readonly log: (line: string, failed?: boolean) => void, private readonly patience = PATIENCE) {}

  run({ command, args, cwd, timeout, signal, onLine, patience }: Asking): Promise<Ended> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return resolve({ code: null, stdout: "", stderr: "", broken: "cancelled" });
      const child = this.start(command, args, cwd);
      const lines = new Lines(onLine ?? (() => undefined));
      let stdout = "";
      let stderr = "";
      let broken: Ended["broken"] = null;
      const give = (why: NonNullable<Ended["broken"]>): void => {
        broken ??= why;
        this.end(child, why === "too much" ? "SIGKILL" : "SIGINT", patience);
      };
      const timer = setTimeout(() => give("timeout"), timeout);
      const cancel = (): void => give("cancelled");
      signal?.addEventListener("abort", cancel, { once: true });
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", cancel);
      };
      child.stdout?.on("data", (text: string) => {
        stdout += text;
        if (stdout.length > MOST) give("too much");
      });
      child.stderr?.on("data", (text: string) => {
        stderr = (stderr + text).slice(-LAST);
        lines.take(text);
      });
      child.once("error", (error) => {
        settle();
        reject(missing(command, cwd, error));
      });
      child.once("close", (code) => {
        settle();
        lines.end();
        this.tellEnd(command, args, code, broken !== null);
        resolve({ code, stdout, stderr, broken });
      });
    });
  }

  /** Until it ends, or is stopped by what comes back. */
  follow({ command, args, cwd, onOutput, onLine, onEnd }: Following): () => void {
    const child = this.start(command, args, cwd);
    const lines = new Lines((line) => stopped || onLine?.(line));
    let stderr = "";
    let stopped = false;
    child.stdout?.on("data", (text: string) => stopped || onOutput(text));
    child.stderr?.on("data", (text: string) => {
      stderr = (stderr + text).slice(-LAST);
      lines.take(text);
    });
    const over = (code: number | null, gone: Error | null): void => {
      if (stopped) return;
      stopped = true;
      onEnd(code, stderr, gone);
    };
    child.once("error", (error) => over(null, missing(command, cwd, error)));
    child.once("close", (code) => {
      this.tellEnd(command, args, code, stopped);
      over(code, null);
    });
    return () => {
      stopped = true;
      this.end(child, "SIGINT");
    };
  }

  dispose(): void {
    for (const child of this.children) this.end(child, "SIGINT");
  }

  /** How many have not ended. */
  get running(): number {
    return this.children.size;
  }

  private start(command: string, args: readonly string[], cwd: string): ChildProcess {
    this.log(`${words(command, args)}   (in ${cwd})`);
    const child = spawn(command, [...args], { cwd, env: environment(), shell: false, windowsHide: true, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout?.setEncoding("utf8");
    child.stderr?.setEncoding("utf8");
    this.children.add(child);
    const gone = (): void => void this.children.delete(child);
    child.once("close", gone);
    child.once("error", () => child.pid === undefined && gone());
    return child;
  }

  private tellEnd(command: string, args: readonly string[], code: number | null, wished: boolean): void {
    this.log(`${words(command, args)}: ${code === null ? "ended from outside" : `exit code ${code}`}`, !wished && code !== 0);
  }

  private end(child: ChildProcess, how: NodeJS.Signals, patience = this.patience): void {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(how);
    const harder = setTimeout(() => child.kill("SIGKILL"), patience);
    harder.unref();
    child.once("close", () => clearTimeout(harder));
  }
}

/** What is said comes at once, though nobody sits at a terminal. The editor's own variables are not the command's. */
function environment(): NodeJS.ProcessEnv {
  const { ELECTRON_RUN_AS_NODE: _own, ...rest } = process.env;
  return { ...rest, PYTHONUNBUFFERED: "1" };
}

function missing(command: string, cwd: string, error: NodeJS.ErrnoException): Error {
  // The system says the same of a folder that is gone.
  if (error.code === "ENOENT" && !existsSync(cwd)) return new Error(`the folder ${cwd} is not there any more`);
  return new Missing(command, error.code === "ENOENT" ? "it is not there" : error.code === "EACCES" ? "it may not be run" : error.message);
}

function words(command: string, args: readonly string[]): string {
  return [command, ...args].join(" ");
}

/** Text in pieces, told line by line. */
export class Lines {
  private rest = "";

  /** `blank`: empty lines are told, too. */
  constructor(private readonly tell: (line: string) => void, private readonly blank = false) {}

  take(text: string): void {
    const lines = (this.rest + text).split(/\r?\n/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) if (this.blank || line.trim()) this.tell(line);
  }

  end(): void {
    if (this.rest.trim()) this.tell(this.rest);
    this.rest = "";
  }
}
