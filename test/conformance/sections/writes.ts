/** PUT, DELETE and copy. */

import { forebay, type Section, ufs } from '../check.ts';
import { md5HexOf, md5Of } from '../digests.ts';
import { createUpload } from '../multipart.ts';
import type { Target } from '../target.ts';

const namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

export const writes: Section = {
  title: 'PUT, DELETE and copy',
  checks: [
    ufs('90', 'a PUT is answered 200 without a body, with the MD5 as its tag', async (t) => {
      t.is(await t.put('k', 'hello'), { is: 200, body: '', headers: { etag: `"${md5HexOf('hello')}"` } });
    }),
    forebay(
      '90.2',
      'after a PUT every read sees the new object; a refused PUT leaves the old one',
      async (t) => {
        for (const body of ['one', 'second', '3']) {
          await t.put('k', body);
          t.is(await t.object('GET', 'k'), { is: 200, body });
          t.is(await t.object('HEAD', 'k'), { is: 200, headers: { 'content-length': String(body.length) } });
        }
        t.is(
          await t.object('PUT', 'k', { body: 'bad', headers: { 'content-md5': md5Of('good') } }),
          '400 BadDigest',
        );
        t.is(await t.object('GET', 'k'), { is: 200, body: '3' });
      },
    ),
    ufs('90.3', 'tags in a header are stored, malformed ones are 400 InvalidArgument', async (t) => {
      await t.put('k', 'x', { headers: { 'x-amz-tagging': 'a%20b=c&d=' } });
      const body = [/<Key>a b<\/Key><Value>c<\/Value>/, /<Key>d<\/Key><Value( ?\/>|><\/Value>)/];
      t.is(await t.object('GET', 'k', { query: 'tagging' }), { is: 200, body });
      t.is(await t.object('PUT', 'k', { body: 'x', headers: { 'x-amz-tagging': 'a=b&a=c' } }), 400);
    }),
    ufs('91', 'deleting is 204, whether or not the key was there', async (t) => {
      await t.put('k');
      for (let time = 0; time < 2; time += 1) t.is(await t.object('DELETE', 'k'), 204);
      t.is(await t.object('GET', 'k'), '404 NoSuchKey');
    }),
    forebay('91.2', 'deleting many needs a digest, and takes at most 1000 keys', async (t) => {
      const bare = '<Delete><Object><Key>k</Key></Object></Delete>';
      t.is(await t.ofBucket('POST', { query: 'delete', body: bare }), {
        is: '400 InvalidRequest',
        body: /Content-MD5/,
      });
      const many = `<Delete>${'<Object><Key>k</Key></Object>'.repeat(1001)}</Delete>`;
      t.is(await deleteMany(t, many), '400 MalformedXML');
      t.is(await deleteMany(t, '<Delete><Object>'), '400 MalformedXML');
    }),
    ufs(
      '91.3',
      'deleting many names every key, missing ones too; in quiet mode only what failed',
      async (t) => {
        const keys = ['a', ' b ', 'c&<>"', 'gone'];
        for (const key of keys.slice(0, 3)) await t.put(key);
        const xml = (key: string) =>
          t.key(key).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
        const objects = keys.map((key) => `<Object><Key>${xml(key)}</Key></Object>`).join('');
        const reply = await deleteMany(t, `<Delete ${namespace}>${objects}</Delete>`);
        t.is(reply, { is: 200, body: [/<DeleteResult[^>]*xmlns=/], without: /<Error>/ });
        t.same('number of deleted keys', reply.body.toString().match(/<Deleted>/g)?.length, 4);
        for (const key of keys) t.is(await t.object('GET', key), '404 NoSuchKey');
        await t.put('a');
        const quiet = `<Delete><Object><Key>${t.key('a')}</Key></Object><Quiet>true</Quiet></Delete>`;
        t.is(await deleteMany(t, quiet), { is: 200, body: /<DeleteResult/, without: /<Deleted>/ });
        t.is(await t.object('GET', 'a'), '404 NoSuchKey');
      },
    ),
    ufs(
      '92',
      'a copy takes its source from the header, escaped once, with or without a slash before it',
      async (t) => {
        await t.put('a b', 'plain');
        for (const source of [
          t.path('a%20b'),
          t.path('a%20b').slice(1),
          t.path('a%20b').replaceAll('/', '%2F'),
        ]) {
          t.is(await copy(t, 'copy', source), { is: 200, body: /<CopyObjectResult/ });
          t.is(await t.object('GET', 'copy'), { is: 200, body: 'plain' });
          await t.object('DELETE', 'copy');
        }
        t.is(await copy(t, 'copy', t.path('gone')), '404 NoSuchKey');
        t.is(await copy(t, 'copy', '/no-such-bucket-anywhere/k'), '404 NoSuchBucket');
      },
    ),
    ufs('92.2', 'a source with a literal percent, plus or question mark is found', async (t) => {
      for (const key of ['a%b', 'a+b', 'a?b']) {
        await t.put(key, key);
        t.is(await copy(t, 'copy', t.path(encodeURIComponent(key))), 200);
        t.is(await t.object('GET', 'copy'), { is: 200, body: key });
      }
    }),
    ufs(
      '92.4',
      'a source may name a version, and the answer tells which it was',
      async (t) => {
        const first = await t.put('k', 'one');
        await t.put('k', 'two');
        const version = String(first.headers['x-amz-version-id']);
        const headers = { 'x-amz-copy-source-version-id': version };
        t.is(await copy(t, 'copy', `${t.path('k')}?versionId=${version}`), { is: 200, headers });
        t.is(await t.object('GET', 'copy'), { is: 200, body: 'one' });
      },
      'versioned',
    ),
    forebay(
      '92.3',
      'a source that names nothing, or on another method, is 400 InvalidArgument',
      async (t) => {
        await t.put('k');
        for (const source of ['', '/', 'nokey', `/${t.bucket}/`, '%zz/k'])
          t.is(await copy(t, 'copy', source), '400 InvalidArgument');
        t.is(
          await t.object('GET', 'k', { headers: { 'x-amz-copy-source': t.path('k') } }),
          '400 InvalidArgument',
        );
      },
    ),
    ufs('93', 'a copy keeps type and metadata, or replaces all of them', async (t) => {
      await t.put('k', 'x', {
        headers: { 'content-type': 'text/x-a', 'x-amz-meta-a': 'old', 'cache-control': 'no-cache' },
      });
      t.is(await copy(t, 'kept', t.path('k'), { 'x-amz-meta-b': 'ignored' }), 200);
      const kept = {
        'content-type': 'text/x-a',
        'x-amz-meta-a': 'old',
        'x-amz-meta-b': undefined,
        'cache-control': 'no-cache',
      };
      t.is(await t.object('HEAD', 'kept'), { is: 200, headers: kept });
      const replace = {
        'x-amz-metadata-directive': 'REPLACE',
        'content-type': 'text/x-b',
        'x-amz-meta-b': 'new',
      };
      t.is(await copy(t, 'replaced', t.path('k'), replace), 200);
      const replaced = {
        'content-type': 'text/x-b',
        'x-amz-meta-a': undefined,
        'x-amz-meta-b': 'new',
        'cache-control': undefined,
      };
      t.is(await t.object('HEAD', 'replaced'), { is: 200, headers: replaced });
    }),
    ufs('93.2', 'a copy onto itself changes metadata, and is refused where it changes nothing', async (t) => {
      await t.put('k', 'x', { headers: { 'x-amz-meta-a': 'old' } });
      t.is(await copy(t, 'k', t.path('k')), '400 InvalidRequest');
      const replace = { 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-a': 'new' };
      t.is(await copy(t, 'k', t.path('k'), replace), 200);
      t.is(await t.object('GET', 'k'), { is: 200, body: 'x', headers: { 'x-amz-meta-a': 'new' } });
    }),
    ufs('93.3', 'a directive that is neither COPY nor REPLACE is 400 InvalidArgument', async (t) => {
      await t.put('k');
      t.is(
        await copy(t, 'copy', t.path('k'), { 'x-amz-metadata-directive': 'MERGE' }),
        '400 InvalidArgument',
      );
      t.is(await copy(t, 'copy', t.path('k'), { 'x-amz-tagging-directive': 'MERGE' }), '400 InvalidArgument');
    }),
    ufs('94', 'a condition of a copy that fails is 412, never 304', async (t) => {
      const put = await t.put('k');
      const etag = String(put.headers.etag);
      const when = (name: string, value: string) =>
        copy(t, 'copy', t.path('k'), { [`x-amz-copy-source-if-${name}`]: value });
      t.is(await when('match', '"0123456789abcdef0123456789abcdef"'), '412 PreconditionFailed');
      t.is(await when('none-match', etag), '412 PreconditionFailed');
      t.is(await when('unmodified-since', 'Thu, 01 Jan 2015 00:00:00 GMT'), '412 PreconditionFailed');
      t.is(await when('match', etag), 200);
    }),
    ufs('95', 'the answer to a copy holds tag and time of the new object', async (t) => {
      await t.put('k', 'hello');
      const body = [
        /<CopyObjectResult[^>]*xmlns="http:\/\/s3\.amazonaws\.com\/doc\/2006-03-01\/"/,
        /<LastModified>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z</,
        new RegExp(`<ETag>(&quot;|"|&#34;)${md5HexOf('hello')}(&quot;|"|&#34;)<`),
      ];
      t.is(await copy(t, 'copy', t.path('k')), { is: 200, body });
    }),
    ufs('95.2', 'a read after a copy sees the copy, over what was cached before', async (t) => {
      await t.put('source', 'new');
      await t.put('target', 'old');
      t.is(await t.object('GET', 'target'), { is: 200, body: 'old' });
      t.is(await copy(t, 'target', t.path('source')), 200);
      t.is(await t.object('GET', 'target'), { is: 200, body: 'new' });
    }),
    forebay(
      '95.3',
      'a copy from a bucket of another store arrives whole, with its type and metadata',
      async (t) => {
        const other = `/${t.world.otherBucket}/${t.key('k')}`;
        const headers = { 'content-type': 'text/x-a', 'x-amz-meta-a': 'b' };
        t.is(await t.at('PUT', other, { body: 'from afar', headers }), 200);
        t.is(await copy(t, 'copy', other), { is: 200, body: /<CopyObjectResult/ });
        t.is(await t.object('GET', 'copy'), { is: 200, body: 'from afar', headers });
      },
    ),
    forebay('96', 'the range of a part copy is one range with both ends', async (t) => {
      await t.put('k', '0123456789');
      const id = await createUpload(t, 'm');
      const part = (range: string) =>
        t.object('PUT', 'm', {
          query: `partNumber=1&uploadId=${id}`,
          headers: { 'x-amz-copy-source': t.path('k'), 'x-amz-copy-source-range': range },
        });
      for (const bad of ['bytes=1-', 'bytes=-1', '1-2', 'bytes=2-1', 'bytes=0-1,2-3'])
        t.is(await part(bad), '400 InvalidArgument');
      t.is(await part('bytes=2-4'), { is: 200, body: /<CopyPartResult/ });
      await t.object('DELETE', 'm', { query: `uploadId=${id}` });
    }),
    ufs('96.2', 'the range of a part copy past the end of its source is 400 InvalidArgument', async (t) => {
      await t.put('k', '0123456789');
      const id = await createUpload(t, 'm');
      const headers = { 'x-amz-copy-source': t.path('k'), 'x-amz-copy-source-range': 'bytes=5-10' };
      t.is(
        await t.object('PUT', 'm', { query: `partNumber=1&uploadId=${id}`, headers }),
        '400 InvalidArgument',
      );
      await t.object('DELETE', 'm', { query: `uploadId=${id}` });
    }),
  ],
};

export function deleteMany(t: Target, body: string) {
  return t.ofBucket('POST', { query: 'delete', body, headers: { 'content-md5': md5Of(body) } });
}

function copy(t: Target, name: string, source: string, headers: Readonly<Record<string, string>> = {}) {
  return t.object('PUT', name, { headers: { 'x-amz-copy-source': source, ...headers } });
}
