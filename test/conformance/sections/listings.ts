/** Listings of objects. */
import { forebay, proven, type Section, ufs } from '../check.ts';
import type { Target } from '../target.ts';

interface Page {
  readonly xml: string;
  /** Without the probe's prefix. */
  readonly keys: string[];
  readonly groups: string[];
  readonly isTruncated: boolean;
}

const keys = ['a', 'b/1', 'b/2', 'b/c/3', 'c', 'd/4'];

async function fill(t: Target, names: readonly string[] = keys): Promise<void> {
  for (const name of names) await t.put(name);
}

/** `query` without the prefix, which every listing has. */
async function list(t: Target, query: string, prefix = ''): Promise<Page> {
  const reply = await t.ofBucket('GET', { query: `prefix=${encodeURIComponent(t.key(prefix))}&${query}` });
  const xml = t
    .is(reply, {
      is: 200,
      body: /<ListBucketResult[^>]* xmlns="http:\/\/s3\.amazonaws\.com\/doc\/2006-03-01\/"/,
    })
    .body.toString();
  const shorten = (key: string) => key.slice(t.key('').length);
  const texts = (pattern: RegExp) => [...xml.matchAll(pattern)].map(([, text]) => shorten(text!));
  return {
    xml,
    keys: texts(/<Key>([^<]*)<\/Key>/g),
    groups: texts(/<CommonPrefixes><Prefix>([^<]*)<\/Prefix>/g),
    isTruncated: /<IsTruncated>true</.test(xml),
  };
}

const elementOf = (xml: string, name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];

