/** A heap of numbers: the largest comes out first. */

export class LargestFirst {
  readonly #heap: number[] = [];

  add(value: number): void {
    const heap = this.#heap;
    let at = heap.push(value) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (heap[parent]! >= value) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = value;
  }

  get largest(): number | undefined {
    return this.#heap[0];
  }

  take(): number | undefined {
    const heap = this.#heap;
    const largest = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return largest;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) break;
      const child = left + 1 < heap.length && heap[left + 1]! > heap[left]! ? left + 1 : left;
      if (heap[child]! <= last) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return largest;
  }
}
