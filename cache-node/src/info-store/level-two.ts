/**
 * The info log as the store uses it: nothing here fails a read, and a log that fails is out of use until
 * it can be begun anew, which is tried from time to time. What was known of an object must be forgotten
 * for good when a write of it begins. Where that cannot be said on disk, the log as a whole goes; where it
 * cannot go either, the tenure has ended, and `canForget` is false: a later process may find what is there
 * and trust it, on `immutable` mounts.
 */
import type { Clock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import type { InfoLog } from '../info-log/info-log.ts';
import type { InfoRecord } from './record.ts';

export interface LevelTwoOptions {
  /** Finds what earlier processes left. @throws Error */
  readonly open: () => InfoLog;
  readonly clock: Clock;
  readonly log: Log;
  /** What was known may be known no longer: the rest of the store must not trust it either. */
  readonly endTenure: () => void;
}

/** Between two attempts to begin a failed log anew. */
const retryAfterMs = 5_000;

type Put = readonly [key: string, slot: string, record: InfoRecord];

export class LevelTwo {
  readonly #options: LevelTwoOptions;
  /** Of this tick. */
  #puts: Put[] = [];
  #infos: InfoLog | undefined;
  #isUsable = false;
  #isClosed = false;
  #failedAtMs = 0;

  constructor(options: LevelTwoOptions) {
    this.#options = options;
    try {
      this.#infos = options.open();
      this.#isUsable = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  get count(): number {
    this.write();
    return this.#infos?.count ?? 0;
  }

  /** False where what is known on disk may outlive a write that makes it untrue. */
  canForget(): boolean {
    return this.#usable() !== undefined || this.#isClosed || this.#infos?.mayBeFound === false;
  }

  /** 0 for a bucket that was never deleted. */
  incarnationOf(identity: string): number {
    return this.#infos?.incarnationOf(identity) ?? 0;
  }

  /** Begins the next incarnation of a bucket. */
  renew(identity: string): void {
    const infos = this.#usable();
    try {
      if (infos) infos.renew(identity);
      else this.#options.endTenure();
    } catch (error) {
      this.#options.log.error({ reason: reasonOf(error) }, 'info store: a bucket stays, tenure ends');
      this.#beginAnew();
    }
  }

  get(key: string, slot: string): InfoRecord | undefined {
    try {
      return this.#usable()?.get(key, slot);
    } catch (error) {
      this.#options.log.warn({ reason: reasonOf(error) }, 'info store: read failed');
      return undefined;
    }
  }

  /** Written after the tick, or before anything else is asked: whoever waits for the info need not wait. */
  put(...put: Put): void {
    this.#puts.push(put);
    if (this.#puts.length === 1) setImmediate(() => this.write());
  }

  delete(key: string): void {
    try {
      this.#usable()?.delete(key);
    } catch (error) {
      this.#options.log.error({ reason: reasonOf(error) }, 'info store: delete failed, tenure ends');
      this.#beginAnew();
    }
  }

  flush(): void {
    this.#usable()?.flush();
  }

  close(): void {
    this.write();
    this.#isUsable = false;
    this.#isClosed = true;
    this.#infos?.close();
  }

  /** Gives the log all that was put: at once where a start must not find what was known before. */
  write(): void {
    for (let put = this.#puts.shift(); put; put = this.#puts.shift()) {
      try {
        this.#inUse()?.put(...put);
      } catch (error) {
        // What may still be there is of an earlier read: drop it, or end the tenure.
        this.#options.log.warn({ reason: reasonOf(error) }, 'info store: write failed');
        this.delete(put[0]);
      }
    }
  }

  /** What is to be asked: behind all that was put. */
  #usable(): InfoLog | undefined {
    this.write();
    return this.#inUse();
  }

  #inUse(): InfoLog | undefined {
    const { clock } = this.#options;
    if (!this.#isUsable && !this.#isClosed && clock.monotonicMs() - this.#failedAtMs >= retryAfterMs) {
      this.#beginAnew();
      if (this.#isUsable) this.#options.log.info({}, 'info store: in use again');
    }
    return this.#isUsable ? this.#infos : undefined;
  }

  /** What stayed would be trusted again on an `immutable` mount, and after a restart too. */
  #beginAnew(): void {
    this.#options.endTenure();
    this.#puts = [];
    try {
      this.#infos ??= this.#options.open();
      this.#infos.reset();
      this.#isUsable = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failedAtMs = this.#options.clock.monotonicMs();
    this.#isUsable = false;
    this.#options.log.error({ reason: reasonOf(error) }, 'info store: out of use for now');
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
