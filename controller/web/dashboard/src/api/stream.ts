// A stream of server-sent events that comes back by itself, from where it was: EventSource, but that it shows the
// session's key in a header, that a connection of which nothing is heard any more is given up, and that a page which
// nobody sees holds none: a browser has six for all pages of one address.

import { Frames, type Frame } from "./frames.ts";
import { headers } from "./session.ts";

const FIRST_PAUSE = 500;
/** Where there is nobody to trouble, and where somebody has refused. */
const LONGEST_PAUSE = 1000;
const LONGEST_REFUSED = 15_000;
/** The server says something every 15 s. */
const SILENCE = 40_000;
/** Milliseconds out of sight, after which a page lets its connection go. */
const UNSEEN = 10_000;

export interface StreamEvents {
  readonly frame: (frame: Frame) => void;
  readonly open: () => void;
  /** It is gone; `refused`: the server answered, but not with a stream. */
  readonly lost: (refused: boolean) => void;
}

export class Stream {
  private abort: AbortController | null = null;
  private pause = FIRST_PAUSE;
  private timer = 0;
  private watch = 0;
  private readonly frames = new Frames();
  private resting = 0;
  private readonly address: () => string;
  private readonly events: StreamEvents;

  constructor(address: () => string, events: StreamEvents) {
    this.address = address;
    this.events = events;
  }

  start(): void {
    document.addEventListener("visibilitychange", this.look);
    this.connect();
    this.look();
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.look);
    clearTimeout(this.resting);
    this.disconnect();
  }

  private readonly look = (): void => {
    clearTimeout(this.resting);
    if (document.hidden) this.resting = window.setTimeout(() => this.disconnect(), UNSEEN);
    else if (!this.abort) this.connect();
  };

  private connect(): void {
    this.disconnect();
    const abort = new AbortController();
    this.abort = abort;
    void this.follow(abort).then((refused) => {
      if (this.abort !== abort) return; // it was stopped, or begun anew
      clearTimeout(this.watch);
      this.events.lost(refused);
      this.timer = window.setTimeout(() => this.connect(), this.pause * (0.8 + 0.4 * Math.random()));
      this.pause = Math.min(refused ? LONGEST_REFUSED : LONGEST_PAUSE, this.pause * 2);
    });
  }

  private disconnect(): void {
    clearTimeout(this.timer);
    clearTimeout(this.watch);
    this.abort?.abort();
    this.abort = null;
  }

  /** Until it ends; whether the server refused. */
  private async follow(abort: AbortController): Promise<boolean> {
    const last = this.frames.lastId;
    this.frames.reset();
    this.await(abort);
    try {
      const asked = headers({ Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) });
      const response = await fetch(this.address(), { headers: asked, cache: "no-store", signal: abort.signal });
      if (!response.ok || !response.body) return true;
      this.pause = FIRST_PAUSE;
      this.events.open();
      await this.read(response.body.getReader(), abort);
    } catch {
      // The connection is gone: it is tried again.
    }
    return false;
  }

  private async read(reader: ReadableStreamDefaultReader<Uint8Array>, abort: AbortController): Promise<void> {
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || abort !== this.abort) return;
      this.await(abort);
      for (const frame of this.frames.take(decoder.decode(value, { stream: true }))) this.events.frame(frame);
    }
  }

  private await(abort: AbortController): void {
    clearTimeout(this.watch);
    this.watch = window.setTimeout(() => abort.abort(), SILENCE);
  }
}
