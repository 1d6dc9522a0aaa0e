/** Listings as clients see them: both versions on the wire, page by page, over nested mounts. */
import { compareUtf8 } from '@forebay/core/utf8-order';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WireClient, type WireReply } from '../../test/support/wire-client.ts';
import { anyKey, anyPath, anyStored, modelOf, type Stored, visibleKeys } from './testing/listing-world.ts';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

interface World {
  readonly gateway: TestGateway;
  readonly client: WireClient;
  close(): Promise<void>;
}

async function worldOf(stored: readonly Stored[]): Promise<World> {
  const mounts = stored.map(({ keyPrefix, ufsPrefix }) =>
    testMount({ bucket: 'bucket', keyPrefix, ufsPrefix }),
  );
  const gateway = await startTestGateway(mounts);
  for (const [index, { ufsPrefix, keys }] of stored.entries()) {
    const ufs = gateway.ufsOf(mounts[index]!);
    for (const key of keys)
      if (key !== '') await ufs.put(ufsPrefix + key, { sizeBytes: 0, body: nothing(), headers: [] });
  }
  const client = new WireClient({ ...gateway, accessKey: testAccessKey, secretKey: testSecretKey });
  const close = async () => {
    client.close();
    await gateway.close();
  };
  return { gateway, client, close };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

type Query = Readonly<Record<string, string>>;

function list({ client }: World, query: Query): Promise<WireReply> {
  return client.send({ path: '/bucket', query: Object.entries(query) });
}

/** Text of every element of that name, in order, as an XML parser would give it. */
function textsOf(reply: WireReply, name: string): string[] {
  const matches = reply.body.toString().matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'));
  return [...matches].map(([, text]) => unescapeXml(text!));
}

function textOf(reply: WireReply, name: string): string | undefined {
  return textsOf(reply, name)[0];
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };

function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (_, code?: string, name?: string) =>
    code === undefined ? named[name!]! : String.fromCharCode(Number(code)),
  );
}

interface Page {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  readonly truncated: boolean;
}

function pageOf(reply: WireReply, encoded: boolean): Page {
  expect(reply.status).toBe(200);
  const plain = (text: string) => (encoded ? decodeURIComponent(text.replaceAll('+', ' ')) : text);
  const prefixes = reply.body.toString().match(/<CommonPrefixes>.*?<\/CommonPrefixes>/gs) ?? [];
  return {
    keys: textsOf(reply, 'Key').map(plain),
    prefixes: prefixes.map((text) => plain(unescapeXml(/<Prefix>(.*)<\/Prefix>/s.exec(text)![1]!))),
    truncated: textOf(reply, 'IsTruncated') === 'true',
  };
}

interface Asked {
  readonly prefix: string;
  readonly delimiter?: string | undefined;
  readonly after: string;
  readonly maxKeys: number;
  readonly encoded: boolean;
}

function queryOf({ prefix, delimiter, maxKeys, encoded }: Asked): Query {
  return {
    'max-keys': String(maxKeys),
    ...(prefix !== '' && { prefix }),
    ...(delimiter !== undefined && { delimiter }),
    ...(encoded && { 'encoding-type': 'url' }),
  };
}

/** Every text of a listing, in order, with what holds of each page checked on the way. */
async function textsListed(
  asked: Asked,
  pageAfter: (marker: string | undefined) => Promise<{ reply: WireReply; next: (page: Page) => string }>,
): Promise<string[]> {
  const texts: string[] = [];
  let marker: string | undefined;
  for (let pages = 0; pages < 200; pages += 1) {
    const { reply, next } = await pageAfter(marker);
    const page = pageOf(reply, asked.encoded);
    expect(page.keys).toEqual([...page.keys].sort(compareUtf8));
    expect(page.prefixes).toEqual([...page.prefixes].sort(compareUtf8));
    const own = [...page.keys, ...page.prefixes].sort(compareUtf8);
    expect(own.length).toBeLessThanOrEqual(asked.maxKeys);
    texts.push(...own);
    if (!page.truncated) return texts;
    expect(own.length).toBe(asked.maxKeys);
    marker = next(page);
  }
  throw new Error('the listing does not end');
}

