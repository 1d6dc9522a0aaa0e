/** Sub-resources, CORS, and headers that go with any request. */

import { forebay, type Section, ufs } from '../check.ts';
import { md5Of } from '../digests.ts';
import type { Target } from '../target.ts';

const bucketSubResources =
  'accelerate acl analytics cors encryption intelligent-tiering inventory lifecycle location logging metadataTable metrics notification object-lock ownershipControls policy policyStatus publicAccessBlock replication requestPayment tagging uploads versioning versions website';
const objectSubResources = 'acl attributes legal-hold retention tagging torrent';
const origin = 'https://app.example.com';
const corsRules = `<CORSConfiguration><CORSRule><AllowedOrigin>${origin}</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedHeader>x-amz-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds></CORSRule></CORSConfiguration>`;

export const subResources: Section = {
  title: 'Sub-resources and what is not supported',
  checks: [
    forebay('120', 'a sub-resource is never answered with an object or a listing', async (t) => {
      await t.put('k', 'the bytes of the object');
      for (const name of bucketSubResources.split(' ')) {
        const reply = await t.ofBucket('GET', { query: name });
        t.same(name, /<ListBucketResult/.test(reply.body.toString()), false);
      }
      for (const name of objectSubResources.split(' ')) {
        const reply = await t.object('GET', 'k', { query: name });
        t.same(name, reply.body.toString() === 'the bytes of the object', false);
      }
    }),
    forebay(
      '121',
      'what no S3 has is 501 NotImplemented or 405, with the methods that are there',
      async (t) => {
        t.is(await t.ofBucket('DELETE', { query: 'location' }), {
          is: '405 MethodNotAllowed',
          headers: { allow: /GET/ },
        });
        t.is(await t.object('PATCH', 'k'), { is: '405 MethodNotAllowed', headers: { allow: /GET/ } });
      },
    ),
    ufs('122', 'attributes of an object are those that were asked for, its tag without quotes', async (t) => {
      await t.put('k', 'hello');
      const headers = { 'x-amz-object-attributes': 'ETag,StorageClass,ObjectSize' };
      const body = [
        /<GetObjectAttributes(Response|Output)/,
        /<ETag>5d41402abc4b2a76b9719d911017c592</,
        /<StorageClass>STANDARD</,
        /<ObjectSize>5</,
      ];
      t.is(await t.object('GET', 'k', { query: 'attributes', headers }), {
        is: 200,
        body,
        without: /<ObjectParts>/,
        headers: { 'last-modified': / GMT$/ },
      });
    }),
    ufs('122.2', 'attributes must be named, and known', async (t) => {
      await t.put('k', 'hello');
      t.is(await t.object('GET', 'k', { query: 'attributes' }), '400 InvalidRequest');
      const headers = { 'x-amz-object-attributes': 'Colour' };
      t.is(await t.object('GET', 'k', { query: 'attributes', headers }), '400 InvalidArgument');
    }),
    ufs('123', 'tags of an object are set, read and removed, and their number follows at once', async (t) => {
      await t.put('k');
      t.is(await t.object('GET', 'k', { query: 'tagging' }), { is: 200, body: /<TagSet( ?\/>|><\/TagSet>)/ });
      t.is(await t.object('GET', 'k'), { is: 200, headers: { 'x-amz-tagging-count': undefined } });
      t.is(
        await putTags(t, [
          ['a', '1'],
          ['b', '2'],
        ]),
        200,
      );
      t.is(await t.object('GET', 'k', { query: 'tagging' }), {
        is: 200,
        body: /<Key>a<\/Key>\s*<Value>1<\/Value>/,
      });
      for (const method of ['GET', 'HEAD'])
        t.is(await t.object(method, 'k'), { is: 200, headers: { 'x-amz-tagging-count': '2' } });
      t.is(await t.object('DELETE', 'k', { query: 'tagging' }), 204);
      t.is(await t.object('GET', 'k'), { is: 200, headers: { 'x-amz-tagging-count': undefined } });
    }),
    ufs('123.2', 'an object has at most ten tags, of bounded keys and values', async (t) => {
      await t.put('k');
      const many = Array.from({ length: 11 }, (_, index) => [`k${index}`, 'v'] as const);
      t.is(await putTags(t, many), '400 BadRequest');
      t.is(await putTags(t, [['k'.repeat(129), 'v']]), '400 InvalidTag');
      t.is(await putTags(t, [['k', 'v'.repeat(257)]]), '400 InvalidTag');
    }),
    ufs('123.3', 'a bucket without tags is 404 NoSuchTagSet', async (t) => {
      t.is(await t.ofBucket('GET', { query: 'tagging' }), '404 NoSuchTagSet');
    }),
    ufs(
      '124',
      'a bucket that never had versions has an empty configuration',
      async (t) => {
        const reply = await t.ofBucket('GET', { query: 'versioning' });
        t.is(reply, { is: 200, body: /<VersioningConfiguration/, without: /<Status>/ });
      },
      'own',
    ),
    ufs(
      '124.2',
      'answers about versioned objects name the version, cached or not',
      async (t) => {
        const put = t.is(await t.put('k', 'one'), { is: 200, headers: { 'x-amz-version-id': /./ } });
        const version = String(put.headers['x-amz-version-id']);
        for (const method of ['GET', 'GET', 'HEAD']) {
          t.is(await t.object(method, 'k'), { is: 200, headers: { 'x-amz-version-id': version } });
        }
        await t.put('k', 'two');
        for (let read = 0; read < 2; read += 1) {
          t.is(await t.object('GET', 'k', { query: `versionId=${encodeURIComponent(version)}` }), {
            is: 200,
            body: 'one',
          });
          t.is(await t.object('GET', 'k'), { is: 200, body: 'two' });
        }
      },
      'versioned',
    ),
    forebay(
      '125',
      'a preflight without an origin is 400, one of a bucket without rules 403',
      async (t) => {
        const target = `/${t.bucket}/${t.key('k')}`;
        t.is(await t.unsigned('OPTIONS', target), {
          is: '400 BadRequest',
          body: /Origin request header needed/,
        });
        t.is(await t.unsigned('OPTIONS', target, { headers: { origin } }), 400);
        t.is(await preflight(t, 'GET', origin), { is: '403 AccessForbidden', body: /CORS is not enabled/ });
      },
      'own',
    ),
    ufs(
      '125.2',
      'a preflight is answered by the rules of the bucket, unsigned',
      async (t) => {
        t.is(await t.ofBucket('PUT', corsRequest()), 200);
        const headers = {
          'access-control-allow-origin': origin,
          'access-control-allow-methods': /GET/,
          'access-control-allow-headers': /x-amz-date/i,
          'access-control-max-age': '600',
          'access-control-expose-headers': /etag/i,
          vary: /Origin/i,
        };
        t.is(await preflight(t, 'GET', origin), { is: 200, headers });
        t.is(await preflight(t, 'PUT', origin), 403);
        t.is(await preflight(t, 'GET', 'https://elsewhere.example.com'), 403);
      },
      'own',
    ),
    ufs(
      '125.3',
      'an answer to a request with an origin carries the headers of its rule, errors too',
      async (t) => {
        t.is(await t.ofBucket('PUT', corsRequest()), 200);
        await t.put('k', 'x');
        const shared = { 'access-control-allow-origin': origin, 'access-control-expose-headers': /etag/i };
        for (const name of ['k', 'k', 'gone']) {
          const is = name === 'k' ? 200 : 404;
          t.is(await t.object('GET', name, { headers: { origin } }), { is, headers: shared });
          const other = await t.object('GET', name, { headers: { origin: 'https://elsewhere.example.com' } });
          t.is(other, { is, headers: { 'access-control-allow-origin': undefined } });
        }
      },
      'own',
    ),
    ufs('126', 'an expected owner who is another one is 403, also for what is cached', async (t) => {
      await t.put('k');
      t.is(await t.object('GET', 'k'), 200);
      const headers = { 'x-amz-expected-bucket-owner': '999999999999' };
      t.is(await t.object('GET', 'k', { headers }), '403 AccessDenied');
      t.is(await t.object('PUT', 'k', { body: 'x', headers }), '403 AccessDenied');
    }),
    ufs('126.2', 'an access list in a header is kept', async (t) => {
      await t.put('k', 'x', { headers: { 'x-amz-acl': 'private' } });
      t.is(await t.object('GET', 'k', { query: 'acl' }), { is: 200, body: /FULL_CONTROL/ });
    }),
    ufs('126.3', 'encryption by the store is asked for and told', async (t) => {
      const headers = { 'x-amz-server-side-encryption': 'AES256' };
      t.is(await t.object('PUT', 'k', { body: 'x', headers }), { is: 200, headers });
      for (let read = 0; read < 2; read += 1)
        t.is(await t.object('GET', 'k'), { is: 200, body: 'x', headers });
    }),
    ufs(
      '126.4',
      'lock, retention and hold in headers are kept and told',
      async (t) => {
        const headers = { 'x-amz-object-lock-legal-hold': 'ON', 'x-amz-object-lock-mode': 'GOVERNANCE' };
        const until = { 'x-amz-object-lock-retain-until-date': '2099-01-01T00:00:00Z' };
        const md5 = { 'content-md5': 'XUFAKrxLKna5cZ2REBfFkg==' };
        await t.put('k', 'hello', { headers: { ...headers, ...until, ...md5 } });
        for (const method of ['GET', 'HEAD']) t.is(await t.object(method, 'k'), { is: 200, headers });
      },
      'locked',
    ),
  ],
};

function corsRequest() {
  return { query: 'cors', body: corsRules, headers: { 'content-md5': md5Of(corsRules) } };
}

function preflight(t: Target, method: string, from: string) {
  const headers = {
    origin: from,
    'access-control-request-method': method,
    'access-control-request-headers': 'x-amz-date',
  };
  return t.unsigned('OPTIONS', `/${t.bucket}/${t.key('k')}`, { headers });
}

function putTags(t: Target, tags: readonly (readonly [string, string])[]) {
  const items = tags.map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`).join('');
  const body = `<Tagging><TagSet>${items}</TagSet></Tagging>`;
  return t.object('PUT', 'k', { query: 'tagging', body, headers: { 'content-md5': md5Of(body) } });
}
