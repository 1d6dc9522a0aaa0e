/** The ring as a gateway knows it, and how it learns of a newer one. */
import type { Epoch, Membership } from '@forebay/core/membership';
import { type Ring, ringAlgorithm, ringOf } from '@forebay/core/ring';
import { type Timing, within } from './time.ts';

/** Where membership comes from: a registry's view. */
export interface MembershipSource {
  /** Undefined: none is known. */
  membership(): Membership | undefined;
  /** Asks for the newest. */
  refresh(): Promise<void>;
  /** Calls back after each change, until the returned function is called. */
  watch(listener: () => void): () => void;
}

/** The registry may be away. */
const refreshMsMax = 1000;
const refreshPauseMs = 500;

export class RingView {
  readonly #source: MembershipSource;
  readonly #timing: Timing;
  #ring: Ring | undefined;
  #refreshing: Promise<unknown> | undefined;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;

  constructor(source: MembershipSource, timing: Timing) {
    this.#source = source;
    this.#timing = timing;
  }

  /** Undefined where there is none to act by: no epoch yet, or one that is made by rules not known here. */
  ring(): Ring | undefined {
    const epoch = this.#source.membership()?.epoch;
    if (!epoch || epoch.number === 0 || epoch.ring !== ringAlgorithm) return undefined;
    if (!this.#ring || !isSame(this.#ring.epoch, epoch)) this.#ring = ringOf(epoch);
    return this.#ring;
  }

  /** Resolves when the newest is known, or the registry does not say. All who ask meanwhile share it. */
  async refresh(): Promise<void> {
    this.#refreshing ??= within(this.#refresh(), refreshMsMax, this.#timing).finally(() => {
      this.#refreshing = undefined;
      this.#refreshedAtMs = this.#timing.clock.monotonicMs();
    });
    await this.#refreshing;
  }

  /** The same where nobody waits for it, and not often. */
  refreshSoon(): void {
    if (this.#timing.clock.monotonicMs() - this.#refreshedAtMs < refreshPauseMs) return;
    void this.refresh();
  }

  async #refresh(): Promise<void> {
    try {
      await this.#source.refresh();
    } catch {
      // The last view stays.
    }
  }
}

/** Every view of a registry has an epoch of its own making; what is told apart are their names. */
function isSame(a: Epoch, b: Epoch): boolean {
  return a === b || (a.number === b.number && a.registry === b.registry);
}
