/** GET and HEAD of objects. */
import { createHash } from 'node:crypto';
import { forebay, proven, type Section, ufs } from '../check.ts';
import { uploadParts } from '../multipart.ts';
import type { Target } from '../target.ts';

const hundred = Buffer.from(Array.from({ length: 100 }, (_, index) => index));
const whole = { 'content-range': undefined, 'content-length': '100' };
/** Range, first and last byte of the answer to an object of 100 bytes. */
const satisfiable: readonly (readonly [string, number, number])[] = [
  ['bytes=0-0', 0, 0],
  ['bytes=0-99', 0, 99],
  ['bytes=50-', 50, 99],
  ['bytes=0-100', 0, 99],
  ['bytes=0-999999', 0, 99],
  ['bytes=00-01', 0, 1],
  ['bytes=-1', 99, 99],
  ['bytes=-100', 0, 99],
  ['bytes=-101', 0, 99],
];
const ignored = [
  'bytes=10-5',
  'bytes=abc',
  'bytes=1',
  'bytes=-',
  'bytes=--1',
  'bytes= -1',
  'bytes=0 -1',
  'bytes=100-x',
  'bytes=,',
  '0-99',
  'foo=0-1',
  '',
];
const stored = {
  'content-type': 'text/x-a',
  'content-encoding': 'x-none',
  'content-disposition': 'attachment; filename="a.txt"',
  'content-language': 'en, de',
  'cache-control': 'no-cache, max-age=5',
  expires: 'Thu, 01 Jan 2099 00:00:00 GMT',
  'x-amz-meta-one': 'A value',
};

