/** Mounts with `listTtl`: what their lists may cost the UFS, and when they may lag. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WireClient, type WireReply } from '../../test/support/wire-client.ts';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const lake = { ...testMount({ bucket: 'lake' }), listTtlMs: 10_000 };
const strict = testMount({ bucket: 'strict', ufsName: 'lake' });
let nowMs = 0;
let gateway: TestGateway;
let client: WireClient;

beforeEach(async () => {
  const clock = { wallMs: () => Date.now(), monotonicMs: () => nowMs };
  gateway = await startTestGateway([lake, strict], { clock, settings: { listCacheBytesMax: 20_000 } });
  client = new WireClient({ ...gateway, accessKey: testAccessKey, secretKey: testSecretKey });
  for (const key of ['a/1', 'a/2', 'b']) await behindUs(key);
});
afterEach(async () => {
  client.close();
  await gateway.close();
});

/** A change that no gateway knows of. */
async function behindUs(key: string): Promise<void> {
  const body = (async function* () {
    yield Buffer.from('x');
  })();
  await gateway.ufsOf(lake).put(key, { sizeBytes: 1, body, headers: [] });
}

async function list(bucket = 'lake', query: Record<string, string> = {}): Promise<WireReply> {
  const entries = Object.entries({ 'list-type': '2', ...query });
  return client.send({ path: `/${bucket}`, query: entries });
}

const keysOf = ({ body }: WireReply) => [...body.toString().matchAll(/<Key>(.*?)<\/Key>/g)].map((m) => m[1]);
const listCount = () => gateway.ufsOf(lake).countOf('list');

describe('lists of a mount with listTtl', () => {
  it('come from what the UFS answered within that time, and say how old that is', async () => {
    const first = await list();
    expect(first.headers.age).toBe('0');
    await behindUs('late');
    nowMs += 9_999;
    const second = await list();
    expect(keysOf(second)).toEqual(['a/1', 'a/2', 'b']);
    expect(second.headers.age).toBe('9');
    expect(listCount()).toBe(1);
    nowMs += 1;
    const third = await list();
    expect(keysOf(third)).toEqual(['a/1', 'a/2', 'b', 'late']);
    expect(third.headers.age).toBe('0');
    const pages = await gateway.metrics.samples('forebay_list_pages_total');
    expect(pages.map(({ labels, value }) => [labels.result, value])).toEqual([
      ['miss', 2],
      ['hit', 1],
    ]);
  });

  it('are asked for once, however many want the same together', async () => {
    gateway.ufsOf(lake).hold(['list']);
    const lists = [list(), list(), list()];
    await gateway.ufsOf(lake).whenHeld(1);
    while ((await results()).coalesced !== 2) await new Promise((resolve) => setImmediate(resolve));
    gateway.ufsOf(lake).release();
    for (const one of await Promise.all(lists)) expect(keysOf(one)).toHaveLength(3);
    expect(listCount()).toBe(1);
  });

  async function results(): Promise<Record<string, number>> {
    const pages = await gateway.metrics.samples('forebay_list_pages_total');
    return Object.fromEntries(pages.map(({ labels, value }) => [labels.result, value]));
  }

  it('show what is written through the gateway at once, whichever mount it goes through', async () => {
    await list();
    await list('lake', { prefix: 'a/' });
    await list('lake', { prefix: 'b' });
    await client.put('/strict/a/3', Buffer.from('x'));
    expect(listCount()).toBe(3);
    expect(keysOf(await list())).toEqual(['a/1', 'a/2', 'a/3', 'b']);
    expect(keysOf(await list('lake', { prefix: 'a/' }))).toEqual(['a/1', 'a/2', 'a/3']);
    // No list of this prefix can show that key: it is kept.
    expect(keysOf(await list('lake', { prefix: 'b' }))).toEqual(['b']);
    expect(listCount()).toBe(5);
    await client.send({ method: 'DELETE', path: '/lake/b' });
    expect(keysOf(await list('lake', { prefix: 'b' }))).toEqual([]);
  });

  it('never keep what a write overtook on its way', async () => {
    const ufs = gateway.ufsOf(lake);
    const asked = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const inner = ufs.list;
    ufs.list = async (request) => {
      const listing = await inner(request);
      asked.resolve();
      await held.promise;
      return listing;
    };
    const overtaken = list();
    await asked.promise;
    await client.put('/lake/c', Buffer.from('x'));
    const after = list();
    held.resolve();
    expect(keysOf(await overtaken)).toEqual(['a/1', 'a/2', 'b']);
    expect(keysOf(await after)).toEqual(['a/1', 'a/2', 'b', 'c']);
    expect(keysOf(await list())).toEqual(['a/1', 'a/2', 'b', 'c']);
  });

  it('are not kept where the UFS fails, nor beyond their bytes', async () => {
    gateway.ufsOf(lake).failNext(1, { methods: ['list'] });
    expect(await list()).toMatchObject({ status: 503 });
    expect(keysOf(await list())).toHaveLength(3);
    for (let prefix = 0; prefix < 40; prefix += 1) await list('lake', { prefix: `p${prefix}` });
    const before = listCount();
    await list('lake', { prefix: 'p39' });
    expect(listCount()).toBe(before);
    await list();
    expect(listCount()).toBe(before + 1);
  });

  it('cost what they were asked for with, however little they show', async () => {
    const prefix = 'p'.repeat(1000);
    for (let page = 0; page < 10; page += 1) await list('lake', { prefix: `${prefix}${page}` });
    const before = listCount();
    await list('lake', { prefix: `${prefix}9` });
    expect(listCount()).toBe(before);
    await list('lake', { prefix: `${prefix}0` });
    expect(listCount()).toBe(before + 1);
  });

  it('do not touch mounts without it', async () => {
    for (let times = 1; times <= 2; times += 1) {
      expect((await list('strict')).headers.age).toBeUndefined();
      expect(listCount()).toBe(times);
    }
  });
});
