/**
 * Readers that come together share what they read: the UFS is asked once, and nobody waits for anybody
 * else.
 */
import type { IncomingMessage } from 'node:http';
import { sha256Hex } from '@forebay/core/sigv4';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { statObject } from '../support/admin.ts';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { contentOf, differenceOf, mebibyte } from '../support/content.ts';
import type { CountingProxy } from '../support/counting-proxy.ts';
import type { ForebayProcess } from '../support/forebay-process.ts';
import { metric, untilMetric, untilQuiet } from '../support/metrics.ts';
import type { RecordedRequest } from '../support/proxy-rules.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { digestOf, rangeHeader, type WireClient } from '../support/wire-client.ts';

const isGet = ({ method }: RecordedRequest) => method === 'GET';

describe('readers that come together', await needs('versitygw'), () => {
  let lake: CachedBucket;
  let proxy: CountingProxy;
  let forebay: ForebayProcess;
  let client: WireClient;
  let direct: WireClient;
  let objects = 0;

  beforeAll(async () => {
    // To a busy machine a store next door may seem far; what is counted here is requests.
    lake = await startCachedBucket({ env: { FOREBAY_FILLS_PER_READER_MAX: '1' } });
    ({ proxy, forebay, client, direct } = lake);
  });
  afterEach(async () => {
    proxy.clearRules();
    await untilQuiet(forebay);
    await proxy.idle();
  });
  afterAll(() => lake?.stop());

  /** An object that Forebay has never heard of. */
  async function coldObject(sizeBytes: number) {
    objects += 1;
    const key = `object-${objects}`;
    const body = contentOf(objects, sizeBytes);
    await direct.put(`/lake/${key}`, body);
    proxy.reset();
    return { key, path: `/lake/${key}`, body, sha256: sha256Hex(body) };
  }

  /** Body bytes that came from the UFS. */
  const bytesRead = () => proxy.requests.reduce((sum, { responseBytes }) => sum + responseBytes, 0);

  async function readAll(path: string, count: number) {
    return Promise.all(
      Array.from({ length: count }, async () => {
        const message = await client.start({ path });
        return { cache: message.headers['x-cache'], ...(await digestOf(message)) };
      }),
    );
  }

  it('100 first readers of one cold object cost one request and each byte once', async () => {
    const { path, body, sha256 } = await coldObject(8 * mebibyte);
    const gate = proxy.hold();
    const reading = readAll(path, 100);
    await untilMetric(forebay, 'forebay_requests_in_flight', 100);
    gate.release();
    const replies = await reading;
    for (const reply of replies) {
      expect(reply).toMatchObject({ sha256, sizeBytes: body.length, isCut: false });
    }
    const caches = Object.groupBy(replies, ({ cache }) => String(cache));
    expect(caches.MISS?.length).toBe(1);
    expect(caches.COALESCED?.length).toBe(99);
    expect(proxy.requests.map(({ method }) => method)).toEqual(['GET']);
    expect(bytesRead()).toBe(body.length);
  });

  it('first readers that come while it is already flowing cost nothing more', async () => {
    const { path, body, sha256 } = await coldObject(8 * mebibyte);
    const flowing = Promise.withResolvers<void>();
    const more = Promise.withResolvers<void>();
    proxy.rule({
      match: isGet,
      pauseAfter: {
        bytes: 3 * mebibyte + 5,
        call: () => {
          flowing.resolve();
          return more.promise;
        },
      },
    });
    const first = readAll(path, 20);
    await flowing.promise;
    const later = readAll(path, 30);
    await untilMetric(forebay, 'forebay_requests_in_flight', 50);
    more.resolve();
    for (const { sha256: found } of [...(await first), ...(await later)]) expect(found).toBe(sha256);
    expect(proxy.count(isGet)).toBe(1);
    expect(bytesRead()).toBe(body.length);
  });

  it('readers of distinct ranges fetch their own pages and no other', async () => {
    const { path, body } = await coldObject(8 * mebibyte);
    const ranges = [
      [0, 100],
      [2 * mebibyte + 7, 3 * mebibyte],
      [5 * mebibyte, 5 * mebibyte + 1],
      [7 * mebibyte + 1, 8 * mebibyte],
    ] as const;
    await readRanges(path, body, ranges);
    expect(bytesRead()).toBe(4 * mebibyte);
    expect(proxy.requests.length).toBe(4);
  });

  it('readers of overlapping ranges fetch each page once', async () => {
    const { path, body } = await coldObject(8 * mebibyte);
    // All 64 pairs of first and last page, in an order that is no order.
    const ranges = Array.from({ length: 64 }, (_, index) => (index * 37) % 64).map((at) => {
      const pages = [Math.floor(at / 8), at % 8].sort((a, b) => a - b) as [number, number];
      return [pages[0] * mebibyte + at * 101, (pages[1] + 1) * mebibyte - at * 13] as const;
    });
    await readRanges(path, body, ranges);
    expect(bytesRead()).toBe(8 * mebibyte);
    const asked = proxy.requests.map(({ method, range }) => `${method} ${range}`);
    expect(new Set(asked).size).toBe(asked.length);
  });

  async function readRanges(path: string, body: Buffer, ranges: readonly (readonly [number, number])[]) {
    const gate = proxy.hold();
    const reading = ranges.map(([start, endExclusive]) =>
      client.send({ path, headers: rangeHeader(start, endExclusive) }),
    );
    await untilMetric(forebay, 'forebay_requests_in_flight', ranges.length);
    gate.release();
    for (const [index, reply] of (await Promise.all(reading)).entries()) {
      const [start, endExclusive] = ranges[index]!;
      expect(reply.status).toBe(206);
      expect(differenceOf(reply.body, body.subarray(start, endExclusive))).toBeUndefined();
    }
    await proxy.idle();
  }

  it('a reader that stops reading holds back only itself', async () => {
    const { path, body, sha256 } = await coldObject(40 * mebibyte);
    const slow = await client.start({ path });
    // Alone and stuck, it holds the fill at the window ahead of it: the UFS is not read for nobody.
    // How far ahead that is depends on the pace at which the sockets on the way filled up.
    await until('the fill waits for its reader', () => bytesRead() > 5 * mebibyte);
    expect(await metric(forebay, 'forebay_fills_in_flight')).toBe(1);
    for (const reply of await readAll(path, 5)) expect(reply).toMatchObject({ sha256, isCut: false });
    expect(slow.complete).toBe(false);
    expect(await digestOf(slow)).toEqual({ sha256, sizeBytes: body.length, isCut: false });
    expect(proxy.count(isGet)).toBe(1);
    expect(bytesRead()).toBe(body.length);
  });

  it('readers that leave midway take nothing from those who stay', async () => {
    const { path, body, sha256 } = await coldObject(8 * mebibyte);
    const midway = Promise.withResolvers<void>();
    proxy.rule({ match: isGet, pauseAfter: { bytes: 4 * mebibyte + 99, call: () => midway.promise } });
    // The one whose request went out leaves too.
    const leaving = await Promise.all(Array.from({ length: 5 }, () => client.start({ path })));
    const staying = readAll(path, 5);
    await untilMetric(forebay, 'forebay_requests_in_flight', 10);
    for (const message of leaving) await leave(message);
    await untilMetric(forebay, 'forebay_requests_in_flight', 5);
    midway.resolve();
    for (const reply of await staying) expect(reply).toMatchObject({ sha256, isCut: false });
    expect(proxy.count(isGet)).toBe(1);
    expect(bytesRead()).toBe(body.length);
  });

  /** Reads something, then hangs up. */
  async function leave(message: IncomingMessage): Promise<void> {
    for await (const _ of message) break;
    message.destroy();
  }

  it('the last reader to hang up ends the fill after the page in flight', async () => {
    const { key, path, body } = await coldObject(8 * mebibyte);
    const midway = Promise.withResolvers<void>();
    proxy.rule({
      match: isGet,
      times: 1,
      pauseAfter: { bytes: 3 * mebibyte + 99, call: () => midway.promise },
    });
    const readers = await Promise.all(Array.from({ length: 3 }, () => client.start({ path })));
    const pagesCached = async () => (await statObject(forebay, 'lake', key)).pages.cached;
    await until('the fourth page is in flight', async () => (await pagesCached()) === 3);
    for (const message of readers) await leave(message);
    await untilMetric(forebay, 'forebay_requests_in_flight', 0);
    midway.resolve();
    await untilQuiet(forebay);
    expect(await pagesCached()).toBe(4);
    await proxy.idle();
    proxy.reset();
    const reply = await client.send({ path });
    expect(differenceOf(reply.body, body)).toBeUndefined();
    expect(reply.headers).toMatchObject({ 'x-cache': 'PARTIAL', 'x-forebay-pages': '4/8' });
    expect(bytesRead()).toBe(4 * mebibyte);
  });

  it('a reader that hangs up before its answer takes its request to the UFS along', async () => {
    const { key, path } = await coldObject(mebibyte);
    const gate = proxy.hold(isGet);
    const abort = new AbortController();
    const asked = client.start({ path }, abort.signal);
    await gate.arrived();
    abort.abort();
    await expect(asked).rejects.toThrow();
    await proxy.idle();
    expect(proxy.requests).toMatchObject([{ method: 'GET', state: 'cut', responseBytes: 0 }]);
    await untilQuiet(forebay);
    expect((await statObject(forebay, 'lake', key)).pages.cached).toBe(0);
  });
});
