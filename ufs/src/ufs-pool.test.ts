import { MountTable } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Ufs } from './ufs.ts';
import { UfsPool } from './ufs-pool.ts';
import type { UfsService } from './ufs-service.ts';

const mountOf = (text: string) => parseMount(text, { pageSizeBytes: 1024 * 1024, createdAtMs: 0 });
const lake = mountOf('/lake=s3://lake?endpoint=http://127.0.0.1:1');
const raw = mountOf('/raw=s3://lake/raw?endpoint=http://127.0.0.1:1&ttl=5s');
const data = mountOf('/data=file:///d');

let opened: string[];
let closed: string[];
let failing: boolean;
let pool: UfsPool;
beforeEach(() => {
  vi.useFakeTimers();
  opened = [];
  closed = [];
  failing = false;
  pool = new UfsPool({
    open: (location) => {
      if (failing) throw new Error('cannot open');
      const name = location.scheme === 's3' ? location.bucket : location.directory;
      opened.push(name);
      return { identity: name, close: async () => void closed.push(name) } as Partial<Ufs> as Ufs;
    },
    openService: () => {
      opened.push('service');
      return {
        bucket: (name: string) => {
          opened.push(name);
          return { identity: name } as Partial<Ufs>;
        },
        close: async () => void closed.push('service'),
      } as Partial<UfsService> as UfsService;
    },
    serviceViewOf: (service) => service,
    viewOf: (ufs, mount) => ({ ...ufs, identity: `${ufs.identity} seen from ${mount.path}` }),
    graceMs: 1000,
  });
});
afterEach(() => vi.useRealTimers());

describe('UfsPool', () => {
  it('opens one Ufs for all mounts of a bucket, with a view for each', async () => {
    const views = await Promise.all([pool.ufsOf(lake), pool.ufsOf(raw), pool.ufsOf(lake)]);
    expect(opened).toEqual(['lake']);
    expect(views.map((ufs) => ufs.identity)).toEqual([
      'lake seen from /lake',
      'lake seen from /raw',
      'lake seen from /lake',
    ]);
    expect(views[0]).toBe(views[2]);
  });

  it('tries again after an open that failed', async () => {
    failing = true;
    await expect(pool.ufsOf(lake)).rejects.toMatchObject({
      kind: 'ufs-unavailable',
      cause: new Error('cannot open'),
    });
    failing = false;
    await expect(pool.ufsOf(lake)).resolves.toBeDefined();
  });

  it('closes a Ufs some time after its last mount went', async () => {
    await Promise.all([pool.ufsOf(lake), pool.ufsOf(raw), pool.ufsOf(data)]);
    pool.retain([raw, data]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(closed).toEqual([]);
    pool.retain([data]);
    await vi.advanceTimersByTimeAsync(999);
    expect(closed).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(closed).toEqual(['lake']);
  });

  it('keeps a Ufs that is mounted again in time', async () => {
    await pool.ufsOf(lake);
    pool.retain([]);
    await vi.advanceTimersByTimeAsync(500);
    pool.retain([raw]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(closed).toEqual([]);
  });

  it('opens one service for all buckets of a pattern mount, and keeps only so many of them at hand', async () => {
    const pattern = mountOf('/{bucket}=s3://{bucket}?endpoint=http://127.0.0.1:1');
    const table = new MountTable([pattern]);
    const ufsOf = (bucket: string) => pool.ufsOf(table.ofBucket(bucket)[0]!);
    const first = await ufsOf('first');
    expect(first.identity).toBe('first seen from /{bucket}');
    for (let index = 0; index < 2000; index += 1) {
      await ufsOf(`bucket-${index}`);
      expect(await ufsOf('first')).toBe(first);
    }
    expect(opened).toHaveLength(2002);
    await ufsOf('bucket-0');
    await ufsOf('bucket-1999');
    expect(opened.slice(2002)).toEqual(['bucket-0']);
    expect(await pool.serviceOf(pattern)).toBe(await pool.serviceOf(pattern));
    expect(opened.filter((name) => name === 'service')).toHaveLength(1);
    pool.retain([pattern]);
    expect(await ufsOf('first')).toBe(first);
    pool.retain([lake]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(closed).toEqual(['service']);
  });

  it('closes everything when it closes, and opens nothing after', async () => {
    await Promise.all([pool.ufsOf(lake), pool.ufsOf(data)]);
    pool.retain([]);
    await pool.close();
    await vi.advanceTimersByTimeAsync(5000);
    expect(closed.sort()).toEqual(['/d', 'lake']);
    await expect(pool.ufsOf(lake)).rejects.toThrow('closed');
  });
});
