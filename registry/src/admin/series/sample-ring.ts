/** The latest rows of numbers, in a ring: as much memory on the first day as on the hundredth. */

export class SampleRing {
  readonly #rows: Float64Array[] = [];
  readonly #rowsMax: number;
  #next = 0;

  /** @param rowsMax at least 1 */
  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax;
  }

  add(row: Float64Array): void {
    this.#rows[this.#next] = row;
    this.#next = (this.#next + 1) % this.#rowsMax;
  }

  /** The oldest first. */
  rows(): readonly Float64Array[] {
    return [...this.#rows.slice(this.#next), ...this.#rows.slice(0, this.#next)];
  }
}
