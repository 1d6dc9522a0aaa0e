/** Those who read what a fill brings, and what they want of it. */
import type { FillReader } from './page-flight.ts';

export class FillReaders {
  readonly #readers = new Set<FillReader>();

  get count(): number {
    return this.#readers.size;
  }

  add(reader: FillReader): void {
    this.#readers.add(reader);
  }

  /** False where it was none of them. */
  delete(reader: FillReader): boolean {
    return this.#readers.delete(reader);
  }

  /** Whether one of them waits for the page, or for one behind it. */
  reach(index: number): boolean {
    for (const { pageIndex } of this.#readers) if (pageIndex >= index) return true;
    return false;
  }

  /** Whether one of them is on its way to the page, and not past it. */
  await(index: number): boolean {
    for (const { pageIndex, wantedEnd } of this.#readers) {
      if (pageIndex <= index && index < wantedEnd) return true;
    }
    return false;
  }

  /** First page that nobody wants yet; `near`: no more than one page ahead of a reader. */
  wantedEnd(near: boolean): number {
    let end = 0;
    for (const { pageIndex, wantedEnd } of this.#readers) {
      end = Math.max(end, near ? Math.min(wantedEnd, pageIndex + 2) : wantedEnd);
    }
    return end;
  }
}
