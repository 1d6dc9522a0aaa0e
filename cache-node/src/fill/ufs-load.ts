/** What fills know of the stores they read: how far away each is, and how many requests go ahead there. */
import type { Ufs } from '@forebay/ufs/ufs';

/**
 * A store that answers within this is near: one connection brings as much as this process can take, and a
 * second one only costs. Loopback and the same rack stay below, S3 in its own region above.
 */
const nearMs = 8;
/** The estimate follows the quickest answers, and a slower store only by so much per answer. */
const growthPerAnswer = 1.02;

export class UfsLoad {
  readonly #aheadMax: number;
  #latencyMs: number | undefined;
  #ahead = 0;

  constructor(aheadMax: number) {
    this.#aheadMax = aheadMax;
  }

  /** A request was answered (its head, not its body) after so long. */
  answered(ms: number): void {
    const known = this.#latencyMs;
    this.#latencyMs = known === undefined ? ms : Math.min(ms, Math.max(known * growthPerAnswer, 0.1));
  }

  /** From sending to answer, at its quickest of late; 0 while nothing is known. */
  get latencyMs(): number {
    return this.#latencyMs ?? 0;
  }

  /** Whether several requests at once bring more than one. */
  get isFar(): boolean {
    return this.latencyMs > nearMs;
  }

  /** A place for a request that nobody waits for yet; false where all are taken. `leave` gives it back. */
  enterAhead(): boolean {
    if (this.#ahead >= this.#aheadMax) return false;
    this.#ahead += 1;
    return true;
  }

  leaveAhead(): void {
    this.#ahead -= 1;
  }
}

export class UfsLoads {
  readonly #aheadMax: number;
  readonly #loads = new WeakMap<Ufs, UfsLoad>();

  /** `aheadMax`: requests ahead of readers at a time, per UFS. */
  constructor(aheadMax: number) {
    this.#aheadMax = aheadMax;
  }

  of(ufs: Ufs): UfsLoad {
    const known = this.#loads.get(ufs);
    if (known) return known;
    const load = new UfsLoad(this.#aheadMax);
    this.#loads.set(ufs, load);
    return load;
  }
}
