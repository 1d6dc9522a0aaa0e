/**
 * Several processes on one port: what one of them does the others see at once, and one that dies takes
 * nothing with it but its connections.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NewUserView } from '@forebay/registry/admin/users';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { contentOf, differenceOf, mebibyte, originOf } from '../support/content.ts';
import { type ForebayProcess, startForebay } from '../support/forebay-process.ts';
import { metric, untilMetric, untilQuiet } from '../support/metrics.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

const workers = ['--workers', '2'];
/** Each on a connection of its own: the system deals them out to the workers. */
const clientCount = 12;

/** The worker processes of a running Forebay. */
function workersOf({ pid }: ForebayProcess): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

async function admin<Answer>(forebay: ForebayProcess, method: string, path: string, body?: object) {
  const pair = Buffer.from(`${forebay.accessKey}:${forebay.secretKey}`).toString('base64');
  const headers = { authorization: `Basic ${pair}`, 'content-type': 'application/json' };
  const sent = body ? { body: JSON.stringify(body) } : {};
  const answer = await fetch(`${forebay.admin}${path}`, { method, headers, ...sent });
  expect(answer.ok, `${path}: ${answer.status}`).toBe(true);
  return (await answer.json()) as Answer;
}

describe('two workers', () => {
  let forebay: ForebayProcess;
  let clients: WireClient[];
  let seeds = 0;

  beforeAll(async () => {
    const directory = tempDir('workers');
    for (const name of ['lake', 'lists']) mkdirSync(join(directory, name));
    const mounts = [
      `/lake=file://${join(directory, 'lake')}?ttl=1h`,
      `/lists=file://${join(directory, 'lists')}?ttl=1h&listTtl=1h`,
    ];
    forebay = await startForebay({ mounts, flags: workers });
    clients = Array.from({ length: clientCount }, () => new WireClient(forebay));
  });
  afterAll(async () => {
    for (const client of clients ?? []) client.close();
    await forebay?.remove();
  });

  async function read(client: WireClient, path: string): Promise<number> {
    const { status, body } = await client.send({ path });
    expect(status).toBe(200);
    const { seed } = originOf(body);
    expect(differenceOf(body, contentOf(seed, body.length))).toBeUndefined();
    return seed;
  }

  it('every reader sees at once what was written through whichever worker', async () => {
    const sizes = [64, 40_000, 300_000];
    for (let round = 0; round < 90; round += 1) {
      const path = `/lake/key-${round % 3}`;
      seeds += 1;
      await clients[round % clientCount]!.put(path, contentOf(seeds, sizes[round % 3]!));
      // Three times: the last ones find it hot.
      for (let turn = 0; turn < 3; turn += 1) {
        const seen = await Promise.all(clients.map((client) => read(client, path)));
        expect(new Set(seen)).toEqual(new Set([seeds]));
      }
    }
    await untilQuiet(forebay);
  });

  it('readers that go on while it is written never see what was before', async () => {
    const path = '/lake/changing';
    let acknowledged = ++seeds;
    await clients[0]!.put(path, contentOf(seeds, 5_000));
    let writing = true;
    const reading = clients.slice(2).map(async (client) => {
      let reads = 0;
      for (; writing; reads += 1) {
        const least = acknowledged;
        expect(await read(client, path)).toBeGreaterThanOrEqual(least);
      }
      return reads;
    });
    for (let write = 0; write < 40; write += 1) {
      seeds += 1;
      await clients[write % 2]!.put(path, contentOf(seeds, 5_000));
      acknowledged = seeds;
      // Time to become hot in between.
      for (let turn = 0; turn < 10; turn += 1) await read(clients[0]!, path);
    }
    writing = false;
    const reads = (await Promise.all(reading)).reduce((sum, count) => sum + count, 0);
    expect(reads).toBeGreaterThan(300);
  });

  it('what is written shows in lists that any worker keeps', async () => {
    for (let round = 0; round < 20; round += 1) {
      const query = [['list-type', '2'] as const];
      await clients[round % clientCount]!.put(`/lists/key-${round}`, contentOf(1, 16));
      for (let turn = 0; turn < 2; turn += 1) {
        const lists = await Promise.all(clients.map((client) => client.send({ path: '/lists', query })));
        for (const { body } of lists) expect(body.toString().match(/<Key>/g)?.length).toBe(round + 1);
      }
    }
    expect(await metric(forebay, 'forebay_list_pages_total', { result: 'hit' })).toBeGreaterThan(0);
  });

  it('one writer at a time has a key of a directory, through whichever worker', async () => {
    for (let round = 0; round < 20; round += 1) {
      const puts = clients.map((client, index) => {
        const headers = { 'if-none-match': '*', 'x-amz-meta-writer': String(index) };
        return client.send({ method: 'PUT', path: `/lake/once-${round}`, headers, body: contentOf(1, 16) });
      });
      const made = (await Promise.all(puts)).filter(({ status }) => status === 200);
      expect(made).toHaveLength(1);
      const replaced = clients.map((client, index) => {
        const headers = { 'x-amz-meta-writer': String(index) };
        return client.send({ method: 'PUT', path: '/lake/same', headers, body: contentOf(index, 16) });
      });
      for (const { status } of await Promise.all(replaced)) expect(status).toBe(200);
      const { body, headers } = await clients[0]!.send({ path: '/lake/same' });
      expect(headers['x-amz-meta-writer']).toBe(String(originOf(body).seed));
    }
  });

  it('a user counts everywhere from the moment it is made, and no longer than it is there', async () => {
    await clients[0]!.put('/lake/for-all', contentOf(7, 64));
    const statement = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::lake/*' };
    const policies = [{ Version: '2012-10-17', Statement: [statement] }];
    const { accessKey, secretKey } = await admin<NewUserView>(forebay, 'POST', '/api/v1/users', {
      ...{ name: 'reader', policies },
    });
    const theirs = clients.map(() => new WireClient({ endpoint: forebay.endpoint, accessKey, secretKey }));
    const statuses = () =>
      Promise.all(theirs.map(async (client) => (await client.send({ path: '/lake/for-all' })).status));
    expect(new Set(await statuses())).toEqual(new Set([200]));
    await admin(forebay, 'DELETE', '/api/v1/users?name=reader');
    expect(new Set(await statuses())).toEqual(new Set([403]));
    for (const client of theirs) client.close();
  });

  it('a mount that goes and comes back is gone and back everywhere', async () => {
    const path = join(tempDir('workers-mount'), 'here');
    mkdirSync(path);
    await admin(forebay, 'POST', '/api/v1/mounts', { path: '/here', ufs: `file://${path}` });
    await clients[0]!.put('/here/key', contentOf(3, 64));
    const statuses = () =>
      Promise.all(clients.map(async (client) => (await client.send({ path: '/here/key' })).status));
    for (let turn = 0; turn < 3; turn += 1) expect(new Set(await statuses())).toEqual(new Set([200]));
    await admin(forebay, 'DELETE', '/api/v1/mounts?path=/here');
    expect(new Set(await statuses())).toEqual(new Set([404]));
  });

  it('the death of one costs others nothing, and it is started again', async () => {
    const path = '/lake/while-one-dies';
    seeds += 1;
    await clients[0]!.put(path, contentOf(seeds, 2 * mebibyte));
    for (let turn = 0; turn < 3; turn += 1) for (const client of clients) await read(client, path);
    const requestsBefore = await metric(forebay, 'forebay_requests_total');
    const [victim] = workersOf(forebay);
    let reading = true;
    const failures = clients.map(async (client) => {
      let count = 0;
      while (reading) {
        const reply = await client.send({ path }).catch(() => undefined);
        if (!reply || reply.isCut) count += 1;
        else expect(differenceOf(reply.body, contentOf(seeds, 2 * mebibyte))).toBeUndefined();
      }
      return count;
    });
    process.kill(victim!, 'SIGKILL');
    await untilMetric(forebay, 'forebay_worker_restarts_total', 1);
    await until('both workers run', () => workersOf(forebay).length === 2);
    reading = false;
    const counts = await Promise.all(failures);
    // Each connection broke once at most, and those of the other worker never.
    expect(Math.max(...counts)).toBeLessThanOrEqual(1);
    expect(Math.min(...counts)).toBe(0);
    expect(await metric(forebay, 'forebay_requests_total')).toBeGreaterThanOrEqual(requestsBefore);
    for (const client of clients) expect(await read(client, path)).toBe(seeds);
  });

  it('one that is halted shows nobody what an operator took away', async () => {
    await clients[0]!.put('/lake/secret', contentOf(8, 64));
    const statement = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::lake/*' };
    const policies = [{ Version: '2012-10-17', Statement: [statement] }];
    const user = await admin<NewUserView>(forebay, 'POST', '/api/v1/users', { name: 'leaver', policies });
    const theirs = clients.map(() => new WireClient({ ...user, endpoint: forebay.endpoint }));
    await Promise.all(theirs.map((client) => client.send({ path: '/lake/secret' })));
    const [victim] = workersOf(forebay);
    process.kill(victim!, 'SIGSTOP');
    const asked = theirs.map((client) => client.send({ path: '/lake/secret' }).catch(() => undefined));
    await admin(forebay, 'DELETE', '/api/v1/users?name=leaver');
    // It was ended, as it did not hear of the change; and what it was asked has no answer.
    expect(workersOf(forebay)).not.toContain(victim);
    await Promise.all(asked);
    await until('both workers run', () => workersOf(forebay).length === 2);
    for (const client of theirs) {
      const { status } = await until('an answer', () =>
        client.send({ path: '/lake/secret' }).catch(() => undefined),
      );
      expect(status).toBe(403);
      client.close();
    }
  });

  it('end with their owner, however that ends', async () => {
    await clients[0]!.put('/lake/kept', contentOf(12, 64));
    const [one, other] = workersOf(forebay);
    await forebay.kill9();
    await until('they have ended', () => !existsSync(`/proc/${one}`) && !existsSync(`/proc/${other}`));
    await forebay.restart();
    for (const client of clients) await client.send({ path: '/lake/kept' }).catch(() => undefined);
    for (const client of clients) expect(await read(client, '/lake/kept')).toBe(12);
  });

  it('ends cleanly, with every request that was under way', async () => {
    const path = '/lake/at-the-end';
    await clients[0]!.put(path, contentOf(11, 8 * mebibyte));
    const started = await Promise.all(clients.map((client) => client.start({ path })));
    const stopping = forebay.stop();
    for (const message of started) {
      const pieces: Buffer[] = [];
      for await (const piece of message as AsyncIterable<Buffer>) pieces.push(piece);
      expect(differenceOf(Buffer.concat(pieces), contentOf(11, 8 * mebibyte))).toBeUndefined();
    }
    expect(await stopping).toBe(0);
    await forebay.restart();
    for (const client of clients) expect(await read(client, path)).toBe(11);
  });
});

describe('workers', () => {
  it('keep the code that they compiled for the next start', async () => {
    // Not where other processes of tests keep theirs.
    const forebay = await startForebay({ flags: workers, env: { NODE_COMPILE_CACHE: undefined } });
    expect(await forebay.stop()).toBe(0);
    expect(readdirSync(join(forebay.dataDir, 'code'))).not.toEqual([]);
    await forebay.remove();
  });
});

describe('readers at two workers', await needs('versitygw'), () => {
  let lake: CachedBucket;
  beforeAll(async () => {
    lake = await startCachedBucket({ env: { FOREBAY_FILLS_PER_READER_MAX: '1' }, flags: workers });
  });
  afterAll(() => lake?.stop());

  it('cost one request of the UFS together, and each byte once', async () => {
    const { proxy, forebay, client, direct } = lake;
    const body = contentOf(1, 8 * mebibyte);
    await direct.put('/lake/cold', body);
    proxy.reset();
    const gate = proxy.hold();
    const reading = Promise.all(Array.from({ length: 40 }, () => client.send({ path: '/lake/cold' })));
    await untilMetric(forebay, 'forebay_requests_in_flight', 40);
    gate.release();
    for (const reply of await reading) expect(differenceOf(reply.body, body)).toBeUndefined();
    expect(proxy.requests.map(({ method }) => method)).toEqual(['GET']);
    expect(proxy.requests.reduce((sum, { responseBytes }) => sum + responseBytes, 0)).toBe(body.length);
  });
});
