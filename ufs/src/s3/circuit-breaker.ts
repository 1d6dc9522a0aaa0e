/**
 * Stops asking a store that does not answer: after so many failures in a row, or too large a share of them,
 * nothing is sent for a while, then one request to see. What is cached is served meanwhile, and the store is
 * left alone to come back.
 */
import type { Clock } from '@forebay/core/clock';
import { ForebayError } from '@forebay/core/errors';
import type { CircuitState } from '../ufs-use.ts';

export interface CircuitLimits {
  /** Failures in a row that open the circuit; 0: it never opens. */
  readonly failuresMax: number;
  /** How long it stays open at first. Doubles with each probe that fails. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

/** What became of a request. `unknown`: nothing that is the store's fault or merit, such as a client that left. */
export type Outcome = 'answered' | 'failed' | 'unknown';

/** The share of failures counts over this time, and among so many requests. */
const windowMs = 10_000;
const windowRequestsMin = 40;
const failedShareMax = 0.5;

export class CircuitBreaker {
  readonly #limits: CircuitLimits;
  readonly #clock: Clock;
  readonly #random: () => number;
  #state: CircuitState = 'closed';
  /** Outcomes of requests that began in an earlier state say nothing about this one. */
  #era = 0;
  #inRow = 0;
  #window = { endMs: 0, requests: 0, failures: 0 };
  #backoffMs: number;
  #openEndMs = 0;

  constructor(
    limits: CircuitLimits,
    { clock, random = Math.random }: { clock: Clock; random?: () => number },
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.#random = random;
    this.#backoffMs = limits.backoffMs;
  }

  get state(): CircuitState {
    return this.#state;
  }

  /**
   * Call before a request is sent; with the result, exactly once, when it is known what became of it.
   * @throws ForebayError ufs-unavailable where nothing is to be sent
   */
  enter(): (outcome: Outcome) => void {
    if (this.#state !== 'closed') this.#probe();
    const era = this.#era;
    return (outcome) => {
      if (era === this.#era) this.#settle(outcome);
    };
  }

  #probe(): void {
    const nowMs = this.#clock.monotonicMs();
    const leftMs = this.#openEndMs - nowMs;
    if (leftMs > 0) {
      const message = 'the store has not answered for a while, and is left alone before it is asked again';
      throw new ForebayError('ufs-unavailable', message, { retryAfterMs: Math.max(0, leftMs) });
    }
    // One that takes longer, such as an upload of a slow client, is not waited for: the next may try.
    this.#openEndMs = nowMs + this.#limits.backoffMaxMs;
    this.#become('half-open');
  }

  #settle(outcome: Outcome): void {
    if (this.#state === 'half-open') {
      if (outcome === 'answered') this.#close();
      // Nothing was learnt: the next request is the probe.
      else if (outcome === 'unknown') this.#reopen();
      else this.#open(Math.min(this.#backoffMs * 2, this.#limits.backoffMaxMs));
      return;
    }
    if (outcome === 'unknown') return;
    const failed = outcome === 'failed';
    this.#inRow = failed ? this.#inRow + 1 : 0;
    this.#count(failed);
    if (failed && this.#isTooMuch()) this.#open(this.#limits.backoffMs);
  }

  #count(failed: boolean): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#window.endMs) this.#window = { endMs: nowMs + windowMs, requests: 0, failures: 0 };
    this.#window.requests += 1;
    if (failed) this.#window.failures += 1;
  }

  #isTooMuch(): boolean {
    const { failuresMax } = this.#limits;
    if (failuresMax === 0) return false;
    const { requests, failures } = this.#window;
    const share = requests >= Math.max(windowRequestsMin, failuresMax) ? failures / requests : 0;
    return this.#inRow >= failuresMax || share > failedShareMax;
  }

  #open(backoffMs: number): void {
    this.#backoffMs = backoffMs;
    // Half of it for sure: many processes before one store must not come back in step, nor at once.
    this.#openEndMs = this.#clock.monotonicMs() + backoffMs * (0.5 + 0.5 * this.#random());
    this.#become('open');
  }

  #reopen(): void {
    this.#openEndMs = this.#clock.monotonicMs();
    this.#become('open');
  }

  #close(): void {
    this.#inRow = 0;
    this.#window = { endMs: 0, requests: 0, failures: 0 };
    this.#backoffMs = this.#limits.backoffMs;
    this.#become('closed');
  }

  #become(state: CircuitState): void {
    this.#state = state;
    this.#era += 1;
  }
}
