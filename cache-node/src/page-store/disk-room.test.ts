/** A disk that others have filled at the start, and give back later. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@forebay/core/clock';
import { silentLog } from '@forebay/core/log';
import { Metrics } from '@forebay/core/metrics';
import { expect, it, onTestFinished, vi } from 'vitest';
import { declareCacheNodeMetrics } from '../metrics.ts';
import { PageStore } from './page-store.ts';

const MiB = 1024 * 1024;

it('is used as far as was asked once there is room, and no further than nine tenths of it', async () => {
  vi.useFakeTimers({ toFake: ['setInterval'] });
  const root = mkdtempSync(join(tmpdir(), 'forebay-room-'));
  let freeBytes = 0;
  const store = await PageStore.open({
    directories: [{ path: root, sizeBytesMax: 64 * MiB }],
    memorySizeBytes: 0,
    diskWriteQueueBytesMax: 32 * MiB,
    evictionHighPercent: 95,
    evictionLowPercent: 90,
    metrics: declareCacheNodeMetrics(new Metrics()),
    clock: systemClock,
    log: silentLog,
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
