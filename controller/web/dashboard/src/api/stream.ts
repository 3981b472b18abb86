// The one stream: what comes is handed on with its id. The browser comes back by itself with the last id that it had;
// where the server refuses, we try again, less and less often.

import type { Message } from "./types.ts";

const KINDS = ["snapshot", "stack", "service", "removed", "event", "alerts", "intent", "usage"] as const;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

export interface StreamEvents {
  readonly message: (id: string, message: Message) => void;
  readonly open: () => void;
  /** It is gone; `refused`: the server answered, but not with a stream. */
  readonly lost: (refused: boolean) => void;
}

export class Stream {
  private source: EventSource | null = null;
  private pause = FIRST_PAUSE;
  private timer = 0;
  private readonly events: StreamEvents;

  constructor(events: StreamEvents) {
    this.events = events;
  }

  start(): void {
    this.stop();
    const source = new EventSource("/v1/stream");
    this.source = source;
    source.onopen = () => {
      this.pause = FIRST_PAUSE;
      this.events.open();
    };
    source.onerror = () => this.fail(source);
    for (const kind of KINDS) {
      source.addEventListener(kind, (event: MessageEvent<string>) => {
        this.events.message(event.lastEventId, { kind, data: JSON.parse(event.data) } as Message);
      });
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  private fail(source: EventSource): void {
    const closed = source.readyState === EventSource.CLOSED;
    this.events.lost(closed);
    if (!closed || source !== this.source) return;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.start(), this.pause * (0.8 + 0.4 * Math.random()));
    this.pause = Math.min(LONGEST_PAUSE, this.pause * 2);
  }
}
