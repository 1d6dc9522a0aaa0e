/**
 * A UFS that says what is not so, stalls, or fails now and then: right bytes, an S3 error or a cut, and
 * nothing false is kept.
 */
import { KiB, MiB } from '@forebay/core/bytes';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { faultOfRead, faultsOfAll, storeAll, type TestObject, testObjects } from '../faults/objects.ts';
import { Traffic } from '../faults/traffic.ts';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { metric, untilQuiet } from '../support/metrics.ts';
import type { ProxyRule, RecordedRequest, ResponseHead } from '../support/proxy-rules.ts';
import { Random } from '../support/random.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';

const seed = Math.floor(Math.random() * 2 ** 31);
const isGet = ({ method }: RecordedRequest) => method === 'GET';

/** The head with one header changed, added or (undefined) taken out. */
function withHeader(head: ResponseHead, name: string, change: (value: string) => string | undefined) {
  const rawHeaders: string[] = [];
  for (let index = 0; index < head.rawHeaders.length; index += 2) {
    const [at, value] = [head.rawHeaders[index]!, head.rawHeaders[index + 1]!];
    const changed = at.toLowerCase() === name ? change(value) : value;
    if (changed !== undefined) rawHeaders.push(at, changed);
  }
  return { ...head, rawHeaders };
}

const contentRange =
  (change: (start: number, end: number, total: number) => string) => (head: ResponseHead) =>
    withHeader(head, 'content-range', (value) => {
      const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(value)!;
      return change(Number(start), Number(end), Number(total));
    });

let etags = 0;

/** Never the same for two contents: who is told that cannot know better. */
function newEtag(): string {
  etags += 1;
  return `"${String(etags).padStart(32, '0')}"`;
}

/** Those that can be told from the answer itself, or from what was asked or known. */
const lies: readonly (readonly [string, (head: ResponseHead) => ResponseHead])[] = [
  [
    'a range one byte further on',
    contentRange((start, end, total) => `bytes ${start + 1}-${end + 1}/${total}`),
  ],
  ['a range one byte shorter', contentRange((start, end, total) => `bytes ${start}-${end - 1}/${total}`)],
  ['a total one byte larger', contentRange((start, end, total) => `bytes ${start}-${end}/${total + 1}`)],
  ['a total one byte smaller', contentRange((start, end, total) => `bytes ${start}-${end}/${total - 1}`)],
  ['a total that it does not know', contentRange((start, end) => `bytes ${start}-${end}/*`)],
  ['a range of nonsense', contentRange(() => 'bytes nonsense')],
  ['no range at all', (head) => withHeader(head, 'content-range', () => undefined)],
  ['that the whole is a part', (head) => ({ ...head, status: 206 })],
  ['another ETag', (head) => withHeader(head, 'etag', newEtag)],
  ['a weak ETag', (head) => withHeader(head, 'etag', (value) => `W/${value}`)],
  ['no ETag', (head) => withHeader(head, 'etag', () => undefined)],
  ['that nothing has changed', (head) => ({ ...head, status: 304 })],
  ['that there is nothing to say', (head) => ({ ...head, status: 204 })],
  ['that the range is beyond the end', (head) => ({ ...head, status: 416 })],
];

