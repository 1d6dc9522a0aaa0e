/**
 * Counters in memory that several processes share. Whoever makes something untrue that another process may
 * have kept counts up; who kept it compares before it uses it. Names are hashed to a fixed number of cells:
 * where two meet, one of them is asked for once more than needed, and nothing worse.
 *
 * A name is that of an object (`placementKeyOf`) or of a whole bucket (`ufsIdentityOf`): of their info its home
 * alone counts. Or it is that of a bucket's listings or CORS rules: of those every gateway counts that wrote.
 */

/** What somebody says who made something untrue. */
export interface Changes {
  /** What was known of the name is not true any more. */
  changed(name: string): void;
  /** Nothing that was known is. */
  allChanged(): void;
}

export const noChanges: Changes = { changed: () => {}, allChanged: () => {} };

/** Everything, whatever its name. */
export const allCell = 0;
const cellsCount = 64 * 1024;

export const cellsBytes = cellsCount * Int32Array.BYTES_PER_ELEMENT;

/** The listings of a bucket, which every write to it changes. No placement key and no identity looks so. */
export function listsOf(ufsIdentity: string): string {
  return `lists ${ufsIdentity}`;
}

/** The CORS rules of a bucket. */
export function corsOf(ufsIdentity: string): string {
  return `cors ${ufsIdentity}`;
}

export class Cells implements Changes {
  readonly #cells: Int32Array;

  /** @param memory of `cellsBytes`, zeros at first */
  constructor(memory: ArrayBufferLike) {
    this.#cells = new Int32Array(memory, 0, cellsCount);
  }

  changed(name: string): void {
    Atomics.add(this.#cells, cellOf(name), 1);
  }

  allChanged(): void {
    Atomics.add(this.#cells, allCell, 1);
  }

  valueOf(cell: number): number {
    return Atomics.load(this.#cells, cell);
  }
}

/** FNV-1a over the name's UTF-16 units. Never `allCell`. */
export function cellOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  }
  hash ^= hash >>> 15;
  return 1 + ((hash >>> 0) % (cellsCount - 1));
}
