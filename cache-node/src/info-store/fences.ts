/**
 * Write fences and the tokens that guard what may be installed (DESIGN §4, The rule and Writes).
 *
 * A token is taken before a UFS read is sent. Any begin or end of a write on the object, and the end of the
 * tenure, makes it void, so "counter unchanged since" is a flag on the token and no counter per object
 * outlives its reads. Keys are placement keys: one UFS object has one fence, whatever mounts reach it. A UFS
 * identity alone is the key of a whole bucket: its fence is one on each of its objects.
 */
import type { WriteOutcome } from '@forebay/core/cache-node';
import type { Clock } from '@forebay/core/clock';
import { ForebayError } from '@forebay/core/errors';
import { unsettledMs } from '@forebay/core/membership';
import { ufsIdentityIn } from '@forebay/core/mount';

export interface Token {
  readonly placementKey: string;
  /** Of the node's homes when it was taken. */
  readonly stamp: number;
  /**
   * False from the moment that a write began or ended on the object, or the tenure ended; and always where it
   * was taken at a node that was not the home.
   */
  current: boolean;
}

interface ObjectFences {
  readonly open: Set<string>;
  /** Monotonic ms; 0: settled. */
  unsettledUntilMs: number;
}

export class Fences {
  readonly #clock: Clock;
  readonly #fencesOpenMax: number;
  readonly #objects = new Map<string, ObjectFences>();
  readonly #tokens = new Map<string, Set<Token>>();
  #openCount = 0;
  #unsettledCount = 0;

  constructor(options: { clock: Clock; fencesOpenMax: number }) {
    this.#clock = options.clock;
    this.#fencesOpenMax = options.fencesOpenMax;
  }

  /** Open fences. They and the unsettled objects together are bounded by one limit. */
  get openCount(): number {
    return this.#openCount;
  }

  /** To be called before the UFS read is sent; give it back with `release`. */
  take(placementKey: string, stamp: number): Token {
    const token: Token = { placementKey, stamp, current: true };
    const tokens = this.#tokens.get(placementKey);
    if (tokens) tokens.add(token);
    else this.#tokens.set(placementKey, new Set([token]));
    return token;
  }

  release(token: Token): void {
    const tokens = this.#tokens.get(token.placementKey);
    if (!tokens?.delete(token)) return;
    if (tokens.size === 0) this.#tokens.delete(token.placementKey);
  }

  /** True while a write is open on the object or its bucket, or the outcome of one is unknown. */
  isFenced(placementKey: string): boolean {
    if (this.#objects.size === 0) return false;
    return this.#isKeyFenced(placementKey) || this.#isKeyFenced(ufsIdentityIn(placementKey));
  }

  #isKeyFenced(placementKey: string): boolean {
    const fences = this.#objects.get(placementKey);
    if (!fences) return false;
    if (fences.open.size > 0) return true;
    if (fences.unsettledUntilMs > this.#clock.monotonicMs()) return true;
    if (fences.unsettledUntilMs > 0) this.#unsettledCount -= 1;
    this.#objects.delete(placementKey);
    return false;
  }

  state(placementKey: string): { open: number; unsettled: boolean } {
    const keys = [placementKey, ufsIdentityIn(placementKey)].filter((key) => this.#isKeyFenced(key));
    const fences = keys.flatMap((key) => this.#objects.get(key) ?? []);
    return {
      open: fences.reduce((sum, { open }) => sum + open.size, 0),
      unsettled: fences.some(({ unsettledUntilMs }) => unsettledUntilMs > this.#clock.monotonicMs()),
    };
  }

  /** All or none. @throws ForebayError `overloaded` over the limit. */
  begin(placementKeys: readonly string[], fenceId: string): void {
    if (!this.#hasRoom(placementKeys.length)) {
      throw new ForebayError('overloaded', `more than ${this.#fencesOpenMax} writes are open`);
    }
    for (const key of placementKeys) {
      const fences = this.#objects.get(key) ?? { open: new Set<string>(), unsettledUntilMs: 0 };
      this.#objects.set(key, fences);
      if (!fences.open.has(fenceId)) {
        fences.open.add(fenceId);
        this.#openCount += 1;
      }
      this.#void(key);
    }
  }

  end(placementKeys: readonly string[], fenceId: string, outcome: WriteOutcome): void {
    for (const key of placementKeys) {
      this.#void(key);
      let fences = this.#objects.get(key);
      if (fences?.open.delete(fenceId)) this.#openCount -= 1;
      if (outcome === 'unknown') {
        fences ??= { open: new Set(), unsettledUntilMs: 0 };
        if (fences.unsettledUntilMs === 0) this.#unsettledCount += 1;
        fences.unsettledUntilMs = this.#clock.monotonicMs() + unsettledMs;
        this.#objects.set(key, fences);
      }
      this.#isKeyFenced(key);
    }
  }

  #hasRoom(count: number): boolean {
    if (this.#openCount + this.#unsettledCount + count <= this.#fencesOpenMax) return true;
    // Unsettled objects are forgotten when they are next looked at: look at them now.
    for (const key of [...this.#objects.keys()]) this.#isKeyFenced(key);
    return this.#openCount + this.#unsettledCount + count <= this.#fencesOpenMax;
  }

  /** The tenure ended: nothing that was read before may be installed. */
  voidAll(): void {
    for (const key of [...this.#tokens.keys()]) this.#voidKey(key);
  }

  #void(placementKey: string): void {
    if (placementKey !== ufsIdentityIn(placementKey)) {
      this.#voidKey(placementKey);
      return;
    }
    // As many tokens as UFS reads are under way: to look at each costs little beside the end of a bucket.
    for (const key of [...this.#tokens.keys()]) if (ufsIdentityIn(key) === placementKey) this.#voidKey(key);
  }

  #voidKey(placementKey: string): void {
    const tokens = this.#tokens.get(placementKey);
    if (!tokens) return;
    for (const token of tokens) token.current = false;
    this.#tokens.delete(placementKey);
  }
}
