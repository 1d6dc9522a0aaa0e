/**
 * Pages by the time of their last use, with their bytes: how many bytes of others were used since a page was
 * used last is one look at a Fenwick tree. Bounded: times are dealt out anew when they run out.
 */

interface Used {
  slot: number;
  lengthBytes: number;
}

export class ByteStack {
  readonly #slotsMax: number;
  /** Bytes by slot; as sums of a Fenwick tree. */
  #sums: Float64Array;
  readonly #pages = new Map<number, Used>();
  #nextSlot = 0;
  #bytes = 0;

  /** @param pagesMax that it will ever hold at a time */
  constructor(pagesMax: number) {
    this.#slotsMax = 4 * pagesMax;
    this.#sums = new Float64Array(this.#slotsMax + 1);
  }

  get size(): number {
    return this.#pages.size;
  }

  /**
   * A use of the page. Bytes of the pages used since its last one, its own included; undefined: it is new.
   */
  use(page: number, lengthBytes: number): number | undefined {
    if (this.#nextSlot === this.#slotsMax) this.#dealAnew();
    const known = this.#pages.get(page);
    let distanceBytes: number | undefined;
    if (known) {
      distanceBytes = this.#bytes - this.#upTo(known.slot) + known.lengthBytes;
      this.#add(known.slot, -known.lengthBytes);
      // A Map keeps the order of insertion: used last is last.
      this.#pages.delete(page);
    }
    this.#pages.set(page, { slot: this.#nextSlot, lengthBytes });
    this.#add(this.#nextSlot, lengthBytes);
    this.#nextSlot += 1;
    return distanceBytes;
  }

  remove(page: number): void {
    const known = this.#pages.get(page);
    if (!known) return;
    this.#add(known.slot, -known.lengthBytes);
    this.#pages.delete(page);
  }

  /** Bytes of this slot and all older ones. */
  #upTo(slot: number): number {
    let sum = 0;
    for (let at = slot + 1; at > 0; at -= at & -at) sum += this.#sums[at]!;
    return sum;
  }

  #add(slot: number, bytes: number): void {
    this.#bytes += bytes;
    for (let at = slot + 1; at <= this.#slotsMax; at += at & -at) this.#sums[at]! += bytes;
  }

  #dealAnew(): void {
    this.#sums = new Float64Array(this.#slotsMax + 1);
    this.#bytes = 0;
    let slot = 0;
    for (const used of this.#pages.values()) {
      used.slot = slot;
      this.#add(slot, used.lengthBytes);
      slot += 1;
    }
    this.#nextSlot = slot;
  }
}
