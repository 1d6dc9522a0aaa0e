/** Pages that were asked for lately and not filled: who comes again to one is no stray reader. */
import type { PageId } from '@forebay/core/page';

/** About a hundred bytes each. */
const keptMax = 16_384;

export class AskedPages {
  readonly #asked = new Set<string>();

  /** Whether the page was asked for before; from now on it was. */
  ask({ set, index }: PageId): boolean {
    const key = `${set}:${index}`;
    const before = this.#asked.delete(key);
    this.#asked.add(key);
    if (this.#asked.size > keptMax) {
      const [oldest] = this.#asked;
      this.#asked.delete(oldest!);
    }
    return before;
  }
}
