/** A disk that others have filled at the start, and give back later. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openTestStore } from './testing/test-store.ts';

const MiB = 1024 * 1024;

it('is used as far as was asked once there is room, and no further than nine tenths of it', async () => {
  vi.useFakeTimers({ toFake: ['setInterval'] });
  const root = mkdtempSync(join(tmpdir(), 'forebay-room-'));
  let freeBytes = 0;
  const store = await openTestStore({
    directories: [{ path: root, sizeBytesMax: 64 * MiB }],
    freeBytesOf: () => Promise.resolve(freeBytes),
  });
  onTestFinished(async () => {
    vi.useRealTimers();
    await store.close();
    rmSync(root, { recursive: true, force: true });
  });
  const room = () => store.usage().directories[0]!.bytesMax;
  const atMaintenance = async () => {
    vi.advanceTimersByTime(5_000);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    return room();
  };
  expect(room()).toBeLessThan(MiB);
  expect(await atMaintenance()).toBeLessThan(MiB);
  freeBytes = 40 * MiB;
  const nineTenths = await atMaintenance();
  expect(nineTenths / MiB).toBeCloseTo(36, 0);
  expect(await atMaintenance()).toBe(nineTenths);
  freeBytes = 900 * MiB;
  expect(await atMaintenance()).toBe(64 * MiB);
});
