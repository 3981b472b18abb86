// How long to wait before something is tried again: longer each time, never in step with others, and short again after
// it has held for a while.

export interface Pauses {
  readonly first: number;
  readonly longest: number;
  /** What lasted so long had worked. */
  readonly settled: number;
}

/** The API's stream: it is lost when the controller starts anew, which takes a moment. */
export const STREAM: Pauses = { first: 500, longest: 15_000, settled: 10_000 };
/** `controller status --watch`, where it ends: an engine that is away, a manifest that is broken. */
export const WATCH: Pauses = { first: 2000, longest: 60_000, settled: 30_000 };

export class Retry {
  private failures = 0;

  constructor(private readonly pauses: Pauses, private readonly random: () => number = Math.random) {}

  /** Milliseconds to wait, after something that lasted so many milliseconds. */
  next(lasted: number): number {
    if (lasted >= this.pauses.settled) this.failures = 0;
    const pause = Math.min(this.pauses.longest, this.pauses.first * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, 16);
    return Math.round(pause * (0.8 + 0.4 * this.random()));
  }

  reset(): void {
    this.failures = 0;
  }
}
