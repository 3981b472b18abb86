/** The last so many numbers, oldest first; never more memory than that. */
export class Ring {
  private values: (number | null)[] = [];

  private readonly most: number;

  constructor(most: number) {
    this.most = most;
  }

  push(value: number | null): void {
    this.values.push(value);
    if (this.values.length > this.most) this.values.shift();
  }

  /** What came before all that is there. */
  prefill(older: readonly (number | null)[]): void {
    this.values = [...older, ...this.values].slice(-this.most);
  }

  get all(): readonly (number | null)[] {
    return this.values;
  }
}
