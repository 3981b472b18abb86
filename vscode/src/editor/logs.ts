// Output of replicas, in a terminal that ends with what it shows.

import * as vscode from "vscode";

import type { Backend, Replica } from "../backend/backend.ts";
import type { Target } from "../core/argv.ts";
import { visible } from "../core/clean.ts";

/** `running`: what is ended with the extension. */
export function showLogs(backend: Backend, target: Target, replica: Replica, running: Set<AbortController>): vscode.Terminal {
  const name = replica?.name ?? [target.stack, target.service].filter(Boolean).join("/");
  const terminal = vscode.window.createTerminal({ name: `Logs: ${name}`, iconPath: new vscode.ThemeIcon("output"), pty: new LogTerminal(backend, target, replica, name, running) });
  terminal.show(true);
  return terminal;
}

class LogTerminal implements vscode.Pseudoterminal {
  private readonly writing = new vscode.EventEmitter<string>();
  readonly onDidWrite = this.writing.event;
  private readonly abort = new AbortController();

  constructor(private readonly backend: Backend, private readonly target: Target, private readonly replica: Replica, private readonly name: string, private readonly running: Set<AbortController>) {}

  open(): void {
    this.running.add(this.abort);
    this.write(`Output of ${this.name}, by ${this.backend.from}\n`);
    this.backend.logs(this.target, this.replica, (text) => this.write(text), this.abort.signal).then(
      () => this.write("\nThat was all.\n"),
      (error: unknown) => this.write(`\n${(error as Error).message}\n`),
    ).finally(() => this.running.delete(this.abort));
  }

  /** Ctrl-C ends it, as on a command line. */
  handleInput(text: string): void {
    if (!text.includes("\x03")) return;
    this.write("^C\n");
    this.abort.abort();
  }

  close(): void {
    this.abort.abort();
    this.writing.dispose();
  }

  private write(text: string): void {
    if (!this.abort.signal.aborted) this.writing.fire(visible(text).replaceAll("\n", "\r\n"));
  }
}
