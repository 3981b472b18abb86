// The latest events, a bounded number of them. A repeat takes the place of what it repeats and moves to the end.

import { signal } from "@preact/signals";

import type { Event } from "../api/types.ts";

export const MOST_EVENTS = 1000;

export class EventLog {
  /** Newest first; a new array each time it is published. */
  readonly list = signal<readonly Event[]>([]);
  private readonly byKey = new Map<string, Event>();
  private changed = false;

  add(event: Event): void {
    const key = keyOf(event);
    const known = this.byKey.get(key);
    if (known && known.seq > event.seq) return;
    this.byKey.delete(key);
    this.byKey.set(key, event);
    this.changed = true;
  }

  /** Tells who watches, once for all that was added. */
  publish(): void {
    if (!this.changed) return;
    this.changed = false;
    const newest = [...this.byKey.values()].sort(newestFirst);
    for (const event of newest.splice(MOST_EVENTS)) this.byKey.delete(keyOf(event));
    this.list.value = newest;
  }
}

/** Each stack counts its own, and what belongs to no stack's record has no number. */
export function newestFirst(a: Event, b: Event): number {
  if (a.time !== b.time) return a.time < b.time ? 1 : -1;
  return b.seq - a.seq;
}

export function keyOf(event: Event): string {
  return `${event.stack}\n${event.service ?? ""}\n${event.reason}\n${event.type}\n${event.message}`;
}