export const reads: Section = {
  title: 'GET and HEAD of objects',
  checks: [
    ufs(
      '74',
      'what was stored with an object comes back with it, from the store and from the cache',
      async (t) => {
        await t.put('k', 'x', { headers: stored });
        const headers = {
          ...stored,
          etag: /^"[0-9a-f]{32}"$/,
          'last-modified': / GMT$/,
          'content-length': '1',
          'accept-ranges': 'bytes',
          'x-amz-storage-class': undefined,
          'x-amz-tagging-count': undefined,
        };
        for (const method of ['GET', 'GET', 'HEAD']) t.is(await t.object(method, 'k'), { is: 200, headers });
      },
    ),
    ufs('74.2', 'an object without a type is binary/octet-stream', async (t) => {
      await t.put('k');
      t.is(await t.object('GET', 'k'), { is: 200, headers: { 'content-type': 'binary/octet-stream' } });
    }),
    ufs('74.3', 'Expires comes back as it was sent, also where it is no date', async (t) => {
      await t.put('k', 'x', { headers: { expires: 'never' } });
      for (let read = 0; read < 2; read += 1)
        t.is(await t.object('GET', 'k'), { is: 200, headers: { expires: 'never' } });
    }),
    ufs('74.4', 'the number of tags is told where there are any', async (t) => {
      await t.put('k', 'x', { headers: { 'x-amz-tagging': 'a=1&b=2' } });
      for (const method of ['GET', 'HEAD'])
        t.is(await t.object(method, 'k'), { is: 200, headers: { 'x-amz-tagging-count': '2' } });
    }),
    ufs('74.5', 'the address of a website redirect comes back', async (t) => {
      const headers = { 'x-amz-website-redirect-location': '/elsewhere' };
      await t.put('k', 'x', { headers });
      t.is(await t.object('GET', 'k'), { is: 200, headers });
    }),
    forebay('75', 'names of user metadata come back in lower case, values as they were', async (t) => {
      await t.put('k', 'x', { headers: { 'x-amz-meta-camelcase': 'Value  With "Marks"' } });
      t.is(await t.object('HEAD', 'k'), {
        is: 200,
        headers: { 'x-amz-meta-camelcase': /^Value {1,2}With "Marks"$/ },
      });
    }),
    ufs(
      '75.3',
      'values beyond ASCII come back as their bytes or in the encoding of mail headers',
      async (t) => {
        const value = Buffer.from('Zoë').toString('latin1');
        await t.put('k', 'x', { headers: { 'x-amz-meta-a': value } });
        const headers = { 'x-amz-meta-a': new RegExp(`^(${value}|=\\?UTF-8\\?[BQ]\\?.*\\?=)$`, 'i') };
        for (const method of ['GET', 'HEAD']) t.is(await t.object(method, 'k'), { is: 200, headers });
      },
    ),
    forebay('75.2', 'more than 2 KB of user metadata are 400 MetadataTooLarge', async (t) => {
      const headers = { 'x-amz-meta-a': 'x'.repeat(2048) };
      t.is(await t.object('PUT', 'k', { body: 'x', headers }), '400 MetadataTooLarge');
      await t.put('k', 'x', { headers: { 'x-amz-meta-a': 'x'.repeat(2000) } });
    }),
    forebay('76', 'one range of bytes is 206, clipped at the end of the object', async (t) => {
      await t.put('k', hundred);
      for (const [range, first, last] of satisfiable) {
        const headers = { 'content-range': `bytes ${first}-${last}/100` };
        t.is(await t.object('GET', 'k', { headers: { range } }), {
          is: 206,
          headers,
          body: hundred.subarray(first, last + 1),
        });
      }
    }),
    forebay('76.2', 'a range that is none is ignored', async (t) => {
      await t.put('k', hundred);
      for (const range of ignored) {
        t.is(await t.object('GET', 'k', { headers: { range } }), { is: 200, headers: whole, body: hundred });
      }
    }),
    forebay('76.3', 'several ranges are ignored', async (t) => {
      await t.put('k', hundred);
      t.is(await t.object('GET', 'k', { headers: { range: 'bytes=0-0,1-2' } }), {
        is: 200,
        headers: whole,
        body: hundred,
      });
    }),
    forebay('77', 'a range past the end is 416 InvalidRange, with the size', async (t) => {
      await t.put('k', hundred);
      for (const range of ['bytes=100-', 'bytes=100-110', 'bytes=-0']) {
        const body = [new RegExp(`<RangeRequested>${range}<`), /<ActualObjectSize>100</];
        const headers = { 'content-range': 'bytes */100' };
        t.is(await t.object('GET', 'k', { headers: { range } }), { is: '416 InvalidRange', body, headers });
      }
    }),
    forebay('78', 'of an empty object every range is 416, but the end of it is 200', async (t) => {
      await t.put('k', '');
      for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=40-50', 'bytes=-0']) {
        t.is(await t.object('GET', 'k', { headers: { range } }), '416 InvalidRange');
      }
      for (const range of ['bytes=-1', 'bytes=-100', 'bytes=x']) {
        const want = { is: 200, body: '', headers: { 'content-range': undefined, 'content-length': '0' } };
        t.is(await t.object('GET', 'k', { headers: { range } }), want);
      }
    }),
    forebay('79', 'HEAD honours a range', async (t) => {
      await t.put('k', hundred);
      const headers = { 'content-range': 'bytes 10-19/100', 'content-length': '10' };
      t.is(await t.object('HEAD', 'k', { headers: { range: 'bytes=10-19' } }), {
        is: 206,
        headers,
        body: '',
      });
      t.is(await t.object('HEAD', 'k', { headers: { range: 'bytes=100-' } }), { is: 416, body: '' });
    }),
    ufs('80', 'partNumber reads the part of a multipart object, and says how many there are', async (t) => {
      const parts = [Buffer.alloc(5 * 1024 * 1024, 'a'), Buffer.from('end')];
      await uploadParts(t, 'k', parts);
      const size = 5 * 1024 * 1024 + 3;
      const headers = {
        'content-range': `bytes ${size - 3}-${size - 1}/${size}`,
        'x-amz-mp-parts-count': '2',
        etag: /-2"$/,
      };
      t.is(await t.object('GET', 'k', { query: 'partNumber=2' }), { is: 206, headers, body: 'end' });
      t.is(await t.object('HEAD', 'k', { query: 'partNumber=2' }), { is: 206, headers });
      t.is(await t.object('HEAD', 'k'), { is: 200, headers: { 'x-amz-mp-parts-count': undefined } });
      const body = [/<PartNumberRequested>3</, /<ActualPartCount>2</];
      t.is(await t.object('GET', 'k', { query: 'partNumber=3' }), { is: '416 InvalidPartNumber', body });
    }),
    ufs('80.2', 'of an object in one piece, part 1 is the whole', async (t) => {
      await t.put('k', hundred);
      const headers = { 'content-range': 'bytes 0-99/100', 'x-amz-mp-parts-count': undefined };
      t.is(await t.object('GET', 'k', { query: 'partNumber=1' }), { is: 206, headers, body: hundred });
      t.is(await t.object('GET', 'k', { query: 'partNumber=2' }), '416 InvalidPartNumber');
    }),
    forebay('80.3', 'a part number outside 1 to 10000, or beside a range, is 400', async (t) => {
      await t.put('k', hundred);
      for (const number of ['0', '10001', 'x']) {
        t.is(await t.object('GET', 'k', { query: `partNumber=${number}` }), '400 InvalidArgument');
      }
      const both = { query: 'partNumber=1', headers: { range: 'bytes=0-1' } };
      t.is(await t.object('GET', 'k', both), {
        is: '400 InvalidRequest',
        body: /Range header and partNumber/,
      });
    }),
    forebay('81', 'response parameters replace headers of this answer only', overrides),
    forebay('81.2', 'response parameters of anonymous requests are refused', async (t) => {
      const { openBucket } = t.world;
      t.is(await t.at('PUT', `/${openBucket}/${t.key('k')}`, { body: 'open' }), 200);
      const target = `/${openBucket}/${t.key('k')}`;
      t.is(await t.unsigned('GET', target), { is: 200, body: 'open' });
      t.is(await t.unsigned('GET', `${target}?response-content-type=text/html`), '400 InvalidRequest');
    }),
    forebay('82', 'If-Range that does not hold gives the whole object', async (t) => {
      const put = await t.put('k', hundred);
      const get = (value: string) =>
        t.object('GET', 'k', { headers: { range: 'bytes=0-0', 'if-range': value } });
      t.is(await get(String(put.headers.etag)), 206);
      t.is(await get('"another"'), { is: 200, headers: whole });
      const { headers } = await t.object('HEAD', 'k');
      t.is(await get(String(headers['last-modified'])), 206);
      t.is(await get('Thu, 01 Jan 1970 00:00:00 GMT'), { is: 200, headers: whole });
    }),
    ufs(
      '83',
      'an unknown version is NoSuchVersion, a malformed one InvalidArgument',
      async (t) => {
        const put = await t.put('k', 'one');
        const known = String(put.headers['x-amz-version-id']);
        t.is(await t.object('GET', 'k', { query: `versionId=${encodeURIComponent(known)}` }), {
          is: 200,
          body: 'one',
        });
        await t.object('DELETE', 'k', { query: `versionId=${encodeURIComponent(known)}` });
        t.is(
          await t.object('GET', 'k', { query: `versionId=${encodeURIComponent(known)}` }),
          '404 NoSuchVersion',
        );
      },
      'versioned',
    ),
    ufs(
      '83.2',
      'a malformed version id is 400 InvalidArgument',
      async (t) => {
        await t.put('k');
        t.is(await t.object('GET', 'k', { query: 'versionId=%20no%20id' }), '400 InvalidArgument');
      },
      'versioned',
    ),
    ufs(
      '83.3',
      'a delete that makes a marker says so, and names it',
      async (t) => {
        await t.put('k');
        const headers = { 'x-amz-delete-marker': 'true', 'x-amz-version-id': /./ };
        t.is(await t.object('DELETE', 'k'), { is: 204, headers });
      },
      'versioned',
    ),
    ufs(
      '83.5',
      'an object behind a delete marker is a 404 that says so',
      async (t) => {
        await t.put('k');
        t.is(await t.object('GET', 'k'), 200);
        t.is(await t.object('DELETE', 'k'), 204);
        const headers = { 'x-amz-delete-marker': 'true', 'x-amz-version-id': /./ };
        for (const method of ['GET', 'GET', 'HEAD']) t.is(await t.object(method, 'k'), { is: 404, headers });
      },
      'versioned',
    ),
    ufs(
      '83.6',
      'a delete marker read by its own version is 405',
      async (t) => {
        await t.put('k');
        t.is(await t.object('DELETE', 'k'), 204);
        const list = await t.ofBucket('GET', { query: `versions&prefix=${encodeURIComponent(t.key('k'))}` });
        const id = /<DeleteMarker>.*?<VersionId>([^<]+)</s.exec(list.body.toString())?.[1] ?? '';
        t.same('a marker in the list of versions', id !== '', true);
        const headers = { 'x-amz-delete-marker': 'true', allow: 'DELETE' };
        const query = `versionId=${encodeURIComponent(id)}`;
        t.is(await t.object('GET', 'k', { query }), { is: '405 MethodNotAllowed', headers });
      },
      'versioned',
    ),
    ufs('83.4', 'version null of an object without versions is the object', async (t) => {
      await t.put('k', 'null');
      t.is(await t.object('GET', 'k', { query: 'versionId=null' }), { is: 200, body: 'null' });
    }),
    ufs('84', 'an object under a customer key is read with it alone, and never cached', customerKey),
    proven(
      '85',
      'a cached object that turns out damaged is never sent, and fetched again',
      'cache-node/src/page-store/page-store.test.ts',
      'is dropped once, counted once and never handed out',
    ),
  ],
};

