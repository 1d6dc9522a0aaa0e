/** UFS answers that nobody reads, or not yet. */
import type { UfsObject } from '@forebay/ufs/ufs';

/** A UFS answer that one reader may take, and that is closed where none does. */
export class UnclaimedAnswer {
  #opened: UfsObject | undefined;

  constructor(opened: UfsObject) {
    this.#opened = opened;
  }

  claim(): UfsObject | undefined {
    const opened = this.#opened;
    this.#opened = undefined;
    return opened;
  }
}

export async function closeBody(opened: UfsObject): Promise<void> {
  const iterator = opened.body[Symbol.asyncIterator]();
  // An empty body ends with its first read, which lets the connection live on.
  if (opened.range.start === opened.range.endExclusive) await iterator.next().catch(() => {});
  await iterator.return?.().catch(() => {});
}
