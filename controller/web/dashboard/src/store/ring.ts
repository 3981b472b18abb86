/** The last so many numbers, oldest first. It takes its room at once. */
export class Ring {
  /** NaN: there is none. */
  private readonly values: Float64Array;
  private count = 0;
  private next = 0;

  constructor(most: number) {
    this.values = new Float64Array(most);
  }

  push(value: number | null): void {
    this.values[this.next] = value ?? NaN;
    this.next = (this.next + 1) % this.values.length;
    this.count = Math.min(this.count + 1, this.values.length);
  }

  /** What came before all that is there. */
  prefill(older: readonly (number | null)[]): void {
    const all = [...older, ...this.all];
    this.count = 0;
    for (const value of all) this.push(value);
  }

  get all(): readonly (number | null)[] {
    const most = this.values.length;
    return Array.from({ length: this.count }, (_, index) => {
      const value = this.values[(this.next - this.count + index + most) % most] ?? NaN;
      return Number.isNaN(value) ? null : value;
    });
  }

  get size(): number {
    return this.count;
  }
}
