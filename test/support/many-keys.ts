/**
 * What lists of a bucket with very many keys cost the UFS: as many requests as pages, of a page's size, at
 * whatever key they begin, and never a walk. Everything that reaches the UFS passes a counting proxy.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CountingProxy, startCountingProxy } from './counting-proxy.ts';
import { s3Mount, startForebay } from './forebay-process.ts';
import { type IndexedServer, loadKeys, needsIndexedServer, startIndexedServer } from './indexed-server.ts';
import { tempDir } from './temp.ts';
import { WireClient, type WireReply } from './wire-client.ts';

const groupCount = 250;
/** A listed key of these tests with all it carries stays below. */
const entryBytesMax = 600;

type Query = Readonly<Record<string, string>>;

interface Listed {
  readonly keys: readonly string[];
  readonly groups: readonly string[];
  readonly token: string | undefined;
}

function listedIn({ status, body }: WireReply): Listed {
  expect(status).toBe(200);
  const text = body.toString();
  const all = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, found]) => found!);
  return {
    keys: all(/<Key>(.*?)<\/Key>/g),
    groups: all(/<CommonPrefixes><Prefix>(.*?)<\/Prefix>/g),
    token: all(/<NextContinuationToken>(.*?)</g)[0],
  };
}

class ManyKeys {
  readonly count: number;
  readonly perGroup: number;
  readonly #closing: (() => unknown)[] = [];
  #proxy: CountingProxy | undefined;
  #client: WireClient | undefined;

  constructor(count: number) {
    this.count = count;
    this.perGroup = count / groupCount;
  }

  async start(): Promise<void> {
    const server = await startIndexedServer('many');
    this.#closing.push(() => server.stop());
    await this.#load(server);
    const proxy = await startCountingProxy({ target: server });
    this.#proxy = proxy;
    this.#closing.push(() => proxy.stop());
    const { mount, env } = s3Mount('/many', proxy, 'many');
    const { mount: parent } = s3Mount('/nested', proxy, 'many');
    const child = `/nested/group-100=file://${tempDir('nested')}`;
    const forebay = await startForebay({ mounts: [mount, parent, child], env });
    this.#closing.push(() => forebay.remove());
    const client = new WireClient(forebay);
    this.#client = client;
    this.#closing.push(() => client.close());
  }

  async close(): Promise<void> {
    for (const close of this.#closing.reverse()) await close();
  }

  async #load(server: IndexedServer): Promise<void> {
    const startedMs = performance.now();
    await loadKeys(server, { bucket: 'many', count: this.count, keyAt: this.keyAt });
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    const mebibytes = Math.round((await server.residentBytes()) / 1024 ** 2);
    console.log(`${this.count} keys loaded in ${seconds} s; the server takes ${mebibytes} MiB`);
  }

  readonly keyAt = (index: number): string => {
    const inGroup = String(index % this.perGroup).padStart(6, '0');
    return `${groupAt(Math.floor(index / this.perGroup))}${inGroup}`;
  };

  readonly keysFrom = (index: number, length: number): string[] =>
    Array.from({ length }, (_, offset) => this.keyAt(index + offset));

