/** kill -9 at any instant: the next start is warm, nothing torn shows, and what was acknowledged is there. */
import { randomInt } from 'node:crypto';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { statObject } from '../support/admin.ts';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import {
  contentOf,
  differenceOf,
  mebibyte,
  originOf,
  pageCountOf,
  type StoredPage,
  storedPagesIn,
} from '../support/content.ts';
import type { CountingProxy } from '../support/counting-proxy.ts';
import type { ForebayProcess } from '../support/forebay-process.ts';
import { metric, untilQuiet } from '../support/metrics.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { WireClient, type WireReply } from '../support/wire-client.ts';

describe('a Forebay that is killed', await needs('versitygw'), () => {
  let lake: CachedBucket;
  let proxy: CountingProxy;
  let forebay: ForebayProcess;
  let client: WireClient;
  let direct: WireClient;
  let seeds = 0;

  beforeAll(async () => {
    lake = await startCachedBucket();
    ({ proxy, forebay, client, direct } = lake);
  });
  beforeEach(() => {
    proxy.clearRules();
    proxy.reset();
  });
  afterAll(async () => {
    client?.close();
    await lake?.stop();
  });

  function newObject(sizeBytes: number) {
    seeds += 1;
    const key = `object-${seeds}`;
    return { key, path: `/lake/${key}`, seed: seeds, body: contentOf(seeds, sizeBytes) };
  }

  async function storedObject(sizeBytes: number) {
    const object = newObject(sizeBytes);
    await direct.put(object.path, object.body);
    return object;
  }

  type TestObject = ReturnType<typeof newObject>;

  async function killAndRestart(): Promise<void> {
    await forebay.kill9();
    client.close();
    client = new WireClient(forebay);
    proxy.clearRules();
    await proxy.idle();
    await forebay.restart();
    proxy.reset();
  }

  /** The reply, or undefined where the connection broke first. */
  function attempt(call: Parameters<WireClient['send']>[0]): Promise<WireReply | undefined> {
    return client.send(call).catch(() => undefined);
  }

  /** What `stat` says, compared with the files that really hold this object's bytes. */
  async function pagesCached({ key, seed, body }: TestObject): Promise<number> {
    const { pages, state } = await statObject(forebay, 'lake', key);
    // Its info was on its way to the disk: pages may be there all the same.
    if (state === 'unknown') return pageCountOf(forebay.dataDir, seed);
    expect(pages).toMatchObject({
      cached: pageCountOf(forebay.dataDir, seed),
      total: Math.ceil(body.length / mebibyte),
    });
    return pages.cached;
  }

  async function expectExact({ path, body }: TestObject): Promise<WireReply> {
    const reply = await client.send({ path });
    expect(reply.status).toBe(200);
    expect(differenceOf(reply.body, body)).toBeUndefined();
    await proxy.idle();
    return reply;
  }

  /** Reads after a start: fully cached objects cost a HEAD, others what they lack. */
  async function expectWarm(object: TestObject): Promise<number> {
    const cached = await pagesCached(object);
    const total = Math.ceil(object.body.length / mebibyte);
    proxy.reset();
    const { headers } = await expectExact(object);
    expect(headers['x-forebay-pages']).toBe(`${cached}/${total}`);
    const requests = proxy.requests.map(({ method }) => method);
    if (cached === total) {
      expect(headers['x-cache']).toBe('REVALIDATED');
      expect(requests).toHaveLength(1);
    } else {
      expect(headers['x-cache']).toBe(cached === 0 ? 'MISS' : 'PARTIAL');
    }
    return cached;
  }

  /** Kills while four objects fill, and looks at all that is there afterwards. */
  async function killDuringFills(untilTimeToKill: (objects: readonly TestObject[]) => Promise<unknown>) {
    const whole = await storedObject(2 * mebibyte + 17);
    await expectExact(whole);
    const objects = await Promise.all([1, 2, 3, 4].map((n) => storedObject((n + 2) * mebibyte + 100 * n)));
    proxy.reset();
    const reading = objects.map((object) => attempt({ path: object.path }));
    await untilTimeToKill(objects);
    await killAndRestart();
    for (const [index, reply] of (await Promise.all(reading)).entries()) {
      // What came before the kill is right as far as it goes.
      const expected = objects[index]!.body.subarray(0, reply?.body.length);
      if (reply) expect(differenceOf(reply.body, expected)).toBeUndefined();
    }
    const stored = storedPagesIn(forebay.dataDir);
    expect(await metric(forebay, 'forebay_pages')).toBe(stored.length);
    for (const { bytes: page } of stored) {
      const { seed, offset } = originOf(page);
      expect(differenceOf(page, contentOf(seed, offset + page.length).subarray(offset))).toBeUndefined();
    }
    expect(await expectWarm(whole)).toBe(3);
    const cached: number[] = [];
    for (const object of objects) cached.push(await expectWarm(object));
    return { objects, cached };
  }

  it('at any moment of fills starts warm, with whole pages of the right bytes and nothing else', async () => {
    const bytesRead = () => proxy.requests.reduce((sum, { responseBytes }) => sum + responseBytes, 0);
    for (let round = 0; round < 3; round += 1) {
      const killAfterBytes = randomInt(15 * mebibyte);
      await killDuringFills(async () => {
        await until('it is time to kill', () => bytesRead() >= killAfterBytes);
      });
    }
  });

  it('with some pages of each fill stored starts with these, and asks the UFS for the others', async () => {
    const killed = Promise.withResolvers<void>();
    proxy.rule({ pauseAfter: { bytes: 2.5 * mebibyte, call: () => killed.promise } });
    const { objects, cached } = await killDuringFills(async (filling) => {
      await until('two pages of each are on disk', () =>
        filling.every(({ seed }) => pageCountOf(forebay.dataDir, seed) === 2),
      );
      await forebay.kill9();
      killed.resolve();
    });
    expect(cached).toEqual(objects.map(() => 2));
  });

  it('in the middle of a PUT leaves no partial object, and the one that was there', async () => {
    for (let round = 0; round < 3; round += 1) {
      const [fresh, replaced, acknowledged] = [
        newObject(6 * mebibyte),
        newObject(3 * mebibyte),
        newObject(99),
      ];
      await client.put(replaced.path, replaced.body);
      await expectExact(replaced);
      await client.put(acknowledged.path, acknowledged.body);
      const killAfterBytes = randomInt(5 * mebibyte);
      proxy.reset();
      const writing = [fresh, replaced].map(({ path }) =>
        attempt({ method: 'PUT', path, body: contentOf(1000 + round, 6 * mebibyte) }),
      );
      const bytesSent = () => proxy.requests.reduce((sum, { requestBytes }) => sum + requestBytes, 0);
      await until('it is time to kill', () => bytesSent() >= killAfterBytes);
      // The last bytes of both are still to come.
      await killAndRestart();
      const replies = await Promise.all(writing);
      for (const [index, object] of [fresh, replaced].entries()) {
        const now = await direct.send({ path: object.path });
        const before = index === 0 ? undefined : object.body;
        const written = contentOf(1000 + round, 6 * mebibyte);
        if (replies[index]?.status === 200) expect(differenceOf(now.body, written)).toBeUndefined();
        else if (now.status === 200) {
          expect([written, before].some((body) => body?.equals(now.body))).toBe(true);
        } else expect([now.code, before]).toEqual(['NoSuchKey', undefined]);
        const through = await client.send({ path: object.path });
        expect(through.status).toBe(now.status);
        if (now.status === 200) expect(differenceOf(through.body, now.body)).toBeUndefined();
      }
      await expectExact(acknowledged);
    }
  });

  it('while a write awaits its answer shows what the UFS made of it, not what was cached', async () => {
    const object = await storedObject(2 * mebibyte);
    await expectExact(object);
    const written = contentOf(2000, 2 * mebibyte);
    const answered = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    proxy.rule({
      match: ({ method }) => method === 'PUT',
      pauseAfter: {
        bytes: 0,
        call: () => {
          reached.resolve();
          return answered.promise;
        },
      },
    });
    const writing = attempt({ method: 'PUT', path: object.path, body: written });
    await reached.promise;
    await forebay.kill9();
    answered.resolve();
    expect(await writing).toBeUndefined();
    await killAndRestart();
    await expectExact({ ...object, body: written });
  });

  it('in the middle of a multipart upload shows nothing of it, and the upload can go on', async () => {
    const { path, body } = newObject(11 * mebibyte);
    const parts = [body.subarray(0, 5 * mebibyte), body.subarray(5 * mebibyte)];
    const created = await client.send({ method: 'POST', path, query: [['uploads', '']] });
    const uploadId = /<UploadId>([^<]+)</.exec(created.body.toString())![1]!;
    const query = (partNumber: number) =>
      [
        ['partNumber', String(partNumber)],
        ['uploadId', uploadId],
      ] as const;
    const first = await client.send({ method: 'PUT', path, query: query(1), body: parts[0]! });
    expect(first.status).toBe(200);
    proxy.reset();
    const second = attempt({ method: 'PUT', path, query: query(2), body: parts[1]! });
    await until('the second part flows', () => (proxy.requests[0]?.requestBytes ?? 0) > mebibyte);
    await killAndRestart();
    await second;
    expect(await client.send({ path })).toMatchObject({ status: 404, code: 'NoSuchKey' });

    const again = await client.send({ method: 'PUT', path, query: query(2), body: parts[1]! });
    const etags = [first, again].map(({ headers }) => headers.etag);
    const list = etags.map(
      (etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag}</ETag></Part>`,
    );
    const document = Buffer.from(`<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`);
    const completion = { method: 'POST', path, query: [['uploadId', uploadId]], body: document } as const;
    expect(await client.send(completion)).toMatchObject({ status: 200 });
    const read = await client.send({ path });
    expect(differenceOf(read.body, body)).toBeUndefined();
  });

  it('finds pages that rotted meanwhile before a byte of them is sent', async () => {
    const objects = [await storedObject(3 * mebibyte + 200_000), await storedObject(2 * mebibyte)];
    for (const object of objects) await expectExact(object);
    await untilQuiet(forebay);
    await until('all pages are on disk', () => {
      const stored = objects.map(({ seed }) => pageCountOf(forebay.dataDir, seed));
      return stored[0] === 4 && stored[1] === 2;
    });
    await forebay.kill9();
    const seeded = new Set(objects.map(({ seed }) => seed));
    const pages = storedPagesIn(forebay.dataDir);
    const files = pages.filter(({ bytes }) => seeded.has(originOf(bytes).seed));
    expect(files.length).toBe(6);
    const rots = [flipBit, flipBit, flipBit, cutShort, makeEmpty, flipBit];
    for (const [index, page] of files.entries()) rots[index]!(page);
    // What a write that was cut short, or somebody else, left behind is no page.
    writeFileSync(`${files[0]!.path}.7.tmp`, 'torn');
    writeFileSync(join(files[0]!.path, '..', 'stranger'), 'no page');
    await killAndRestart();
    for (const object of objects) await expectExact(object);
    expect(await metric(forebay, 'forebay_page_corruptions_total')).toBe(6);
    expect(proxy.requests.reduce((sum, { responseBytes }) => sum + responseBytes, 0)).toBe(
      5 * mebibyte + 200_000,
    );
    // Fetched again, they are good again.
    proxy.reset();
    for (const object of objects) expect((await expectExact(object)).headers['x-cache']).toBe('HIT');
    expect(proxy.requests).toEqual([]);
  });
});

function flipBit({ path, offset, bytes: { length } }: StoredPage): void {
  const file = readFileSync(path);
  file[offset + randomInt(length)]! ^= 1 << randomInt(8);
  writeFileSync(path, file);
}

function cutShort({ path, offset, bytes: { length } }: StoredPage): void {
  truncateSync(path, offset + length - 1);
}

function makeEmpty({ path }: StoredPage): void {
  truncateSync(path, 0);
}
