/** Pages that were asked for lately and not filled: who comes again to one is no stray reader. */
import type { PageId } from '@forebay/core/page';
import { UseSketch } from '../eviction/use-sketch.ts';

/** Remembers a million requests or two. A data set that is read in turn must not be new every time. */
const memoryBytes = 1024 * 1024;

export class AskedPages {
  readonly #uses = new UseSketch({ memoryBytes });

  /**
   * Whether the page was asked for before; from now on it was. Now and then one that was not is taken for one
   * that was.
   */
  ask(page: PageId): boolean {
    return this.#uses.use(page) > 1;
  }
}