  /** One list through Forebay, and the requests that it cost the UFS. */
  readonly list = async (query: Query, bucket = 'many') => {
    const proxy = this.#proxy!;
    proxy.reset();
    const listed = listedIn(await this.#client!.send({ path: `/${bucket}`, query: Object.entries(query) }));
    await proxy.idle();
    for (const { method, responseBytes } of proxy.requests) {
      expect(method).toBe('GET');
      expect(responseBytes).toBeLessThan(1000 * entryBytesMax);
    }
    return { ...listed, requests: proxy.requests.length };
  };

  readonly v2 = (query: Query = {}, bucket?: string) => this.list({ 'list-type': '2', ...query }, bucket);
}

const groupAt = (group: number) => `group-${String(group).padStart(3, '0')}/`;
const allGroups = Array.from({ length: groupCount }, (_, group) => groupAt(group));

export async function describeManyKeys(count: number): Promise<void> {
  describe(`a bucket of ${count} keys`, await needsIndexedServer(), () => {
    const many = new ManyKeys(count);
    const bucket = () => many;
    beforeAll(() => many.start());
    afterAll(() => many.close());
    describePages(bucket);
    describeGroups(bucket);
    describePrefixes(bucket);
    describeNestedMounts(bucket);
  });
}

function describePages(bucket: () => ManyKeys): void {
  it('gives its first page, and one from its middle, for one request each', async () => {
    const { count, keyAt, keysFrom, list, v2 } = bucket();
    expect(await v2()).toMatchObject({ keys: keysFrom(0, 1000), requests: 1 });
    const middle = Math.floor(count / 2) + 7;
    const after = await v2({ 'start-after': keyAt(middle - 1) });
    expect(after).toMatchObject({ keys: keysFrom(middle, 1000), requests: 1 });
    const next = await v2({ 'continuation-token': after.token! });
    expect(next).toMatchObject({ keys: keysFrom(middle + 1000, 1000), requests: 1 });
    const marked = await list({ marker: keyAt(middle - 1), 'max-keys': '10' });
    expect(marked).toMatchObject({ keys: keysFrom(middle, 10), requests: 1 });
    expect(await v2({ 'start-after': keyAt(count - 3) })).toMatchObject({
      keys: keysFrom(count - 2, 2),
      token: undefined,
      requests: 1,
    });
  });
}

function describeGroups(bucket: () => ManyKeys): void {
  it('gives its groups, each of them full of keys, for one request a page', async () => {
    const { v2 } = bucket();
    const whole = await v2({ delimiter: '/' });
    expect(whole).toMatchObject({ keys: [], groups: allGroups, token: undefined, requests: 1 });
    const paged: string[] = [];
    let token: string | undefined;
    do {
      const start: Query = token === undefined ? {} : { 'continuation-token': token };
      const page = await v2({ delimiter: '/', 'max-keys': '60', ...start });
      expect(page.requests).toBe(1);
      paged.push(...page.groups);
      token = page.token;
    } while (token !== undefined);
    expect(paged).toEqual(allGroups);
  });
}

function describePrefixes(bucket: () => ManyKeys): void {
  it('gives a prefix for one request a page', async () => {
    const { perGroup, keyAt, keysFrom, v2 } = bucket();
    const query = { prefix: groupAt(123), 'max-keys': '30' };
    const first = await v2(query);
    expect(first).toMatchObject({ keys: keysFrom(123 * perGroup, 30), requests: 1 });
    const second = await v2({ ...query, 'continuation-token': first.token! });
    expect(second).toMatchObject({ keys: keysFrom(123 * perGroup + 30, 30), requests: 1 });
    const last = await v2({ ...query, 'start-after': keyAt(124 * perGroup - 2) });
    expect(last).toMatchObject({ keys: [keyAt(124 * perGroup - 1)], token: undefined, requests: 1 });
    expect(await v2({ prefix: 'absent/' })).toMatchObject({ keys: [], groups: [], requests: 1 });
  });
}

function describeNestedMounts(bucket: () => ManyKeys): void {
  it('costs a request more where a nested mount lies in the page, and hides what is below it', async () => {
    const { perGroup, keyAt, keysFrom, v2 } = bucket();
    const shown = allGroups.toSpliced(100, 1);
    const groups = await v2({ delimiter: '/' }, 'nested');
    expect(groups.groups).toEqual(shown);
    expect(groups.requests).toBeLessThanOrEqual(3);
    const across = await v2({ 'start-after': keyAt(100 * perGroup - 11), 'max-keys': '20' }, 'nested');
    expect(across.keys).toEqual([...keysFrom(100 * perGroup - 10, 10), ...keysFrom(101 * perGroup, 10)]);
    expect(across.requests).toBeLessThanOrEqual(2);
  });
}
