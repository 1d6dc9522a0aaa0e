/** Objects that change behind Forebay's back in the middle of a read: nobody ever gets a mixture. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { contentOf, differenceOf, mebibyte } from '../support/content.ts';
import type { CountingProxy } from '../support/counting-proxy.ts';
import type { ForebayProcess } from '../support/forebay-process.ts';
import { untilQuiet } from '../support/metrics.ts';
import type { RecordedRequest } from '../support/proxy-rules.ts';
import { needs } from '../support/tools.ts';
import { rangeHeader, type WireClient, type WireReply } from '../support/wire-client.ts';

const isGet = ({ method }: RecordedRequest) => method === 'GET';

describe('objects that change', await needs('versitygw'), () => {
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
  afterEach(() => untilQuiet(forebay));
  afterAll(() => lake?.stop());

  describe('behind Forebay, in the middle of a read', () => {
    const sizes = { same: 8 * mebibyte, shorter: 5 * mebibyte + 77, longer: 9 * mebibyte + 5 };

    /** An object of 8 MiB, and what it will be replaced with. */
    async function changingObject(sizeBytes: number) {
      seeds += 2;
      const path = `/lake/changing-${seeds}`;
      const old = contentOf(seeds, sizes.same);
      const next = contentOf(seeds + 1, sizeBytes);
      const { headers } = await direct.put(path, old);
      const replace = () => direct.put(path, next).then(() => undefined);
      return { path, old, next, oldEtag: headers.etag, replace };
    }

    type Changing = Awaited<ReturnType<typeof changingObject>>;

    /** Old whole, new whole, or cut: every byte is of the version that the ETag names. */
    function expectOneVersion(reply: WireReply, { old, next, oldEtag }: Changing, from = 0, to = Infinity) {
      const version = reply.headers.etag === oldEtag ? old : next;
      const expected = version.subarray(from, to);
      const got = reply.isCut ? expected.subarray(0, reply.body.length) : expected;
      expect(differenceOf(reply.body, got)).toBeUndefined();
    }

    async function expectNext({ path, next }: Changing): Promise<void> {
      const reply = await client.send({ path });
      expect(reply.status).toBe(200);
      expect(differenceOf(reply.body, next)).toBeUndefined();
    }

    describe.each(Object.entries(sizes))('by one of %s size', (_, sizeBytes) => {
      it('a cold read ends with the version it began with', async () => {
        const object = await changingObject(sizeBytes);
        proxy.rule({ match: isGet, times: 1, pauseAfter: { bytes: 3_300_000, call: object.replace } });
        expectOneVersion(await client.send({ path: object.path }), object);
      });

      it('a read that must ask again after the change is cut, and the next one gets the new version', async () => {
        const object = await changingObject(sizeBytes);
        const pauseAfter = { bytes: 3_300_000, call: object.replace };
        proxy.rule({ match: isGet, times: 1, pauseAfter, cutAfterBytes: 3_300_001 });
        const reply = await client.send({ path: object.path });
        expect(reply.isCut).toBe(true);
        expect(reply.headers.etag).toBe(object.oldEtag);
        expectOneVersion(reply, object);
        await expectNext(object);
      });

      it('a ranged read that must ask again is cut as well', async () => {
        const object = await changingObject(sizeBytes);
        const pauseAfter = { bytes: mebibyte + 9, call: object.replace };
        proxy.rule({ match: isGet, times: 1, pauseAfter, cutAfterBytes: mebibyte + 10 });
        const [from, to] = [mebibyte + 500, 5 * mebibyte - 3];
        const reply = await client.send({ path: object.path, headers: rangeHeader(from, to) });
        expect(reply.status).toBe(206);
        expect(reply.isCut).toBe(true);
        expectOneVersion(reply, object, from, to);
        await expectNext(object);
      });

      it('a read of a half-cached object is cut where the cached pages end', async () => {
        const object = await changingObject(sizeBytes);
        await client.send({ path: object.path, headers: rangeHeader(0, 3 * mebibyte) });
        await object.replace();
        const reply = await client.send({ path: object.path });
        expect(reply).toMatchObject({ status: 200, isCut: true, headers: { 'x-cache': 'PARTIAL' } });
        expectOneVersion(reply, object);
        expect(reply.body.length).toBe(3 * mebibyte);
        await expectNext(object);
      });

      it('a half-cached object that changes while the rest flows stays one version', async () => {
        const object = await changingObject(sizeBytes);
        await client.send({ path: object.path, headers: rangeHeader(4 * mebibyte, 5 * mebibyte) });
        proxy.rule({ match: isGet, times: 1, pauseAfter: { bytes: 2_200_000, call: object.replace } });
        expectOneVersion(await client.send({ path: object.path }), object);
      });

      it('a range that is not cached is read anew in the new version', async () => {
        const object = await changingObject(sizeBytes);
        await client.send({ path: object.path, headers: rangeHeader(0, mebibyte) });
        await object.replace();
        const [from, to] = [3 * mebibyte, 4 * mebibyte];
        const reply = await client.send({ path: object.path, headers: rangeHeader(from, to) });
        expect(reply).toMatchObject({ status: 206, isCut: false });
        expect(differenceOf(reply.body, object.next.subarray(from, to))).toBeUndefined();
      });
    });

    it('and vanishes: the reader is cut, the next one gets 404', async () => {
      const object = await changingObject(sizes.same);
      const remove = () => direct.send({ method: 'DELETE', path: object.path }).then(() => undefined);
      proxy.rule({
        match: isGet,
        times: 1,
        pauseAfter: { bytes: 2_000_000, call: remove },
        cutAfterBytes: 2_000_001,
      });
      const reply = await client.send({ path: object.path });
      expect(reply.isCut).toBe(true);
      expectOneVersion(reply, object);
      expect(await client.send({ path: object.path })).toMatchObject({ status: 404, code: 'NoSuchKey' });
    });
  });
});
