/** What a cache in between must not change. */
import { forebay, notApplicable, proven, type Section } from '../check.ts';
import { uploadParts } from '../multipart.ts';
import { headText } from '../raw.ts';
import { signOdd, usualHeaders } from '../signing.ts';

export const caching: Section = {
  title: 'What caching adds',
  checks: [
    forebay('127', 'a cached object is not served to a caller who may not read it', async (t) => {
      await t.put('k', 'private');
      for (let read = 0; read < 2; read += 1) t.is(await t.object('GET', 'k'), 200);
      t.is(await t.unsigned('GET', `/${t.bucket}/${t.key('k')}`), '403 AccessDenied');
      const forged = signOdd(
        { ...t.server, secretKey: 'guessed' },
        { path: t.path('k'), signed: usualHeaders() },
      );
      t.is(await t.sendSigned(forged), '403 SignatureDoesNotMatch');
      const signedAtMs = Date.now() - 600_000;
      t.is(
        await t.unsigned('GET', t.link({ name: 'k', expiresInSeconds: 60, signedAtMs })),
        '403 AccessDenied',
      );
    }),
    proven(
      '127.2',
      'a user whose policy denies an object never gets a cached byte of it',
      'test/e2e/users.test.ts',
      'read cached bytes that their policies allow, and never those that they do not',
    ),
    proven(
      '128',
      'two versions of an object never meet in one answer',
      'test/e2e/changes.test.ts',
      'a cold read ends with the version it began with',
    ),
    forebay('129', 'HEAD and GET agree, and a range of a version that is gone is 412', async (t) => {
      const first = await t.put('k', 'first version');
      await t.object('GET', 'k');
      const second = await t.put('k', 'second');
      const headers = { etag: String(second.headers.etag), 'content-length': '6' };
      for (const method of ['HEAD', 'GET', 'HEAD']) t.is(await t.object(method, 'k'), { is: 200, headers });
      const old = { range: 'bytes=0-1', 'if-match': String(first.headers.etag) };
      t.is(await t.object('GET', 'k', { headers: old }), '412 PreconditionFailed');
      const now = { range: 'bytes=0-1', 'if-match': String(second.headers.etag) };
      t.is(await t.object('GET', 'k', { headers: now }), { is: 206, body: 'se' });
    }),
    forebay('130', 'what was missing is found as soon as it is written', async (t) => {
      for (const name of ['a', 'b']) {
        for (const method of ['GET', 'HEAD', 'GET']) t.is(await t.object(method, name), 404);
        await t.put(name, 'there');
        t.is(await t.object('HEAD', name), 200);
        t.is(await t.object('GET', name), { is: 200, body: 'there' });
      }
    }),
    forebay('131', 'many ranges read at once are the bytes of the object', async (t) => {
      const body = Buffer.alloc(3_000_000, 'abcdefghijklmnopq');
      await t.put('k', body);
      const starts = Array.from({ length: 30 }, (_, index) => index * 100_000);
      const replies = await Promise.all(
        starts.map((start) =>
          t.object('GET', 'k', { headers: { range: `bytes=${start}-${start + 99_999}` } }),
        ),
      );
      for (const [index, reply] of replies.entries()) {
        t.is(reply, { is: 206, body: body.subarray(starts[index], starts[index]! + 100_000) });
      }
    }),
    proven(
      '131.2',
      'equal misses at the same time cost the store one request',
      'test/e2e/coalescing.test.ts',
      '100 first readers of one cold object cost one request and each byte once',
    ),
    forebay('132', 'Cache-Control of an object is passed on and not obeyed', async (t) => {
      await t.put('k', 'x', { headers: { 'cache-control': 'no-store, max-age=0' } });
      await t.object('GET', 'k');
      const headers = { 'cache-control': 'no-store, max-age=0', 'x-cache': 'HIT' };
      t.is(await t.object('GET', 'k'), { is: 200, headers });
    }),
  ],
};

export const numbers: Section = {
  title: 'Numbers',
  checks: [
    notApplicable(
      '133',
      'limits of S3',
      'a list of numbers; those that a request can meet are in 13, 19, 38, 58, 75, 80, 91, 98, 99, 109, 115 and 123',
    ),
    forebay(
      '133.2',
      'a body longer than a single PUT may be is 400 EntityTooLarge, before it is sent',
      async (t) => {
        const length = String(5 * 1024 ** 3 + 1);
        const signed = t.sign('PUT', 'k', {
          payloadHash: 'UNSIGNED-PAYLOAD',
          headers: { expect: '100-continue' },
        });
        t.is(await t.raw(headText(signed, [`content-length: ${length}`])), '400 EntityTooLarge');
      },
    ),
  ],
};

export const vectors: Section = {
  title: 'Published test vectors',
  checks: [
    proven(
      'V1',
      'signing key and signatures of the published requests',
      'gateway/src/s3/auth/header-v4.test.ts',
      'hold for a GET with a range, in any order of separators',
    ),
    proven(
      'V2',
      'signature of the published link',
      'gateway/src/s3/auth/presigned-v4.test.ts',
      'holds for the published example, with names in any case',
    ),
    proven(
      'V3',
      'chunk and trailer signatures of the published uploads',
      'gateway/src/s3/payload/chunked-decoder.test.ts',
      'a signed body with a signed trailer',
    ),
    proven(
      'V4',
      'the five checksums of known texts',
      'gateway/src/s3/payload/checksums.test.ts',
      'of "%s" with %s is %s',
    ),
    forebay('V5', 'tag and checksums of the published multipart object', async (t) => {
      await uploadParts(t, 'k', [Buffer.alloc(5 * 1024 * 1024), 'hello']);
      t.is(await t.object('HEAD', 'k'), {
        is: 200,
        headers: { etag: '"1a1761a0c87a46829d8a65122ae36c1a-2"' },
      });
    }),
  ],
};