export const listings: Section = {
  title: 'Listings',
  checks: [
    forebay('105', 'a listing of version 2 echoes what was asked and counts keys and groups', async (t) => {
      await fill(t);
      const page = await list(t, `list-type=2&delimiter=%2F&start-after=${encodeURIComponent(t.key('a'))}`);
      t.same('keys', page.keys, ['c']);
      t.same('groups', page.groups, ['b/', 'd/']);
      const echoed = ['Name', 'Prefix', 'Delimiter', 'StartAfter', 'MaxKeys', 'KeyCount', 'IsTruncated'].map(
        (name) => elementOf(page.xml, name),
      );
      t.same('echo', echoed, [t.bucket, t.key(''), '/', t.key('a'), '1000', '3', 'false']);
      t.same('owner unasked', page.xml.includes('<Owner>'), false);
      const entry = /<Contents><Key>[^<]*<\/Key><LastModified>[^<]*<\/LastModified><ETag>[^<]*<\/ETag>/;
      t.same('order of elements', entry.test(page.xml), true);
    }),
    ufs('105.2', 'owners come where they are asked for', async (t) => {
      await t.put('k');
      const page = await list(t, 'list-type=2&fetch-owner=true');
      t.same('owner', /<Owner><ID>[^<]+<\/ID>|<Owner>.*<ID>[^<]+<\/ID>.*<\/Owner>/.test(page.xml), true);
    }),
    forebay('105.3', 'of a token and start-after the token wins', async (t) => {
      await fill(t);
      const first = await list(t, 'list-type=2&max-keys=2');
      const token = encodeURIComponent(elementOf(first.xml, 'NextContinuationToken') ?? '');
      const query = `list-type=2&continuation-token=${token}&start-after=${encodeURIComponent(t.key('zzz'))}`;
      t.same('the page of the token', (await list(t, query)).keys, ['b/2', 'b/c/3', 'c', 'd/4']);
    }),
    forebay('106', 'version 1 shows its marker always, the next one only with a delimiter', async (t) => {
      await fill(t);
      const plain = await list(t, 'max-keys=2');
      t.same(
        'first page',
        [plain.keys, plain.isTruncated, elementOf(plain.xml, 'NextMarker')],
        [['a', 'b/1'], true, undefined],
      );
      t.same('marker', /<Marker( ?\/>|><\/Marker>)/.test(plain.xml), true);
      const next = await list(t, `max-keys=2&marker=${encodeURIComponent(t.key('b/1'))}`);
      t.same('second page', [next.keys, elementOf(next.xml, 'Marker')], [['b/2', 'b/c/3'], t.key('b/1')]);
      const grouped = await list(t, 'max-keys=2&delimiter=%2F');
      t.same(
        'grouped',
        [grouped.keys, grouped.groups, elementOf(grouped.xml, 'NextMarker')],
        [['a'], ['b/'], t.key('b/')],
      );
    }),
    ufs('106.2', 'version 1 names the owner of every key', async (t) => {
      await t.put('k');
      t.same('owner', /<Contents>.*<Owner>.*<ID>/.test((await list(t, 'max-keys=5')).xml), true);
    }),
    ufs('107', 'keys come in the order of their UTF-8 bytes', async (t) => {
      const names = ['Z', 'a', 'z', 'ä', '～', '𝒳'];
      await fill(t, [...names].reverse());
      t.same('order', (await list(t, 'list-type=2')).keys, names);
    }),
    ufs('108', 'a delimiter may be any text; an empty one is none', async (t) => {
      await fill(t, ['one--two', 'one--three', 'four', 'x/y']);
      const page = await list(t, 'list-type=2&delimiter=--');
      t.same('grouped', [page.keys, page.groups], [['four', 'x/y'], ['one--']]);
      t.same('not grouped', (await list(t, 'list-type=2&delimiter=')).keys, [
        'four',
        'one--three',
        'one--two',
        'x/y',
      ]);
    }),
    forebay('108.2', 'a group counts once, and is skipped by what is at or behind it', async (t) => {
      await fill(t);
      const first = await list(t, 'list-type=2&delimiter=%2F&max-keys=2');
      t.same('first page', [first.keys, first.groups, first.isTruncated], [['a'], ['b/'], true]);
      const token = encodeURIComponent(elementOf(first.xml, 'NextContinuationToken') ?? '');
      const second = await list(t, `list-type=2&delimiter=%2F&max-keys=2&continuation-token=${token}`);
      t.same('second page', [second.keys, second.groups, second.isTruncated], [['c'], ['d/'], false]);
      const inside = await list(
        t,
        `list-type=2&delimiter=%2F&start-after=${encodeURIComponent(t.key('b/1'))}`,
      );
      t.same('start inside of a group', [inside.keys, inside.groups], [['c'], ['d/']]);
      const deep = await list(t, 'list-type=2&delimiter=%2F', 'b/');
      t.same('below a group', [deep.keys, deep.groups], [['b/1', 'b/2'], ['b/c/']]);
    }),
    forebay('109', 'max-keys is capped at 1000; 0 is an empty page and not truncated', async (t) => {
      await fill(t, ['a', 'b']);
      t.same('cap', elementOf((await list(t, 'list-type=2&max-keys=5000')).xml, 'MaxKeys'), '1000');
      for (const version of ['list-type=2&', '']) {
        const none = await list(t, `${version}max-keys=0`);
        t.same('none', [none.keys, none.isTruncated, elementOf(none.xml, 'MaxKeys')], [[], false, '0']);
      }
    }),
    forebay('109.2', 'a max-keys that is negative or no number is 400 InvalidArgument', async (t) => {
      for (const bad of ['-1', 'x', '2147483648']) {
        for (const version of ['list-type=2&', '']) {
          t.is(await t.ofBucket('GET', { query: `${version}max-keys=${bad}` }), '400 InvalidArgument');
        }
      }
    }),
    forebay(
      '110',
      'start-after and marker need not exist; a token is the page after, and none may be made up',
      async (t) => {
        await fill(t);
        const after = (name: string) => `list-type=2&start-after=${encodeURIComponent(t.key(name))}`;
        t.same('after what is not there', (await list(t, after('b/c/0'))).keys, ['b/c/3', 'c', 'd/4']);
        t.same('after everything', (await list(t, after('zzz'))).keys, []);
        for (const token of ['', 'made-up']) {
          const query = `list-type=2&continuation-token=${token}`;
          t.is(await t.ofBucket('GET', { query }), { is: '400 InvalidArgument', body: /continuation token/ });
        }
        const seen: string[] = [];
        let query = 'list-type=2&max-keys=1';
        for (let page = await list(t, query); ; page = await list(t, query)) {
          seen.push(...page.keys);
          if (!page.isTruncated) break;
          query = `list-type=2&max-keys=1&continuation-token=${encodeURIComponent(elementOf(page.xml, 'NextContinuationToken')!)}`;
        }
        t.same('all pages', seen, keys);
      },
    ),
    proven(
      '110.2',
      'tokens survive a restart and another gateway',
      'gateway/src/namespace/continuation-token.test.ts',
      'bring back any key',
    ),
    ufs('111', 'names are encoded by form rules where that is asked for', async (t) => {
      await fill(t, ['a b', 'a+b', 'ä', 'x/y']);
      const page = await list(t, 'list-type=2&encoding-type=url&delimiter=%2F');
      t.same('encoding', elementOf(page.xml, 'EncodingType'), 'url');
      t.same('keys', page.keys, ['a+b', 'a%2Bb', '%C3%A4']);
      t.same('groups', page.groups, ['x/']);
    }),
    forebay('111.2', 'another encoding is 400 InvalidArgument', async (t) => {
      for (const version of ['list-type=2&', '']) {
        const reply = await t.ofBucket('GET', { query: `${version}encoding-type=base64` });
        t.is(reply, { is: '400 InvalidArgument', body: /Invalid Encoding Method/ });
      }
    }),
    ufs('111.4', 'version 1 encodes its markers too', async (t) => {
      await fill(t, ['a b/1', 'a b/2', 'c']);
      const page = await list(t, 'encoding-type=url&delimiter=%2F&max-keys=1');
      t.same('group', page.groups, ['a+b/']);
      t.same('next marker', elementOf(page.xml, 'NextMarker'), `${t.key('')}a+b/`);
    }),
    ufs('111.3', 'without an encoding, marks of XML are escaped', async (t) => {
      await fill(t, ['a&b', 'c<d>']);
      t.same(
        'keys',
        (await list(t, 'list-type=2')).keys.map((key) => key.replaceAll('&gt;', '>')),
        ['a&amp;b', 'c&lt;d>'],
      );
    }),
    forebay('112', 'times have milliseconds and Z, tags have quotes, sizes are decimal', async (t) => {
      await t.put('k', 'hello');
      const { xml } = await list(t, 'list-type=2');
      t.same('time', /<LastModified>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z</.test(xml), true);
      t.same('tag', /<ETag>(&quot;|"|&#34;)[^<]+(&quot;|"|&#34;)<\/ETag>/.test(xml), true);
      t.same('size', elementOf(xml, 'Size'), '5');
      t.same('class', elementOf(xml, 'StorageClass'), 'STANDARD');
    }),
    forebay('113', 'a listing after a write or a delete shows it', async (t) => {
      for (let round = 0; round < 3; round += 1) {
        await t.put('k');
        t.same('after the write', (await list(t, 'list-type=2')).keys, ['k']);
        t.is(await t.object('DELETE', 'k'), 204);
        t.same('after the delete', (await list(t, 'list-type=2')).keys, []);
      }
    }),
    ufs('114', 'versions are listed in a bucket without any, as version null', async (t) => {
      await fill(t, ['a', 'b']);
      const xml = await versions(t, '');
      t.same('versions', [...xml.matchAll(/<VersionId>null<\/VersionId>/g)].length, 2);
      t.same('latest', [...xml.matchAll(/<IsLatest>true<\/IsLatest>/g)].length, 2);
    }),
    ufs(
      '114.2',
      'versions and markers of a key come newest first',
      async (t) => {
        await t.put('k', 'one');
        await t.put('k', 'two!');
        t.is(await t.object('DELETE', 'k'), 204);
        const xml = await versions(t, '');
        const shape = [...xml.matchAll(/<(Version|DeleteMarker)>.*?<IsLatest>(\w+)<\/IsLatest>.*?<\/\1>/gs)];
        t.same(
          'marker',
          shape.filter(([, name]) => name === 'DeleteMarker').map(([, , latest]) => latest),
          ['true'],
        );
        const sizes = [...xml.matchAll(/<Size>(\d+)<\/Size>/g)].map(([, size]) => size);
        t.same('newest first', sizes, ['4', '3']);
      },
      'versioned',
    ),
    ufs(
      '114.3',
      'a page of versions names key and version of the next',
      async (t) => {
        await t.put('k', 'one');
        await t.put('k', 'two!');
        const first = await versions(t, '&max-keys=1');
        t.same('truncated', elementOf(first, 'IsTruncated'), 'true');
        const marker = elementOf(first, 'NextVersionIdMarker');
        t.same('next key', [elementOf(first, 'NextKeyMarker'), marker !== undefined], [t.key('k'), true]);
        const next = await versions(
          t,
          `&key-marker=${encodeURIComponent(t.key('k'))}&version-id-marker=${encodeURIComponent(marker!)}`,
        );
        t.same('second page', elementOf(next, 'Size'), '3');
      },
      'versioned',
    ),
    ufs(
      '114.4',
      'versions are grouped by a delimiter as objects are',
      async (t) => {
        await fill(t, ['a', 'b/1', 'b/2']);
        const xml = await versions(t, '&delimiter=%2F');
        const texts = (pattern: RegExp) => [...xml.matchAll(pattern)].map(([, text]) => text);
        t.same('groups', texts(/<CommonPrefixes><Prefix>([^<]*)</g), [t.key('b/')]);
        t.same('keys', texts(/<Key>([^<]*)</g), [t.key('a')]);
      },
      'versioned',
    ),
  ],
};

async function versions(t: Target, more: string): Promise<string> {
  const query = `versions&prefix=${encodeURIComponent(t.key(''))}${more}`;
  return t.is(await t.ofBucket('GET', { query }), { is: 200, body: /<ListVersionsResult/ }).body.toString();
}