function allOfV2(world: World, asked: Asked): Promise<string[]> {
  return textsListed(asked, async (token) => {
    const start = token === undefined ? { 'start-after': asked.after } : { 'continuation-token': token };
    const reply = await list(world, { 'list-type': '2', ...queryOf(asked), ...start });
    const count = textsOf(reply, 'Key').length + (reply.body.toString().split('<CommonPrefixes>').length - 1);
    expect(textOf(reply, 'KeyCount')).toBe(String(count));
    return { reply, next: () => textOf(reply, 'NextContinuationToken')! };
  });
}

function allOfV1(world: World, asked: Asked): Promise<string[]> {
  return textsListed(asked, async (marker = asked.after) => {
    const reply = await list(world, { ...queryOf(asked), marker });
    const told = textOf(reply, 'NextMarker');
    const plain = (text: string) => (asked.encoded ? decodeURIComponent(text.replaceAll('+', ' ')) : text);
    // Only with a delimiter is the next marker told; without one it is the last key (S3-WIRE 106).
    if (asked.delimiter === undefined) expect(told).toBeUndefined();
    return { reply, next: ({ keys }) => (told === undefined ? keys.at(-1)! : plain(told)) };
  });
}

const anyAsked: fc.Arbitrary<Asked> = fc.record({
  prefix: fc.oneof(fc.constant(''), anyKey, anyPath),
  delimiter: fc.constantFrom(undefined, '/', 'a', '/a', 'a/', '//', 'é', '\u{10000}', '\u{10000}/'),
  after: fc.oneof(fc.constant(''), anyKey, anyPath),
  maxKeys: fc.constantFrom(1, 2, 3, 7, 1000),
  encoded: fc.boolean(),
});

const anyBucket = anyStored.filter((stored) => stored.length > 0);

