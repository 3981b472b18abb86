// Output of replicas, in a terminal that ends with what it shows.

import * as vscode from "vscode";

import type { Backend } from "../backend/backend.ts";
import type { Target } from "../core/argv.ts";

export function showLogs(backend: Backend, target: Target, replica: string | null): vscode.Terminal {
  const name = replica ?? [target.stack, target.service].filter(Boolean).join("/");
  const terminal = vscode.window.createTerminal({ name: `Logs: ${name}`, iconPath: new vscode.ThemeIcon("output"), pty: new LogTerminal(backend, target, replica, name) });
  terminal.show(true);
  return terminal;
}

class LogTerminal implements vscode.Pseudoterminal {
  private readonly writing = new vscode.EventEmitter<string>();
  readonly onDidWrite = this.writing.event;
  private readonly abort = new AbortController();

  constructor(private readonly backend: Backend, private readonly target: Target, private readonly replica: string | null, private readonly name: string) {}

  open(): void {
    this.write(`Output of ${this.name}, by ${this.backend.from}\n`);
    this.backend.logs(this.target, this.replica, (text) => this.write(text), this.abort.signal).then(
      () => this.write("\nThat was all.\n"),
      (error: unknown) => this.write(`\n${(error as Error).message}\n`),
    );
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
    if (!this.abort.signal.aborted) this.writing.fire(text.replace(/\r?\n/g, "\r\n"));
  }
}
