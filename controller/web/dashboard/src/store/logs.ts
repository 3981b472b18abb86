// The last lines of a log, a bounded number of them; told once for each frame.

import { signal } from "@preact/signals";

import type { LogLine } from "../api/types.ts";

export const MOST_LINES = 2000;

export interface KeptLine extends LogLine {
  readonly number: number;
}

const ESCAPES = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** Without a terminal's colours and other control characters. */
export function plainLine(line: string): string {
  return line.replace(ESCAPES, "");
}

export class LogBuffer {
  readonly lines = signal<readonly KeptLine[]>([]);
  readonly count = signal(0);
  private waiting: KeptLine[] = [];
  private last = 0;
  private scheduled = false;

  add(lines: readonly LogLine[]): void {
    for (const { replica, line } of lines) {
      this.last += 1;
      this.waiting.push({ replica, line: plainLine(line), number: this.last });
    }
    if (this.waiting.length > MOST_LINES) this.waiting = this.waiting.slice(-MOST_LINES);
    if (this.scheduled) return;
    this.scheduled = true;
    setTimeout(() => this.publish(), 50);
  }

  clear(): void {
    this.waiting = [];
    this.lines.value = [];
  }

  publish(): void {
    this.scheduled = false;
    this.lines.value = [...this.lines.peek(), ...this.waiting].slice(-MOST_LINES);
    this.waiting = [];
    this.count.value = this.last;
  }
}
