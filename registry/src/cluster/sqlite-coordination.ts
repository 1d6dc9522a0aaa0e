/**
 * Coordination over a file of this process alone (the data directory's lock sees to that): its registry is
 * the only one, so the lock is a matter of memory and no start has to wait for an earlier one's. The records
 * are those of `openState`.
 */
import { type Clock, systemClock } from '@forebay/core/clock';
import { SqliteStore } from '../state-store.ts';
import type { Candidate, Coordination, Lock } from './coordination.ts';

const fencingKey = 'coordination:fencing';

export class SqliteCoordination implements Coordination {
  readonly #store: SqliteStore;
  readonly #clock: Clock;
  #lock: Lock | undefined;
  #untilMs = 0;
  #fencing: number;

  private constructor(store: SqliteStore, clock: Clock, fencing: number) {
    this.#store = store;
    this.#clock = clock;
    this.#fencing = fencing;
  }

  /** @throws Error where the file cannot be opened or is no database */
  static async open(path: string, clock: Clock = systemClock): Promise<SqliteCoordination> {
    const store = new SqliteStore(path);
    return new SqliteCoordination(store, clock, Number((await store.get<string>(fencingKey)) ?? 0));
  }

  read(key: string): Promise<string | undefined> {
    return this.#store.get<string>(key);
  }

  async write(lock: Lock, key: string, value: string | undefined): Promise<boolean> {
    if (!(await this.isHeld(lock))) return false;
    if (value === undefined) await this.#store.delete(key);
    else await this.#store.set(key, value);
    return true;
  }

  async acquire(holder: Candidate, ttlMs: number): Promise<Lock | undefined> {
    if (this.#held()) return undefined;
    this.#fencing += 1;
    this.#lock = { holder, fencing: this.#fencing };
    this.#untilMs = this.#clock.monotonicMs() + ttlMs;
    const lock = this.#lock;
    await this.#store.set(fencingKey, String(lock.fencing));
    return lock;
  }

  async extend(lock: Lock, ttlMs: number): Promise<boolean> {
    if (!(await this.isHeld(lock))) return false;
    this.#untilMs = this.#clock.monotonicMs() + ttlMs;
    return true;
  }

  async isHeld(lock: Lock): Promise<boolean> {
    return this.#held()?.fencing === lock.fencing;
  }

  async release(lock: Lock): Promise<void> {
    if (this.#lock?.fencing === lock.fencing) this.#lock = undefined;
  }

  async holder(): Promise<Candidate | undefined> {
    return this.#held()?.holder;
  }

  async close(): Promise<void> {
    await this.#store.disconnect();
  }

  #held(): Lock | undefined {
    return this.#clock.monotonicMs() < this.#untilMs ? this.#lock : undefined;
  }
}
