/**
 * Coordination over Redis: the lock is a key that runs out by itself, and each step that depends on it is
 * one script, so that check and effect are one. Redis must keep what it was told (`appendonly yes`): without
 * its records the cluster starts over.
 */
import { createClient } from '@redis/client';
import { type Candidate, type Coordination, type Lock, StoreUnavailable } from './coordination.ts';

/** Longer, and Redis counts as gone: it is asked again with the next call. */
const callTimeoutMs = 2_000;
const reconnectMsMax = 1_000;
/** Calls that wait for an answer. */
const callsMax = 1_000;

const keys = { lock: 'forebay:lock', fencing: 'forebay:fencing', record: (key: string) => `forebay:${key}` };

const acquireScript = `
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local fencing = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], cjson.encode({token = ARGV[1], address = ARGV[2], fencing = fencing}), 'PX', ARGV[3])
return fencing`;
const heldText = `
local text = redis.call('GET', KEYS[1])
if not text or cjson.decode(text).fencing ~= tonumber(ARGV[1]) then return 0 end
if cjson.decode(text).token ~= ARGV[2] then return 0 end`;
const heldScript = `${heldText} return 1`;
const extendScript = `${heldText} return redis.call('PEXPIRE', KEYS[1], ARGV[3])`;
const releaseScript = `${heldText} return redis.call('DEL', KEYS[1])`;
const writeScript = `${heldText} redis.call('SET', KEYS[2], ARGV[3]) return 1`;
const deleteScript = `${heldText} redis.call('DEL', KEYS[2]) return 1`;

export class RedisCoordination implements Coordination {
  readonly #client;
  #calls = 0;

  private constructor(url: string) {
    this.#client = createClient({
      url,
      // What cannot be asked now fails now: whoever asks has a better answer than to wait.
      disableOfflineQueue: true,
      socket: {
        connectTimeout: callTimeoutMs,
        reconnectStrategy: (retries) => Math.min(50 * 2 ** Math.min(retries, 10), reconnectMsMax),
      },
    });
    // Each call that fails says so; without a listener the emitter throws outside of any.
    this.#client.on('error', () => undefined);
  }

  /**
   * Resolves when it is connected, or is not for a while: it goes on trying, then and whenever it is cut off.
   * @param url `redis://host:6379`
   */
  static async open(url: string): Promise<RedisCoordination> {
    const shared = new RedisCoordination(url);
    await shared.#inTime(() => shared.#client.connect()).catch(() => undefined);
    return shared;
  }

  async read(key: string): Promise<string | undefined> {
    return (await this.#inTime(() => this.#client.get(keys.record(key)))) ?? undefined;
  }

  write(lock: Lock, key: string, value: string | undefined): Promise<boolean> {
    const script = value === undefined ? deleteScript : writeScript;
    return this.#ifHeld(script, lock, { key: keys.record(key), argument: value });
  }

  async acquire(holder: Candidate, ttlMs: number): Promise<Lock | undefined> {
    const given = [holder.token, holder.address, String(ttlMs)];
    const fencing = await this.#run(acquireScript, [keys.lock, keys.fencing], given);
    return typeof fencing === 'number' ? { holder, fencing } : undefined;
  }

  extend(lock: Lock, ttlMs: number): Promise<boolean> {
    return this.#ifHeld(extendScript, lock, { argument: String(ttlMs) });
  }

  isHeld(lock: Lock): Promise<boolean> {
    return this.#ifHeld(heldScript, lock, {});
  }

  async release(lock: Lock): Promise<void> {
    await this.#ifHeld(releaseScript, lock, {});
  }

  async holder(): Promise<Candidate | undefined> {
    const text = await this.#inTime(() => this.#client.get(keys.lock));
    if (text === null) return undefined;
    const { token, address } = JSON.parse(text) as Candidate;
    return { token, address };
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  async #ifHeld(
    script: string,
    { holder, fencing }: Lock,
    { key, argument }: { key?: string; argument?: string | undefined },
  ): Promise<boolean> {
    const given = [String(fencing), holder.token, ...(argument === undefined ? [] : [argument])];
    return (await this.#run(script, [keys.lock, ...(key === undefined ? [] : [key])], given)) === 1;
  }

  #run(script: string, names: string[], given: string[]): Promise<unknown> {
    return this.#inTime(() => this.#client.eval(script, { keys: names, arguments: given }));
  }

  /** A Redis that hangs answers nothing, and no call may wait for it. */
  async #inTime<T>(call: () => Promise<T>): Promise<T> {
    if (this.#calls >= callsMax) throw new StoreUnavailable('too many calls wait');
    this.#calls += 1;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error('it takes too long')), callTimeoutMs);
    try {
      return await Promise.race([call(), late.promise]);
    } catch (error) {
      throw new StoreUnavailable(error);
    } finally {
      clearTimeout(timer);
      this.#calls -= 1;
    }
  }
}
