/** What a load says of itself, during and after it, against what the store was really asked for. */
import type { JobView } from '@forebay/registry/jobs/job-view';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askAdmin, postAdmin } from '../support/admin.ts';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { contentOf, mebibyte } from '../support/content.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';

const sizes = {
  empty: [20, 0],
  small: [150, 3000],
  /** Cached before. */
  warm: [30, 5000],
  /** Of three pages, one of which is cached before. */
  part: [5, 2 * mebibyte + 1],
  /** Grow while the load goes on, after they were listed. */
  waxing: [10, 4000],
} as const;
type Kind = keyof typeof sizes;

const keys = (Object.keys(sizes) as Kind[]).flatMap((kind) =>
  Array.from({ length: sizes[kind][0] }, (_, index) => ({ kind, path: `/lake/all/${kind}-${index}` })),
);
const pathsOf = (kind: Kind) => keys.filter((key) => key.kind === kind).map(({ path }) => path);
const grownBytes = 9000;

describe('the numbers of a load', await needs('versitygw'), () => {
  let bucket: CachedBucket;
  const put = async (path: string, sizeBytes: number) => {
    const reply = await bucket.direct.send({ method: 'PUT', path, body: contentOf(1, sizeBytes) });
    expect(reply.status).toBe(200);
  };
  const inTurn = async (paths: readonly string[], act: (path: string) => Promise<void>) => {
    for (const path of paths) await act(path);
  };

  beforeAll(async () => {
    bucket = await startCachedBucket({ flags: ['--read-ahead-pages-max', '0'] });
    await Promise.all(
      (Object.keys(sizes) as Kind[]).map((kind) =>
        inTurn(pathsOf(kind), (path) => put(path, sizes[kind][1])),
      ),
    );
    const read = async (path: string, headers = {}) => {
      expect((await bucket.client.send({ path, headers })).status).toBeLessThan(300);
    };
    await inTurn(pathsOf('warm'), (path) => read(path));
    await inTurn(pathsOf('part'), (path) => read(path, { range: 'bytes=0-99' }));
  });
  afterAll(() => bucket?.stop());

  it('never go back, are never more than all, and are what the store was asked for', async () => {
    const { proxy, forebay } = bucket;
    await proxy.idle();
    proxy.reset();
    const body = { kind: 'load', keys: 's3://lake/all/', ufsRequestsPerSecondMax: 150, concurrencyMax: 4 };
    const { id } = JSON.parse(await postAdmin(forebay, '/api/v1/jobs', body)) as JobView;
    const views: JobView[] = [];
    const look = async () => {
      views.push(await askAdmin<JobView>(forebay, `/api/v1/jobs/${id}`));
      return views.at(-1)!;
    };
    await until('it is under way', async () => (await look()).objects.total > 10);
    // In the order of the keys they are the last.
    await inTurn(pathsOf('waxing'), (path) => put(path, grownBytes));
    expect((await look()).objects.total).toBeLessThan(keys.length - sizes.waxing[0]);
    const job = await until('it is over', async () => (await look()).state === 'done' && views.at(-1)!);

    for (const [at, view] of views.entries()) {
      const { objects, bytes, ufsRequests, expected } = view;
      expect(objects.loaded + objects.skipped + objects.failed).toBe(objects.total);
      expect(bytes.loaded + bytes.skipped).toBe(bytes.total);
      expect(objects.total).toBeLessThanOrEqual(expected?.objects ?? keys.length);
      expect(bytes.total).toBeLessThanOrEqual(expected?.bytes ?? Number.POSITIVE_INFINITY);
      const before = views[at - 1];
      if (!before) continue;
      expect(objects.total).toBeGreaterThanOrEqual(before.objects.total);
      expect(bytes.total).toBeGreaterThanOrEqual(before.bytes.total);
      expect(bytes.ufs).toBeGreaterThanOrEqual(before.bytes.ufs);
      expect(ufsRequests.read).toBeGreaterThanOrEqual(before.ufsRequests.read);
      expect(before.expected && !expected).toBeFalsy();
    }
    const warm = sizes.warm[0];
    const all = keys.length;
    expect(job.objects).toEqual({ total: all, loaded: all - warm, skipped: warm, failed: 0 });
    const bytesNow = keys.map(({ kind }) => (kind === 'waxing' ? grownBytes : sizes[kind][1]));
    expect(job.bytes.total).toBe(bytesNow.reduce<number>((sum, bytes) => sum + bytes, 0));
    expect(job.bytes.skipped).toBe(warm * sizes.warm[1]);
    expect(job.expected).toEqual({ objects: all, bytes: job.bytes.total });

    await proxy.idle();
    const ofObjects = proxy.requests.filter(({ path }) => path.startsWith('/lake/all/'));
    const gets = ofObjects.filter(({ method }) => method === 'GET');
    expect(job.ufsRequests).toEqual({
      read: ofObjects.length,
      list: proxy.requests.length - ofObjects.length,
    });
    expect(job.bytes.ufs).toBe(gets.reduce((sum, { responseBytes }) => sum + responseBytes, 0));
    // Of those that were cached in part, what was missing alone.
    const parts = gets.filter(({ path }) => path.startsWith('/lake/all/part-'));
    expect(parts.every(({ responseBytes }) => responseBytes === mebibyte + 1)).toBe(true);
    expect(ofObjects.filter(({ method }) => method === 'HEAD')).toHaveLength(sizes.empty[0]);
  });
});
