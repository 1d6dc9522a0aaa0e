/**
 * The registry's records behind Keyv, over a store that several registries share: read by all of them, and
 * written under the lock.
 */
import { EventEmitter } from 'node:events';
import type { KeyvStoreAdapter } from 'keyv';
import { type State, stateOver } from '../state-store.ts';
import { type Coordination, type Lock, NotActive } from './coordination.ts';

class FencedStore extends EventEmitter implements KeyvStoreAdapter {
  readonly opts = {};
  namespace?: string | undefined;
  readonly #shared: Coordination;
  readonly #lock: Lock | undefined;

  constructor(shared: Coordination, lock: Lock | undefined) {
    super();
    this.#shared = shared;
    this.#lock = lock;
  }

  async get<Value>(key: string): Promise<Value | undefined> {
    return (await this.#shared.read(key)) as Value | undefined;
  }

  async set(key: string, value: string): Promise<boolean> {
    await this.#write(key, value);
    return true;
  }

  async delete(key: string): Promise<boolean> {
    await this.#write(key, undefined);
    return true;
  }

  clear(): Promise<void> {
    return Promise.reject(new Error('shared records are not cleared'));
  }

  async #write(key: string, value: string | undefined): Promise<void> {
    if (!this.#lock || !(await this.#shared.write(this.#lock, key, value))) throw new NotActive();
  }
}

/** Failed reads and writes throw; NotActive where the lock is not held any more, or never was. */
export function fencedState(shared: Coordination, lock: Lock | undefined): State {
  return stateOver(new FencedStore(shared, lock));
}
