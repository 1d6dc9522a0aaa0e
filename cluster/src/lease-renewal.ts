/**
 * Renews the lease of a node: every three seconds, and at once where there is something to acknowledge or to
 * learn. One renewal at a time; what a registry that is away answers late counts from when it was asked.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { NodeStats } from '@forebay/core/cache-node';
import type { Log } from '@forebay/core/log';
import { type RenewalAnswer, type RenewalRequest, renewalMs } from '@forebay/core/membership';
import type { NodeLease } from './node-lease.ts';

export interface LeaseRenewalOptions {
  readonly lease: NodeLease;
  /** Rejects within a few seconds where no registry answers. */
  readonly renew: (request: RenewalRequest) => Promise<RenewalAnswer>;
  readonly stats: () => Promise<NodeStats>;
  readonly log: Log;
}

/** Where a renewal failed, or the node waits for the epoch that has it. That one is settled, views tell. */
const soonMs = 500;

export class LeaseRenewal {
  readonly #options: LeaseRenewalOptions;
  readonly #stopped = new AbortController();
  #wake = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #said: string | undefined = 'it was just started';

  constructor(options: LeaseRenewalOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Something is to be told now: an epoch that was learnt elsewhere, another wish. */
  renewNow(): void {
    this.#wake.abort();
  }

  /** Gives the lease up, and tells the registry where it answers. */
  async leave(): Promise<void> {
    const { lease, renew, log } = this.#options;
    lease.wish = 'leaving';
    this.#stopped.abort();
    this.renewNow();
    await this.#running;
    try {
      await renew(lease.send().request);
    } catch (error) {
      log.warn({ reason: String(error) }, 'the registry was not told that the node leaves');
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      this.#wake = new AbortController();
      const pauseMs = await this.#renew();
      this.#say();
      if (this.#stopped.signal.aborted) return;
      await wait(pauseMs, undefined, { signal: this.#wake.signal }).catch(() => {});
    }
  }

  /** @returns when to ask again, in ms */
  async #renew(): Promise<number> {
    const { lease, renew, stats } = this.#options;
    const before = lease.stamp;
    try {
      const told = await stats();
      const sent = lease.send();
      const answer = await renew({ ...sent.request, stats: told });
      lease.answered(sent, answer);
      if (lease.stamp !== before) return 0;
      return answer.granted && lease.isMember ? renewalMs : soonMs;
    } catch (error) {
      lease.unanswered(error instanceof Error ? error.message : String(error));
      return soonMs;
    }
  }

  /** One line whenever the node begins or ceases to be a home. */
  #say(): void {
    const { lease, log } = this.#options;
    const { reason } = lease;
    if (reason === this.#said) return;
    if (reason === undefined) log.info({ epoch: lease.stamp }, 'the node is the home of its keys');
    else log.warn({ epoch: lease.stamp, reason }, 'the node is not the home of all that the ring gives it');
    this.#said = reason;
  }
}
