// A message that comes alone is applied at once, those that come thick once a frame; of a page that nobody sees, twice
// a second.

import type { Message } from "../api/types.ts";

const UNSEEN = 500;
/** Milliseconds: two changes that are further apart are not worth waiting for the next frame. */
const THICK = 16;
const MOST_WAITING = 5000;

export interface Numbered {
  readonly id: string;
  readonly message: Message;
}

export class MessageQueue {
  private waiting: Numbered[] = [];
  private frame = 0;
  private timer = 0;
  private flushedAt = 0;

  private readonly apply: (messages: readonly Message[]) => void;
  private readonly applied: (id: string) => void;

  constructor(apply: (messages: readonly Message[]) => void, applied: (id: string) => void) {
    this.apply = apply;
    this.applied = applied;
    document.addEventListener("visibilitychange", () => this.flush());
  }

  push(item: Numbered): void {
    if (item.message.kind === "snapshot") this.waiting = [];
    this.waiting.push(item);
    if (this.waiting.length > MOST_WAITING) this.flush();
    else this.schedule();
  }

  private schedule(): void {
    if (this.frame || this.timer) return;
    if (document.hidden) this.timer = window.setTimeout(() => this.flush(), UNSEEN);
    else if (performance.now() - this.flushedAt >= THICK) this.timer = window.setTimeout(() => this.flush(), 0);
    else this.frame = requestAnimationFrame(() => this.flush());
  }

  private flush(): void {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.frame = this.timer = 0;
    this.flushedAt = performance.now();
    const items = this.waiting;
    const last = items.at(-1);
    if (!last) return;
    this.waiting = [];
    this.apply(items.map((item) => item.message));
    // What is drawn follows in a microtask: by then the page shows it.
    setTimeout(() => this.applied(last.id), 0);
  }
}
