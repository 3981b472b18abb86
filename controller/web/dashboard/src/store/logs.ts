// The last lines of a log, a bounded number of them; told once for each frame.

import { signal } from "@preact/signals";

import type { LogLine } from "../api/types.ts";

export const MOST_LINES = 2000;
const FIRST_TAIL = 200;
const LONGEST_TAIL = 1000;
/** Milliseconds for a tail to be there as a whole, so that a list does not shrink under its reader, and to be at all. */
const WHOLE_TAIL = 300;
const NO_TAIL = 3000;

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
  /** The number of the first line since it was begun. */
  first = 1;
  private waiting: KeptLine[] = [];
  private anew = false;
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
    setTimeout(() => this.publish(), this.anew ? WHOLE_TAIL : 50);
  }

  /** The tail comes again: its lines take the place of those that are there, as soon as they are. */
  begin(): void {
    this.first = this.last + 1;
    this.waiting = [];
    this.anew = true;
    const { first } = this;
    setTimeout(() => this.anew && this.first === first && this.forget(), NO_TAIL);
  }

  /** Who speaks now has said nothing. */
  private forget(): void {
    this.anew = false;
    this.lines.value = [];
    this.count.value = 0;
  }

  /** How many lines of each replica bring about as many as there are, a thousand at most: more would not wait for us. */
  tail(): number {
    const lines = this.lines.peek();
    const replicas = new Set(lines.map((line) => line.replica).filter(Boolean)).size;
    return Math.max(FIRST_TAIL, Math.ceil(Math.min(lines.length, LONGEST_TAIL) / Math.max(1, replicas)));
  }

  publish(): void {
    this.scheduled = false;
    if (!this.waiting.length) return;
    this.lines.value = [...(this.anew ? [] : this.lines.peek()), ...this.waiting].slice(-MOST_LINES);
    this.anew = false;
    this.waiting = [];
    this.count.value = this.last;
  }
}
