/**
 * A bucket store that is gone, sick or slow: what is cached is served, the rest is said, nothing false is
 * kept.
 */
import type { IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { askAdmin, statObject } from '../support/admin.ts';
import { contentOf, differenceOf, mebibyte } from '../support/content.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { metric, untilMetric, untilQuiet } from '../support/metrics.ts';
import type { RecordedRequest } from '../support/proxy-rules.ts';
import { type S3Server, startVersitygw } from '../support/servers.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { digestOf, rangeHeader, WireClient } from '../support/wire-client.ts';

const isGet = ({ method }: RecordedRequest) => method === 'GET';
/** Stock clients give up on an answer after a minute, and try again within seconds. */
const patienceMs = 10_000;

describe('a UFS in trouble', await needs('versitygw'), () => {
  let server: S3Server;
  let direct: WireClient;
  let seeds = 0;

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('lake');
    direct = new WireClient(server);
  });
  afterAll(async () => {
    direct?.close();
    await server?.stop();
  });

  async function storedObject(sizeBytes: number) {
    seeds += 1;
    const key = `object-${seeds}`;
    const body = contentOf(seeds, sizeBytes);
    await direct.put(`/lake/${key}`, body);
    return { key, path: `/lake/${key}`, body };
  }

  describe('that is killed and comes back', () => {
    let forebay: ForebayProcess;
    let client: WireClient;

    beforeAll(async () => {
      const { mount, env } = s3Mount('/lake', server, 'lake');
      const { mount: strict } = s3Mount('/strict', server, 'lake');
      const { mount: lasting } = s3Mount('/lasting', server, 'lake');
      const mounts = [
        `${mount}&ttl=1h`,
        `${strict}&freshness=always`,
        `${lasting}&ttl=200ms&staleIfError=1h`,
      ];
      forebay = await startForebay({ mounts, env });
      client = new WireClient(forebay);
    });
    afterAll(async () => {
      client?.close();
      await forebay?.remove();
    });

    async function restartServer(): Promise<void> {
      const { directory, endpoint } = server;
      const port = Number(new URL(endpoint).port);
      server = await startVersitygw({ port, ...(directory !== undefined && { directory }) });
    }

    it('cached fresh objects are served, the rest and all writes get 503 at once, and all is well after', async () => {
      const [whole, half, cold] = [
        await storedObject(2 * mebibyte + 5),
        await storedObject(4 * mebibyte),
        await storedObject(1000),
      ];
      await client.send({ path: whole.path });
      await client.send({ path: half.path, headers: rangeHeader(0, 2 * mebibyte) });
      await untilQuiet(forebay);
      await server.kill();

      const startedMs = performance.now();
      for (let turn = 0; turn < 3; turn += 1) {
        const { status, headers, body } = await client.send({ path: whole.path });
        expect([status, headers['x-cache']]).toEqual([200, 'HIT']);
        expect(differenceOf(body, whole.body)).toBeUndefined();
      }
      const part = { path: half.path, headers: rangeHeader(mebibyte, 2 * mebibyte) };
      expect(await client.send(part)).toMatchObject({ status: 206, headers: { 'x-cache': 'HIT' } });
      expect(await client.send({ method: 'HEAD', path: half.path })).toMatchObject({ status: 200 });

      const unavailable = { status: 503, code: 'ServiceUnavailable', isCut: false };
      expect(await client.send({ path: cold.path })).toMatchObject(unavailable);
      expect(await client.send({ method: 'HEAD', path: cold.path })).toMatchObject({ status: 503 });
      const rest = { path: half.path, headers: rangeHeader(3 * mebibyte, 4 * mebibyte) };
      expect(await client.send(rest)).toMatchObject(unavailable);
      const cut = await client.send({ path: half.path });
      expect(cut).toMatchObject({ status: 200, isCut: true });
      expect(differenceOf(cut.body, half.body.subarray(0, 2 * mebibyte))).toBeUndefined();
      expect(await client.send({ path: `/strict/${whole.key}` })).toMatchObject(unavailable);
      const list = { path: '/lake', query: [['list-type', '2']] } as const;
      expect(await client.send(list)).toMatchObject(unavailable);

      const written = contentOf(9001, mebibyte);
      const writes = [
        { method: 'PUT', path: whole.path, body: written },
        { method: 'DELETE', path: half.path },
        { method: 'POST', path: cold.path, query: [['uploads', '']] },
      ] as const;
      for (const write of writes) expect(await client.send(write)).toMatchObject(unavailable);
      expect(performance.now() - startedMs).toBeLessThan(patienceMs);

      await restartServer();
      for (const { path, body } of [whole, half, cold]) {
        const reply = await client.send({ path });
        expect(reply.status).toBe(200);
        expect(differenceOf(reply.body, body)).toBeUndefined();
      }
      expect(await client.send(writes[0])).toMatchObject({ status: 200 });
      expect(differenceOf((await client.send({ path: whole.path })).body, written)).toBeUndefined();
      expect(differenceOf((await direct.send({ path: whole.path })).body, written)).toBeUndefined();
      expect(await client.send(list)).toMatchObject({ status: 200 });
    });

    it('the log names the mount and the reason, and is not drowned', async () => {
      const cold = await storedObject(1000);
      await server.kill();
      const before = forebay.log().length;
      for (let turn = 0; turn < 100; turn += 1) {
        expect((await client.send({ path: cold.path })).status).toBe(503);
      }
      await restartServer();
      await until('the store is asked again', async () => (await client.send(cold)).status === 200);
      const lines = forebay.log().slice(before).trim().split('\n');
      const about = lines.map((line) => JSON.parse(line)).filter(({ key }) => key === cold.key);
      expect(about[0]).toMatchObject({
        level: 'warn',
        mount: '/lake',
        msg: expect.stringContaining('ECONNREFUSED'),
      });
      expect(about.length).toBeGreaterThan(0);
      expect(lines.length).toBeLessThanOrEqual(20);
      expect(forebay.log()).not.toContain(server.secretKey);
    });

    it('is left alone after some failures, info lives on where its mount says so, and all is well after', async () => {
      const object = await storedObject(mebibyte + 5);
      const cold = await storedObject(1000);
      const path = `/lasting/${object.key}`;
      expect((await client.send({ path })).status).toBe(200);
      await untilQuiet(forebay);
      await server.kill();
      let reply = await client.send({ path });
      await until('its time is over', async () => {
        reply = await client.send({ path });
        return reply.headers['x-cache'] !== 'HIT';
      });
      expect(reply).toMatchObject({ status: 200, isCut: false, headers: { 'x-cache': 'STALE' } });
      expect(Number(reply.headers.age)).toBeGreaterThanOrEqual(0);
      expect(differenceOf(reply.body, object.body)).toBeUndefined();

      const refused = await openedCircuit(cold.path);
      expect(refused).toMatchObject({ status: 503, code: 'ServiceUnavailable' });
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      expect(await client.send({ method: 'PUT', path, body: object.body })).toMatchObject({ status: 503 });
      const status = await askAdmin<{ ufs: { unanswering: string[] } }>(forebay, '/api/v1/status');
      expect(status.ufs.unanswering).toContain('/lake');

      await restartServer();
      await until('the store is asked again', async () => (await client.send(cold)).status === 200);
      const after = await client.send({ path });
      expect(after).toMatchObject({ status: 200, headers: { 'x-cache': 'REVALIDATED' } });
      expect(await metric(forebay, 'forebay_ufs_circuit_state', { mount: '/lake' })).toBe(0);
    });

    /** Reads what is not cached until the store is asked no more. */
    async function openedCircuit(path: string) {
      let reply = await client.send({ path });
      await until('the circuit is open', async () => {
        reply = await client.send({ path });
        return (await metric(forebay, 'forebay_ufs_circuit_state', { mount: '/lake' })) === 2;
      });
      return reply;
    }
  });

  describe('that breaks its answers', () => {
    let proxy: CountingProxy;
    let forebay: ForebayProcess;
    let client: WireClient;

    beforeAll(async () => {
      proxy = await startCountingProxy({ target: server });
      const { mount, env } = s3Mount('/lake', proxy, 'lake');
      forebay = await startForebay({ mounts: [`${mount}&ttl=1h`], env });
      client = new WireClient(forebay);
    });
    afterEach(async () => {
      proxy.clearRules();
      proxy.reset();
      await untilQuiet(forebay);
    });
    afterAll(async () => {
      client?.close();
      await forebay?.remove();
      await proxy?.stop();
    });

    async function expectExact({ path, body }: { path: string; body: Buffer }): Promise<void> {
      const reply = await client.send({ path });
      expect(reply.status).toBe(200);
      expect(differenceOf(reply.body, body)).toBeUndefined();
    }

    it.each([500, 503] as const)('%d twice is asked again, and the reader gets its bytes', async (status) => {
      const object = await storedObject(mebibyte + 9);
      const rule = proxy.fail(status, 2, isGet);
      await expectExact(object);
      expect(rule.applied).toBe(2);
      expect(proxy.count(isGet)).toBe(3);
    });

    it('500 for ever is asked a few times, then said with its own code, and not remembered', async () => {
      const object = await storedObject(mebibyte);
      const rule = proxy.fail(500, 1000, isGet);
      expect(await client.send({ path: object.path })).toMatchObject({ status: 500, code: 'InternalError' });
      expect(rule.applied).toBeLessThanOrEqual(4);
      proxy.clearRules();
      await expectExact(object);
    });

    it('reset before an answer is asked again', async () => {
      const object = await storedObject(mebibyte);
      const rule = proxy.rule({ match: isGet, times: 2, loseAnswer: true });
      await expectExact(object);
      expect(rule.applied).toBe(2);
    });

    it('a body that breaks off is taken up where it broke, each byte once', async () => {
      const object = await storedObject(6 * mebibyte);
      const cuts = [2 * mebibyte + 100_000, 3 * mebibyte + 7];
      for (const cutAfterBytes of cuts) proxy.rule({ match: isGet, times: 1, cutAfterBytes });
      await expectExact(object);
      await proxy.idle();
      const gets = proxy.requests.filter(isGet);
      expect(gets.map(({ range }) => range)).toEqual([
        undefined,
        `bytes=${2 * mebibyte}-${6 * mebibyte - 1}`,
        `bytes=${5 * mebibyte}-${6 * mebibyte - 1}`,
      ]);
      for (const { headers } of gets.slice(1)) expect(headers['if-match']).toBeDefined();
    });

    it('a body that always breaks off cuts the reader, and no short body is ever cached', async () => {
      const object = await storedObject(3 * mebibyte);
      const small = await storedObject(200_000);
      proxy.rule({ match: ({ path }) => path.endsWith(object.key), cutAfterBytes: 600_000 });
      proxy.rule({ match: ({ path }) => path.endsWith(small.key), cutAfterBytes: 150_000 });
      for (const { path, body } of [object, small]) {
        const reply = await client.send({ path });
        expect(reply.isCut || reply.status === 503).toBe(true);
        if (reply.status === 200) {
          expect(differenceOf(reply.body, body.subarray(0, reply.body.length))).toBeUndefined();
        }
      }
      expect(proxy.requests.length).toBeLessThan(20);
      for (const { key } of [object, small]) {
        expect((await statObject(forebay, 'lake', key)).pages.cached).toBe(0);
      }
      proxy.clearRules();
      for (const one of [object, small]) await expectExact(one);
    });

    it('an answer shorter or longer than it says, or about another range, is never cached', async () => {
      const object = await storedObject(2 * mebibyte);
      const setHeader = (name: string, value: string) => ({
        match: isGet,
        head: ({ status, rawHeaders }: { status: number; rawHeaders: readonly string[] }) => {
          const at = rawHeaders.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
          return { status, rawHeaders: at < 0 ? rawHeaders : rawHeaders.with(at + 1, value) };
        },
      });
      const range = { path: object.path, headers: rangeHeader(0, 1000) };
      for (const [name, value] of [
        ['content-range', `bytes 4096-${mebibyte + 4095}/${2 * mebibyte}`],
        ['content-range', 'bytes 0-999/1000'],
        ['content-length', '1000'],
      ] as const) {
        proxy.rule(setHeader(name, value));
        const reply = await client.send(range).catch(() => undefined);
        if (reply && reply.status < 300 && !reply.isCut) {
          expect(differenceOf(reply.body, object.body.subarray(0, 1000))).toBeUndefined();
        }
        proxy.clearRules();
        const again = await client.send(range);
        expect(differenceOf(again.body, object.body.subarray(0, 1000))).toBeUndefined();
      }
      await expectExact(object);
    });

    it('a write whose answer is lost is sent once, and never called a success', async () => {
      const object = await storedObject(1000);
      await expectExact(object);
      const written = contentOf(9002, 1000);
      proxy.reset();
      proxy.rule({ match: ({ method }) => method === 'PUT', loseAnswer: true });
      const reply = await client.send({ method: 'PUT', path: object.path, body: written });
      expect(reply).toMatchObject({ status: 500, code: 'InternalError' });
      expect(proxy.requests.map(({ method }) => method)).toEqual(['PUT']);
      // Whatever became of it, readers see what the UFS has.
      await expectExact({ path: object.path, body: (await direct.send({ path: object.path })).body });
      expect((await statObject(forebay, 'lake', object.key)).unsettled).toBe(true);
    });

    it('a write that is answered 503 is not repeated, and reads go on as before', async () => {
      const object = await storedObject(1000);
      proxy.reset();
      proxy.fail(503, 1, ({ method }) => method === 'PUT');
      const reply = await client.send({ method: 'PUT', path: object.path, body: contentOf(9003, 1000) });
      expect(reply).toMatchObject({ status: 503, code: 'SlowDown' });
      expect(proxy.count(({ method }) => method === 'PUT')).toBe(1);
      await expectExact(object);
    });
  });

  describe('before more readers than there is room for', () => {
    let proxy: CountingProxy;
    let forebay: ForebayProcess;
    let client: WireClient;
    const requestsMax = 8;

    beforeAll(async () => {
      proxy = await startCountingProxy({ target: server });
      const { mount, env } = s3Mount('/lake', proxy, 'lake');
      const limits = ['--requests-in-flight-max', String(requestsMax), '--fills-in-flight-size-max', '16MiB'];
      const small = ['--memory-size', '8MiB', '--disk-write-queue-size-max', '16MiB'];
      forebay = await startForebay({ mounts: [`${mount}&ttl=1h`], env, flags: [...limits, ...small] });
      client = new WireClient(forebay);
    });
    afterEach(async () => {
      proxy.clearRules();
      await untilQuiet(forebay);
    });
    afterAll(async () => {
      client?.close();
      await forebay?.remove();
      await proxy?.stop();
    });

    it('requests over the limit get 503 SlowDown with Retry-After at once, the others their bytes', async () => {
      const { path, body } = await storedObject(mebibyte);
      const gate = proxy.hold(isGet);
      const admitted = Array.from({ length: requestsMax }, () => client.send({ path }));
      await untilMetric(forebay, 'forebay_requests_in_flight', requestsMax);
      for (let turn = 0; turn < 5; turn += 1) {
        const refused = await client.send({ path });
        expect(refused).toMatchObject({ status: 503, code: 'SlowDown' });
        expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      }
      const written = { method: 'PUT', path: `${path}-new`, body } as const;
      expect(await client.send(written)).toMatchObject({ status: 503, code: 'SlowDown' });
      gate.release();
      for (const reply of await Promise.all(admitted)) {
        expect(reply.status).toBe(200);
        expect(differenceOf(reply.body, body)).toBeUndefined();
      }
      expect(await metric(forebay, 'forebay_requests_refused_total', { reason: 'in_flight' })).toBe(6);
      expect(await client.send(written)).toMatchObject({ status: 200 });
      expect(proxy.count(({ method }) => method === 'PUT')).toBe(1);
    });

    it('slow readers of many large objects hold no more than the limits, and all get their bytes', async () => {
      const objects = [];
      for (let index = 0; index < requestsMax; index += 1) objects.push(await storedObject(24 * mebibyte));
      const slow: IncomingMessage[] = [];
      for (const { path } of objects.slice(0, requestsMax - 1)) slow.push(await client.start({ path }));
      let most = 0;
      const look = async () => {
        const bytes = await metric(forebay, 'forebay_fill_bytes_in_flight');
        most = Math.max(most, bytes);
        return bytes;
      };
      let last = -1;
      await until('nothing moves any more', async () => {
        const now = (await metric(forebay, 'forebay_ufs_bytes_total')) + (await look());
        const settled = now === last;
        last = now;
        return settled;
      });
      expect(most).toBeLessThanOrEqual(16 * mebibyte);
      expect(await metric(forebay, 'forebay_cache_bytes', { tier: 'memory' })).toBeLessThanOrEqual(
        8 * mebibyte,
      );
      // Nobody who reads is kept from it by those who do not.
      const last8 = objects.at(-1)!;
      const reply = await client.send({ path: last8.path });
      expect(differenceOf(reply.body, last8.body)).toBeUndefined();
      for (const [index, message] of slow.entries()) {
        expect(await digestOf(message)).toMatchObject({
          sizeBytes: objects[index]!.body.length,
          isCut: false,
        });
        await look();
      }
      expect(most).toBeLessThanOrEqual(16 * mebibyte);
    });
  });
});
