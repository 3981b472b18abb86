// The API's stream: one connection that tells what changes, and comes back by itself from where it was.

import { RemoteBackend } from "../backend/remote.ts";
import { fold } from "../core/state.ts";
import { Retry, STREAM } from "../core/pauses.ts";
import { Api, ApiFailure, type Door } from "../edge/api.ts";
import { Frames } from "../shared.ts";
import { NOTHING, type Known, type Source } from "./source.ts";

/** `opening`: nothing was heard yet. `away`: nobody answers, it is tried again. `refused`: the token is not valid; nothing is tried. */
export type StreamState = "opening" | "open" | "away" | "refused";

/** Milliseconds. */
const SOON = 5000;

export class StreamSource implements Source {
  readonly label = "";
  readonly folder = null;
  readonly backend: RemoteBackend;
  known: Known = NOTHING;
  state: StreamState = "opening";
  private readonly api: Api;
  private readonly retry = new Retry(STREAM);
  private frames = new Frames();
  private abort: AbortController | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(readonly key: string, door: Door, private readonly changed: () => void) {
    this.api = new Api(door);
    this.backend = new RemoteBackend(this.api);
  }

  start(): void {
    if (this.abort) return;
    clearTimeout(this.timer);
    const abort = new AbortController();
    this.abort = abort;
    void this.follow(abort);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.abort = null;
  }

  private async follow(abort: AbortController): Promise<void> {
    const began = Date.now();
    let failure: Error | null = null;
    let heard = false;
    try {
      await this.api.stream("/v1/stream", this.frames, () => this.open(abort), (frame) => {
        if (this.abort !== abort) return;
        heard = true;
        const stacks = fold(this.known.stacks, frame);
        if (stacks !== this.known.stacks || this.state !== "open") this.know("open", { stacks, staleSince: null, trouble: "" });
      }, abort.signal);
    } catch (error) {
      failure = error as Error;
      // What could not be read is not gone on from: a snapshot is asked for.
      if (!(error instanceof ApiFailure)) this.frames = new Frames();
    }
    if (this.abort !== abort) return;
    abort.abort();
    this.abort = null;
    if (failure instanceof ApiFailure && failure.kind === "refused") return this.know("refused", { ...NOTHING, trouble: failure.message });
    if (!heard && Date.now() - began < SOON) failure ??= new Error(`the API at ${this.key} ends its stream before it says anything`);
    // A stream that ends well, as when the controller starts anew, mostly is back at the first try.
    if (failure) this.know("away", { ...this.known, staleSince: this.known.staleSince ?? Date.now(), trouble: failure.message });
    this.timer = setTimeout(() => this.start(), this.retry.next(Date.now() - began));
  }

  /** Where it is gone on from what was known, nothing new may be said for long: it holds. */
  private open(abort: AbortController): void {
    if (this.abort === abort && this.state === "away" && this.frames.lastId) this.know("open", { ...this.known, staleSince: null, trouble: "" });
  }

  private know(state: StreamState, known: Known): void {
    this.state = state;
    this.known = known;
    this.changed();
  }
}
