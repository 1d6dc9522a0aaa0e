/**
 * One budget for all bytes in flight: pages being filled, and pages on their way to disk. Demand goes first:
 * what a reader waits for. What is fetched ahead of readers waits while demand waits, and never takes more
 * than half; only what is larger than that by itself goes alone. Within each, first come, first served, so
 * nothing starves: what is ahead becomes demand as soon as a reader waits for it (`promote`).
 */
import { assert } from '@forebay/core/errors';

export type Urgency = 'demand' | 'ahead';

/** Part of the budget, taken or waited for. */
export class Share {
  readonly bytes: number;
  urgency: Urgency;
  state: 'waiting' | 'taken' | 'released' = 'waiting';
  readonly #settled = Promise.withResolvers<void>();

  constructor(bytes: number, urgency: Urgency) {
    this.bytes = bytes;
    this.urgency = urgency;
  }

  get isReleased(): boolean {
    return this.state === 'released';
  }

  /** Resolves when the share is taken, or was given up while it waited. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  settle(state: 'taken' | 'released'): void {
    this.state = state;
    this.#settled.resolve();
  }
}

export class ByteBudget {
  readonly bytesMax: number;
  /**
   * Called while demand waits: gives back what can be had again, and says whether there was anything. It may
   * release shares.
   */
  reclaim: () => boolean = () => false;
  readonly #demand: Share[] = [];
  readonly #ahead: Share[] = [];
  #bytes = 0;
  #aheadBytes = 0;
  #admitting = false;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Of `bytes`, what was taken ahead of readers. */
  get aheadBytes(): number {
    return this.#aheadBytes;
  }

  /** A share, taken at once where there is room. One larger than all is let in alone. */
  take(bytes: number, urgency: Urgency): Share {
    const share = new Share(bytes, urgency);
    (urgency === 'demand' ? this.#demand : this.#ahead).push(share);
    this.#admit();
    return share;
  }

  /** Somebody waits for it now. */
  promote(share: Share): void {
    if (share.urgency === 'demand') return;
    share.urgency = 'demand';
    if (share.state === 'taken') this.#aheadBytes -= share.bytes;
    if (share.state === 'waiting') {
      this.#ahead.splice(this.#ahead.indexOf(share), 1);
      this.#demand.push(share);
    }
    this.#admit();
  }

  /** Gives it back, or gives it up where it still waits. */
  release(share: Share): void {
    assert(share.state !== 'released', 'a share is released once');
    if (share.state === 'waiting') {
      const queue = share.urgency === 'demand' ? this.#demand : this.#ahead;
      queue.splice(queue.indexOf(share), 1);
    } else {
      this.#bytes -= share.bytes;
      if (share.urgency === 'ahead') this.#aheadBytes -= share.bytes;
    }
    share.settle('released');
    this.#admit();
  }

  /** There is more to reclaim than before: demand that waits gets it. */
  reclaimable(): void {
    this.#admit();
  }

  /** What `reclaim` releases is seen by the loop that called it. */
  #admit(): void {
    if (this.#admitting) return;
    this.#admitting = true;
    this.#admitDemand();
    if (this.#demand.length === 0) this.#admitAhead();
    this.#admitting = false;
  }

  #admitDemand(): void {
    for (let next = this.#demand[0]; next; next = this.#demand[0]) {
      if (this.#fits(next.bytes)) this.#admitFirst(this.#demand);
      else if (!this.reclaim()) return;
    }
  }

  #admitAhead(): void {
    for (let next = this.#ahead[0]; next; next = this.#ahead[0]) {
      const isWithinHalf = this.#aheadBytes + next.bytes <= this.bytesMax / 2;
      // One larger than half would wait for ever: alone it may go, as long as nobody else wants anything.
      if (this.#bytes > 0 && !(isWithinHalf && this.#fits(next.bytes))) return;
      this.#admitFirst(this.#ahead);
    }
  }

  #admitFirst(queue: Share[]): void {
    const share = queue.shift();
    assert(share, 'a queue that is looked at has a first');
    this.#bytes += share.bytes;
    if (share.urgency === 'ahead') this.#aheadBytes += share.bytes;
    share.settle('taken');
  }

  #fits(bytes: number): boolean {
    return this.#bytes + bytes <= this.bytesMax || this.#bytes === 0;
  }
}
