/** Which pages have outlived the time to live of their set. */
import type { PageRows } from './page-rows.ts';
import type { SetRows } from './set-rows.ts';

export class PageExpiry {
  readonly #pages: PageRows;
  readonly #sets: SetRows;
  #hand = 0;

  constructor({ pages, sets }: { readonly pages: PageRows; readonly sets: SetRows }) {
    this.#pages = pages;
    this.#sets = sets;
  }

  has(row: number, nowSeconds: number): boolean {
    const ttlSeconds = this.#sets.ttlOf(this.#pages.setRowOf(row));
    return ttlSeconds > 0 && this.#pages.filledAtOf(row) + ttlSeconds <= nowSeconds;
  }

  /** Among the next rows of an endless walk over all of them. */
  next(nowSeconds: number, inspectMax: number): number[] {
    const found: number[] = [];
    if (this.#sets.withTtl === 0) return found;
    const pages = this.#pages;
    for (let inspected = Math.min(inspectMax, pages.end); inspected > 0; inspected -= 1) {
      const row = this.#hand < pages.end ? this.#hand : 0;
      if (pages.isUsed(row) && this.has(row, nowSeconds)) found.push(row);
      this.#hand = row + 1;
    }
    return found;
  }
}
