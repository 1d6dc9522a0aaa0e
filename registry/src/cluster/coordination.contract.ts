/** What every Coordination promises. */
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Coordination, Lock } from './coordination.ts';

const longMs = 60_000;
const shortMs = 50;
const ann = { token: 'ann', address: '127.0.0.1:1' };
const bob = { token: 'bob', address: '127.0.0.1:2' };

/** @param open over the same empty store for each test */
export function coordinationContract(name: string, open: () => Promise<Coordination>): void {
  describe(`${name} as Coordination`, () => {
    let shared: Coordination;
    beforeEach(async () => {
      shared = await open();
    });
    afterEach(() => shared.close());

    async function taken(candidate = ann, ttlMs = longMs): Promise<Lock> {
      for (;;) {
        const lock = await shared.acquire(candidate, ttlMs);
        if (lock) return lock;
        await wait(5);
      }
    }

    it('gives the lock to one at a time, with a higher number each time', async () => {
      expect(await shared.holder()).toBeUndefined();
      const first = await taken();
      expect(await shared.holder()).toEqual(ann);
      expect(await shared.acquire(bob, longMs)).toBeUndefined();
      await shared.release(first);
      const second = await taken(bob);
      expect(second.fencing).toBeGreaterThan(first.fencing);
      expect(await shared.isHeld(first)).toBe(false);
      expect(await shared.isHeld(second)).toBe(true);
    });

    it('gives the lock to one of many that ask at once', async () => {
      const locks = await Promise.all([1, 2, 3, 4].map(() => shared.acquire(ann, longMs)));
      expect(locks.filter((lock) => lock !== undefined)).toHaveLength(1);
    });

    it('lets a lock run out that is not extended, and extends none that has', async () => {
      const first = await taken(ann, shortMs);
      const second = await taken(bob);
      expect(await shared.extend(first, longMs)).toBe(false);
      expect(await shared.isHeld(first)).toBe(false);
      await shared.release(first);
      expect(await shared.isHeld(second)).toBe(true);
    });

    it('holds a lock that is extended', async () => {
      const lock = await taken(ann, longMs);
      expect(await shared.extend(lock, 2 * longMs)).toBe(true);
      expect(await shared.isHeld(lock)).toBe(true);
    });

    it('keeps records that the holder of the lock writes, and takes none from another', async () => {
      const first = await taken();
      expect(await shared.read('a')).toBeUndefined();
      expect(await shared.write(first, 'a', 'one "1" é')).toBe(true);
      expect(await shared.read('a')).toBe('one "1" é');
      await shared.release(first);
      expect(await shared.write(first, 'a', 'late')).toBe(false);
      const second = await taken(bob);
      expect(await shared.write(first, 'a', 'late')).toBe(false);
      expect(await shared.read('a')).toBe('one "1" é');
      expect(await shared.write(second, 'a', undefined)).toBe(true);
      expect(await shared.read('a')).toBeUndefined();
    });
  });
}
