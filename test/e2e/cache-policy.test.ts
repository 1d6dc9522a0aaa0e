/**
 * Cache policies as an operator meets them: rules on the command line, pins and freeing while it runs, real
 * pages on a real disk, a real store behind.
 */
import { resolve } from 'node:path';
import type { FreedView } from '@forebay/registry/admin/caching';
import type { ObjectView } from '@forebay/registry/admin/objects';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { statObject } from '../support/admin.ts';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { contentOf, differenceOf } from '../support/content.ts';
import { untilQuiet } from '../support/metrics.ts';
import { run } from '../support/process.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';

const mainFile = resolve(import.meta.dirname, '../../cli/src/main.ts');
const KiB = 1024;
/** More than what is packed with others, so that each page is a file and goes by itself. */
const pageBytes = 256 * KiB;
const cachePages = 64;

const rules = [
  's3://lake/quota/?quota=2MiB',
  's3://lake/low/?priority=low',
  's3://lake/twice/?minUses=2',
  's3://lake/short/?cacheTtl=2s',
  's3://lake/small/?maxObjectSize=100KiB',
];

describe('cache policies', await needs('versitygw'), () => {
  let lake: CachedBucket;
  const bodies = new Map<string, Buffer>();

  beforeAll(async () => {
    const sizes = ['--page-size', '256KiB', '--memory-size', '0', '--cache-size', `${cachePages * 256}KiB`];
    lake = await startCachedBucket({ flags: [...sizes, ...rules.flatMap((rule) => ['--rule', rule])] });
  });
  afterAll(() => lake?.stop());

  /** Objects of one page each, `prefix0`, `prefix1`, ... */
  async function put(prefix: string, count: number): Promise<string[]> {
    const keys = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
    for (const key of keys) {
      const body = contentOf(bodies.size + 1, pageBytes);
      bodies.set(key, body);
      await lake.direct.put(`/lake/${key}`, body);
    }
    return keys;
  }

  /** Reads one after the other, each stored before the next; how they were answered. */
  async function read(keys: readonly string[]): Promise<string[]> {
    const caches: string[] = [];
    for (const key of keys) {
      const reply = await lake.client.send({ path: `/lake/${key}` });
      expect(differenceOf(reply.body, bodies.get(key)!), key).toBeUndefined();
      caches.push(String(reply.headers['x-cache']));
      await untilQuiet(lake.forebay);
    }
    return caches;
  }

  /** Those of which the page is cached. */
  async function cached(keys: readonly string[]): Promise<string[]> {
    const views: [string, ObjectView][] = [];
    for (const key of keys) views.push([key, await statObject(lake.forebay, 'lake', key)]);
    return views.filter(([, { pages }]) => pages.cached > 0).map(([key]) => key);
  }

  async function forebay<Answer>(...args: string[]): Promise<Answer> {
    const { admin, accessKey, secretKey } = lake.forebay;
    const result = await run(process.execPath, [mainFile, ...args, '--json', '--admin', admin], {
      env: { PATH: process.env.PATH, FOREBAY_ACCESS_KEY: accessKey, FOREBAY_SECRET_KEY: secretKey },
    });
    if (result.code !== 0) throw new Error(result.stderr);
    return JSON.parse(result.stdout) as Answer;
  }

  it('keep a prefix within its quota, and let it make room among its own pages', async () => {
    const others = await put('beside/', 4);
    await read(others);
    const keys = await put('quota/', 20);
    await read(keys);
    const kept = await cached(keys);
    expect(kept.length).toBeGreaterThan(0);
    const { policy } = await statObject(lake.forebay, 'lake', keys[0]!);
    expect(policy).toMatchObject({ scope: 's3://lake/quota/', quotaBytes: 2048 * KiB });
    expect(policy.scopeBytes).toBeLessThanOrEqual(2048 * KiB);
    expect(policy.scopeBytes).toBeGreaterThanOrEqual(kept.length * pageBytes);
    expect(await cached(others)).toEqual(others);
  });

  it('store a page at its second use where a rule wants two', async () => {
    const [key = ''] = await put('twice/', 1);
    expect(await read([key])).toEqual(['MISS']);
    expect(await cached([key])).toEqual([]);
    expect(await read([key])).toEqual(['MISS']);
    expect(await cached([key])).toEqual([key]);
    expect(await read([key])).toEqual(['HIT']);
  });

  it('drop pages when their time is over', async () => {
    const [key = ''] = await put('short/', 1);
    expect(await read([key])).toEqual(['MISS']);
    await until('the page is dropped', async () => (await cached([key])).length === 0);
    expect(await read([key])).toEqual(['MISS']);
  });

  it('pass through what is larger than its rule allows', async () => {
    const [key = ''] = await put('small/', 1);
    expect(await read([key])).toEqual(['BYPASS']);
    expect(await read([key])).toEqual(['BYPASS']);
    const explained = await forebay<ObjectView>('explain', `s3://lake/${key}`);
    expect(explained.forecast.cache).toBe('BYPASS');
    expect(explained.policy.rule).toBe('rule s3://lake/small/');
  });

  it('free exactly what is below a prefix, ask nothing of the UFS, and leave the neighbours', async () => {
    const below = await put('a/', 3);
    const neighbours = [...(await put('ab/', 2)), ...(await put('a', 1))];
    await read([...below, ...neighbours]);
    lake.proxy.reset();
    const counts = { pages: 3, bytes: 3 * pageBytes, pinnedPages: 0, pinnedBytes: 0 };
    expect(await forebay<FreedView>('free', 's3://lake/a', '--dry-run')).toMatchObject(counts);
    expect(await cached(below)).toEqual(below);
    expect(await forebay<FreedView>('free', 's3://lake/a/')).toMatchObject(counts);
    expect(await cached([...below, ...neighbours])).toEqual(neighbours);
    expect(lake.proxy.requests).toEqual([]);
    expect((await statObject(lake.forebay, 'lake', below[0]!)).state).toBe('unknown');
    expect(await read(neighbours)).toEqual(['HIT', 'HIT', 'HIT']);
    expect(await read(below)).toEqual(['MISS', 'MISS', 'MISS']);
    await expect(forebay('free', 's3://lake')).rejects.toThrow('add --all');
  });

  it('let pages of low priority go first', async () => {
    await forebay('free', 's3://lake', '--all');
    const low = await put('low/', 20);
    const normal = await put('normal/', 20);
    await read([...low, ...normal]);
    await read(await put('more/', cachePages - 30));
    expect(await cached(normal)).toEqual(normal);
    expect((await cached(low)).length).toBeLessThan(low.length);
  });

  it('keep what is pinned through a scan of several times the cache, and through a restart', async () => {
    await forebay('free', 's3://lake', '--all');
    const pinned = await put('pinned/', 8);
    const later = await put('later/', 4);
    await read(later);
    await forebay('pin', 's3://lake/pinned/');
    await forebay('pin', 's3://lake/later/');
    await read(pinned);
    const scan = await put('scan/', cachePages * 2);
    await read(scan);
    expect(await cached([...pinned, ...later])).toEqual([...pinned, ...later]);
    await lake.forebay.restart();
    await read(scan);
    expect(await read([...pinned, ...later])).toEqual(Array<string>(12).fill('REVALIDATED'));
    expect(await forebay<object[]>('pins')).toMatchObject([
      { keys: 's3://lake/pinned/', origin: 'runtime' },
      { keys: 's3://lake/later/', origin: 'runtime' },
    ]);
    const freed = await forebay<FreedView>('free', 's3://lake/pinned/');
    expect(freed).toMatchObject({ pages: 0, pinnedPages: 8, pinnedBytes: 8 * pageBytes });
    expect(await forebay<FreedView>('free', 's3://lake/pinned/', '--pinned')).toMatchObject({ pages: 8 });
    await forebay('unpin', 's3://lake/later/');
    const unpinned = await statObject(lake.forebay, 'lake', later[0]!);
    expect(unpinned.policy).toMatchObject({ pinned: false, rule: 'mount /lake' });
    expect(await forebay<FreedView>('free', 's3://lake/later/')).toMatchObject({ pages: 4, pinnedPages: 0 });
  });
});