describe(`a UFS that is not what it should be (seed ${seed})`, await needs('versitygw'), () => {
  const random = new Random(seed);
  let lake: CachedBucket;
  let count = 0;

  beforeAll(async () => {
    lake = await startCachedBucket({ flags: ['--memory-size', '1MiB'] });
  });
  afterEach(async () => {
    lake.proxy.clearRules();
    await untilQuiet(lake.forebay);
    lake.proxy.reset();
  });
  afterAll(() => lake?.stop());

  async function stored(kinds: readonly { count: number; sizeBytes: number }[]): Promise<TestObject[]> {
    count += 1;
    const objects = testObjects(`lake/${count}`, kinds);
    await storeAll(lake.server, objects);
    return objects;
  }

  async function expectRight(objects: readonly TestObject[]): Promise<void> {
    expect(await faultsOfAll(lake.client, objects)).toEqual([]);
  }

  describe.each(lies)('that says %s', (_, head) => {
    it('is not believed', async () => {
      const objects = await stored([
        { count: 2, sizeBytes: 5000 },
        { count: 2, sizeBytes: 3 * MiB + 7 },
      ]);
      // The middle is cached: what is missing around it is asked for by range and version.
      const half = objects[3]!;
      const middle = { start: MiB + 5, endExclusive: MiB + 10 };
      expect(await faultOfRead(lake.client, half, { range: middle })).toBeUndefined();
      const rule = lake.proxy.rule({ match: isGet, head });
      const faults = await Promise.all([
        faultOfRead(lake.client, objects[0]!, { ufsFails: true }),
        faultOfRead(lake.client, objects[1]!, { range: { start: 10, endExclusive: 4000 }, ufsFails: true }),
        faultOfRead(lake.client, objects[2]!, { range: { start: 9, endExclusive: 2 * MiB }, ufsFails: true }),
        faultOfRead(lake.client, half, { ufsFails: true }),
      ]);
      expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
      expect(rule.applied).toBeGreaterThan(0);
      lake.proxy.clearRules();
      // Who was told of another version learns now, in the middle of a read perhaps, that there is none.
      await faultsOfAll(lake.client, objects);
      await expectRight(objects);
    });
  });

  it('that says of a part that it is the whole is not believed where the size is known', async () => {
    const [object] = await stored([{ count: 1, sizeBytes: 3 * MiB + 7 }]);
    const middle = { start: MiB + 5, endExclusive: MiB + 10 };
    expect(await faultOfRead(lake.client, object!, { range: middle })).toBeUndefined();
    const head = (said: ResponseHead) => ({
      ...withHeader(said, 'content-range', () => undefined),
      status: 200,
    });
    const rule = lake.proxy.rule({ match: isGet, times: 1, head });
    expect(await faultOfRead(lake.client, object!, { ufsFails: true })).toBeUndefined();
    expect(rule.applied).toBe(1);
    await faultsOfAll(lake.client, [object!]);
    await expectRight([object!]);
  });

  it('stalls on one object while all others are served, and goes on where it was', async () => {
    const [stalled, ...others] = await stored([{ count: 4, sizeBytes: 3 * MiB }]);
    const resumed = Promise.withResolvers<void>();
    const isStalled = ({ path }: RecordedRequest) => path.endsWith(stalled!.path);
    lake.proxy.rule({ match: isStalled, pauseAfter: { bytes: MiB + 100, call: () => resumed.promise } });
    const reading = faultOfRead(lake.client, stalled!);
    await until('it stalls', () =>
      lake.proxy.requests.some((one) => isStalled(one) && one.responseBytes > MiB),
    );
    await expectRight(others);
    // What came before is there for others as well.
    const first = { start: 0, endExclusive: MiB };
    expect(await faultOfRead(lake.client, stalled!, { range: first })).toBeUndefined();
    resumed.resolve();
    expect(await reading).toBeUndefined();
  });

  it('stalls before its answer: a reader that gives up leaves nothing behind', async () => {
    const [stalled, other] = await stored([{ count: 2, sizeBytes: 3 * MiB }]);
    const gate = lake.proxy.hold(({ path }) => path.endsWith(stalled!.path));
    const leaving = new AbortController();
    const reading = lake.client.start({ path: stalled!.path }, leaving.signal).catch(() => 'left');
    await gate.arrived();
    await expectRight([other!]);
    leaving.abort();
    expect(await reading).toBe('left');
    await until('its request is gone', () => lake.proxy.requests.every(({ state }) => state !== 'open'));
    await untilQuiet(lake.forebay);
    gate.release();
    await expectRight([stalled!]);
  });

  it('fails in every way now and then: what is answered is right, and all is well after', async () => {
    const objects = await stored([
      { count: 20, sizeBytes: 4 * KiB },
      { count: 10, sizeBytes: 200 * KiB },
      { count: 6, sizeBytes: 3 * MiB + 777 },
    ]);
    const at = (share: number) => (request: RecordedRequest) => isGet(request) && random.chance(share);
    const troubles: readonly ProxyRule[] = [
      { match: at(0.05), answer: { status: 500, code: 'InternalError' } },
      { match: at(0.05), answer: { status: 503, code: 'SlowDown' } },
      { match: at(0.05), loseAnswer: true },
      { match: at(0.1), cutAfterBytes: 2000 },
      { match: at(0.1), cutAfterBytes: 150_000 },
      { match: at(0.1), cutAfterBytes: MiB + 1 },
      { match: at(0.05), delayMs: 300 },
      ...lies.map(([, head]): ProxyRule => ({ match: at(0.02), head })),
    ];
    const rules = troubles.map((rule) => lake.proxy.rule(rule));
    const traffic = new Traffic({ server: lake.forebay, objects, random, ufsFails: true }).start();
    const applied = () => rules.reduce((sum, rule) => sum + rule.applied, 0);
    const isEnough = () => traffic.faults.length > 0 || (traffic.reads > 300 && applied() > 60);
    await until('there was trouble enough', isEnough, 120_000);
    await traffic.stop();
    expect(traffic.faults).toEqual([]);
    lake.proxy.clearRules();
    await faultsOfAll(lake.client, objects);
    await expectRight(objects);
    expect(await metric(lake.forebay, 'forebay_page_corruptions_total')).toBe(0);
  });
});