it('lists what a model lists, in both versions, however it is cut into pages', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyBucket,
      fc.array(anyAsked, { minLength: 4, maxLength: 4 }),
      async (stored, queries) => {
        const world = await worldOf(stored);
        try {
          const keys = visibleKeys(stored);
          for (const asked of queries) {
            const expected = modelOf(keys, asked);
            expect(await allOfV2(world, asked)).toEqual(expected);
            expect(await allOfV1(world, asked)).toEqual(expected);
          }
        } finally {
          await world.close();
        }
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);

describe('a listing', () => {
  let world: World;

  beforeAll(async () => {
    const keys = ['a b', 'a+b', 'a/1', 'a/2', 'a/\u0001<&>"', 'é', '\u{ff5e}', '\u{10000}'];
    world = await worldOf([{ keyPrefix: '', ufsPrefix: '', keys }]);
  });
  afterAll(() => world.close());

  const v2 = (query: Query = {}) => list(world, { 'list-type': '2', ...query });
  async function expectRefusal(reply: Promise<WireReply>, message: string): Promise<void> {
    const { status, code, body } = await reply;
    expect({ status, code }).toEqual({ status: 400, code: 'InvalidArgument' });
    expect(body.toString()).toContain(`<Message>${message}</Message>`);
  }

  it('orders by UTF-8 bytes, and goes out escaped or encoded so that every key survives', async () => {
    const keys = ['a b', 'a+b', 'a/\u0001<&>"', 'a/1', 'a/2', 'é', '\u{ff5e}', '\u{10000}'];
    const plain = await v2();
    expect(pageOf(plain, false).keys).toEqual(keys);
    expect(plain.body.toString()).toContain('<Key>a/&#1;&lt;&amp;&gt;&quot;</Key>');
    const encoded = await v2({ 'encoding-type': 'url' });
    expect(textOf(encoded, 'EncodingType')).toBe('url');
    expect(textsOf(encoded, 'Key').slice(0, 3)).toEqual(['a+b', 'a%2Bb', 'a/%01%3C%26%3E%22']);
    expect(pageOf(encoded, true).keys).toEqual(keys);
    const all = { 'encoding-type': 'url', prefix: 'a', delimiter: ' ~' };
    const shown = await v2({ ...all, 'start-after': 'a ' });
    expect(textOf(shown, 'Delimiter')).toBe('+%7E');
    expect(textOf(shown, 'StartAfter')).toBe('a+');
    expect(textOf(await list(world, { ...all, marker: 'a ' }), 'Marker')).toBe('a+');
  });

  it('shows owners in version 1 always, in version 2 where they are asked for', async () => {
    expect(textsOf(await v2(), 'Owner')).toHaveLength(0);
    expect(textsOf(await v2({ 'fetch-owner': 'true' }), 'Owner')).toHaveLength(8);
    expect(textsOf(await v2({ 'fetch-owner': 'false' }), 'Owner')).toHaveLength(0);
    expect(textsOf(await list(world, {}), 'Owner')).toHaveLength(8);
  });

  it('takes max-keys from 0 to beyond 1,000 and refuses what is none', async () => {
    const none = await v2({ 'max-keys': '0' });
    expect(pageOf(none, false)).toEqual({ keys: [], prefixes: [], truncated: false });
    expect(textOf(none, 'MaxKeys')).toBe('0');
    for (const many of ['1001', '2147483647']) {
      expect(textOf(await v2({ 'max-keys': many }), 'MaxKeys')).toBe('1000');
    }
    const range = 'Argument max-keys must be an integer between 0 and 2147483647';
    const type = 'Provided max-keys not an integer or within integer range';
    for (const request of [v2, (query: Query) => list(world, query)]) {
      await expectRefusal(request({ 'max-keys': '-1' }), range);
      for (const text of ['x', '1.5', '2147483648', '99999999999999999999']) {
        await expectRefusal(request({ 'max-keys': text }), type);
      }
    }
  });

  it('takes an empty prefix or delimiter as if absent, and echoes what was sent', async () => {
    const empty = await v2({ prefix: '', delimiter: '' });
    expect(pageOf(empty, false).keys).toHaveLength(8);
    expect(textOf(empty, 'Prefix')).toBe('');
    expect(empty.body.toString()).not.toContain('<Delimiter>');
    const first = await v2({ 'max-keys': '1', 'start-after': 'a b' });
    const token = textOf(first, 'NextContinuationToken')!;
    const second = await v2({ 'continuation-token': token, 'start-after': 'zz' });
    // With both, the token wins.
    expect(pageOf(second, false).keys[0]).toBe('a/\u0001<&>"');
    expect(textOf(second, 'ContinuationToken')).toBe(token);
    expect(textOf(second, 'StartAfter')).toBe('zz');
    expect(textOf(await list(world, {}), 'Marker')).toBe('');
  });

  it('takes a token at another gateway, and refuses one that is none', async () => {
    const first = await v2({ 'max-keys': '3' });
    const token = textOf(first, 'NextContinuationToken')!;
    const other = await worldOf([{ keyPrefix: '', ufsPrefix: '', keys: ['a/1', 'zz'] }]);
    try {
      const reply = await list(other, { 'list-type': '2', 'continuation-token': token });
      expect(pageOf(reply, false).keys).toEqual(['a/1', 'zz']);
    } finally {
      await other.close();
    }
    const message = 'The continuation token provided is incorrect';
    const flipped = token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A');
    for (const forged of ['', 'x', 'a b', token.slice(0, -1), `${token}A`, flipped]) {
      await expectRefusal(v2({ 'continuation-token': forged }), message);
    }
    await expectRefusal(v2({ 'encoding-type': 'utf' }), 'Invalid Encoding Method specified in Request');
  });

  it('shows time, ETag, size and class of each key as S3 writes them', async () => {
    const contents = /<Contents>.*?<\/Contents>/s.exec((await v2()).body.toString())![0];
    expect(contents).toMatch(/<LastModified>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z<\/LastModified>/);
    expect(contents).toContain('<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag>');
    expect(contents).toContain('<Size>0</Size><StorageClass>STANDARD</StorageClass>');
  });
});
