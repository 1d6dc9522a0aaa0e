/**
 * What was acknowledged, every later read sees, and no read is of two versions, while many write and read the
 * same keys. The store is one that never gives the ETag of one version with the bytes of another: versitygw
 * does, where a read meets a write.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentOf, differenceOf, mebibyte, originOf } from '../support/content.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { untilQuiet } from '../support/metrics.ts';
import { type S3Server, startAnyKeyServer } from '../support/servers.ts';
import { needs } from '../support/tools.ts';
import { rangeHeader, WireClient } from '../support/wire-client.ts';

describe('objects that many write and read', await needs('radosgw'), () => {
  let server: S3Server;
  let forebay: ForebayProcess;
  let client: WireClient;
  let direct: WireClient;
  let seeds = 0;

  beforeAll(async () => {
    server = await startAnyKeyServer();
    await server.createBucket('lake');
    const { mount, env } = s3Mount('/lake', server, 'lake');
    forebay = await startForebay({ mounts: [`${mount}&ttl=1h`], env, flags: ['--workers', '2'] });
    client = new WireClient(forebay);
    direct = new WireClient(server);
  });
  afterAll(async () => {
    client?.close();
    direct?.close();
    await forebay?.remove();
    await server?.stop();
  });

  it('behind Forebay, again and again: no reader of whole or part ever gets a mixture', async () => {
    seeds += 1;
    const path = `/lake/changing-${seeds}`;
    const versions = new Map<string | undefined, Buffer>();
    const write = async () => {
      seeds += 1;
      const body = contentOf(seeds, 3 * mebibyte + (seeds % 3) * 50_000);
      versions.set(`"${createHash('md5').update(body).digest('hex')}"`, body);
      await direct.put(path, body);
    };
    await write();
    let writing = true;
    const changing = (async () => {
      for (let count = 0; count < 25; count += 1) await write();
      writing = false;
    })();
    const reading = Array.from({ length: 6 }, async (_, reader) => {
      let whole = 0;
      for (let turn = 0; writing; turn += 1) {
        const [from, to] = turn % 2 === 0 ? [0, Infinity] : [reader * 400_000, reader * 400_000 + 1_500_000];
        const headers = turn % 2 === 0 ? {} : rangeHeader(from, to);
        const reply = await client.send({ path, headers }).catch(() => undefined);
        if (!reply || reply.status === 503) continue;
        expect(reply.status).toBeLessThan(300);
        const expected = versions.get(reply.headers.etag)!.subarray(from, to);
        const got = reply.isCut ? expected.subarray(0, reply.body.length) : expected;
        expect(differenceOf(reply.body, got)).toBeUndefined();
        if (!reply.isCut) whole += 1;
      }
      return whole;
    });
    await changing;
    const whole = await Promise.all(reading);
    expect(Math.min(...whole)).toBeGreaterThan(0);
  });

  describe('through Forebay', () => {
    const keysPerWriter = 2;
    const operationsPerWriter = 40;

    /** One write as its writer saw it: nothing before `startMs`, visible to all that begins after `endMs`. */
    interface Write {
      readonly seed: number;
      readonly etag: string | undefined;
      readonly startMs: number;
      endMs: number;
    }

    /** All writes of a key; those of `seed` 0 are deletions. */
    const history = new Map<string, Write[]>();

    async function write(path: string, turn: number): Promise<void> {
      const writes = history.get(path)!;
      if (turn % 9 === 8) {
        const record: Write = { seed: 0, etag: undefined, startMs: performance.now(), endMs: Infinity };
        writes.push(record);
        expect((await client.send({ method: 'DELETE', path })).status).toBe(204);
        record.endMs = performance.now();
        return;
      }
      seeds += 1;
      const body = contentOf(seeds, 16 * (1 + (seeds % 50) ** 3));
      const etag = `"${createHash('md5').update(body).digest('hex')}"`;
      const record: Write = { seed: seeds, etag, startMs: performance.now(), endMs: Infinity };
      writes.push(record);
      expect((await client.put(path, body)).headers.etag).toBe(etag);
      record.endMs = performance.now();
    }

    /**
     * Some write that began before the read ended explains it, and none lies wholly between that and the
     * read.
     */
    function expectVisible(
      path: string,
      read: { seed: number | undefined; etag?: string | undefined; startMs: number; endMs: number },
    ): void {
      const writes = history.get(path)!;
      const candidates = writes.filter(({ seed, etag }) =>
        read.seed === undefined ? etag === read.etag : seed === read.seed,
      );
      const explained = candidates.some(
        (one) =>
          one.startMs < read.endMs &&
          !writes.some((other) => other.startMs > one.endMs && other.endMs < read.startMs),
      );
      expect(explained, `${path} read as ${read.seed ?? read.etag}`).toBe(true);
    }

    /** @returns whether the read got to its end */
    async function readOnce(path: string): Promise<boolean> {
      const startMs = performance.now();
      const reply = await client.send({ path });
      const endMs = performance.now();
      if (reply.status === 404) {
        expectVisible(path, { seed: 0, startMs, endMs });
        return true;
      }
      expect(reply.status).toBe(200);
      // A write may end the read of what it replaces; never does one get a mixture.
      if (reply.isCut) return false;
      const { seed } = originOf(reply.body);
      expect(differenceOf(reply.body, contentOf(seed, reply.body.length))).toBeUndefined();
      const { etag } = history.get(path)!.find((one) => one.seed === seed)!;
      expect(reply.headers.etag).toBe(etag);
      expectVisible(path, { seed, startMs, endMs });
      return true;
    }

    async function headOnce(path: string): Promise<void> {
      const startMs = performance.now();
      const { status, headers } = await client.send({ method: 'HEAD', path });
      const read = { startMs, endMs: performance.now() };
      if (status === 404) expectVisible(path, { seed: 0, ...read });
      else expectVisible(path, { seed: undefined, etag: headers.etag, ...read });
    }

    async function listOnce(paths: readonly string[]): Promise<void> {
      const startMs = performance.now();
      const query = [
        ['list-type', '2'],
        ['prefix', 'shared-'],
      ] as const;
      const { body } = await client.send({ path: '/lake', query });
      const read = { startMs, endMs: performance.now() };
      const entries = new Map(
        [...body.toString().matchAll(/<Key>([^<]+)<\/Key>.*?<ETag>([^<]+)<\/ETag>/gs)].map(
          ([, key, etag]): [string, string] => [`/lake/${key}`, etag!.replaceAll('&quot;', '"')],
        ),
      );
      for (const path of paths) {
        const etag = entries.get(path);
        expectVisible(path, { seed: etag === undefined ? 0 : undefined, etag, ...read });
      }
    }

    it('4 writers and 8 readers of the same keys: what was acknowledged, every later read sees', async () => {
      const paths = Array.from({ length: 4 * keysPerWriter }, (_, index) => `/lake/shared-${index}`);
      // The keys are absent at first: a deletion before all time.
      const before = { seed: 0, etag: undefined, startMs: -1, endMs: -1 };
      for (const path of paths) history.set(path, [before]);
      let writers = 4;
      const writing = Array.from({ length: 4 }, async (_, writer) => {
        for (let turn = 0; turn < operationsPerWriter; turn += 1) {
          // Mostly keys of its own, read at once; every fourth time one that another writer writes too.
          const own = writer * keysPerWriter + (turn % keysPerWriter);
          const path = paths[turn % 4 === 3 ? (own + turn) % paths.length : own]!;
          await write(path, turn);
          await readOnce(path);
        }
        writers -= 1;
      });
      let [reads, cuts] = [0, 0];
      const reading = Array.from({ length: 8 }, async (_, reader) => {
        for (let turn = reader; writers > 0; turn += 1) {
          const path = paths[turn % paths.length]!;
          if (reader === 0) await listOnce(paths);
          else if (reader === 1) await headOnce(path);
          else if (!(await readOnce(path))) cuts += 1;
          reads += 1;
        }
      });
      await Promise.all([...writing, ...reading]);
      expect(reads).toBeGreaterThan(200);
      expect(cuts).toBeLessThan(reads / 10);
      for (const path of paths) expect(await readOnce(path)).toBe(true);
      await untilQuiet(forebay);
    });
  });
});