async function overrides(t: Target): Promise<void> {
  await t.put('k', hundred, { headers: { 'content-type': 'text/x-a' } });
  const replaced = {
    'content-type': 'text/x-b',
    'content-language': 'fr',
    expires: 'Thu, 01 Jan 2099 00:00:00 GMT',
    'cache-control': 'no-store',
    'content-disposition': 'attachment',
    'content-encoding': 'x-b',
  };
  const query = Object.entries(replaced)
    .map(([name, value]) => `response-${name}=${encodeURIComponent(value)}`)
    .join('&');
  for (const [method, headers, is] of [
    ['GET', {}, 200],
    ['HEAD', {}, 200],
    ['GET', { range: 'bytes=0-0' }, 206],
  ] as const) {
    t.is(await t.object(method, 'k', { query, headers }), { is, headers: replaced });
  }
  const plain = {
    'content-type': 'text/x-a',
    'content-language': undefined,
    'content-disposition': undefined,
  };
  t.is(await t.object('GET', 'k'), { is: 200, headers: plain });
}

async function customerKey(t: Target): Promise<void> {
  const prefix = 'x-amz-server-side-encryption-customer';
  const key = Buffer.alloc(32, 7);
  const headers = {
    [`${prefix}-algorithm`]: 'AES256',
    [`${prefix}-key`]: key.toString('base64'),
    [`${prefix}-key-md5`]: createHash('md5').update(key).digest('base64'),
  };
  t.is(await t.object('PUT', 'k', { body: 'secret', headers }), {
    is: 200,
    headers: { [`${prefix}-algorithm`]: 'AES256' },
  });
  for (let read = 0; read < 2; read += 1)
    t.is(await t.object('GET', 'k', { headers }), { is: 200, body: 'secret' });
  t.is(await t.object('GET', 'k'), 400);
}
