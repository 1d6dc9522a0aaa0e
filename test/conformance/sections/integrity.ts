/** Content-MD5 and the further checksums. */
import { createHash } from 'node:crypto';
import { forebay, type Section, ufs } from '../check.ts';
import type { Target } from '../target.ts';

/** Of `hello`; the published values. */
export const checksumsOfHello: Readonly<Record<string, string>> = {
  crc32: 'NhCmhg==',
  crc32c: 'mnG7TA==',
  crc64nvme: 'M3eFcAZSQlc=',
  sha1: 'qvTGHdzF6KLavt4PO0gs2a6pQ00=',
  sha256: 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=',
};
const md5OfHello = 'XUFAKrxLKna5cZ2REBfFkg==';
const unsignedTrailer = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
const enabled = { 'x-amz-checksum-mode': 'ENABLED' };

const newerChecksumsOfHello = {
  sha512: createHash('sha512').update('hello').digest('base64'),
  md5: md5OfHello,
  xxhash64: 'JseCfYifbaM=',
  xxhash3: 'lVXoVVxi3P0=',
  xxhash128: 'tenBrQcbPn/Hec+qXlI4GA==',
};

export const integrity: Section = {
  title: 'Payload integrity',
  checks: [
    forebay(
      '61',
      'Content-MD5 is checked: InvalidDigest where it is none, BadDigest where it differs',
      async (t) => {
        await t.put('k', 'hello', { headers: { 'content-md5': md5OfHello } });
        for (const bad of ['x', 'AAAA', '']) {
          const signed = await t.object('PUT', 'k', { body: 'hello', headers: { 'content-md5': bad } });
          t.is(signed, '400 InvalidDigest');
        }
        const reply = await t.object('PUT', 'k', { body: 'jello', headers: { 'content-md5': md5OfHello } });
        t.is(reply, { is: '400 BadDigest', body: [/<ExpectedDigest>[^<]/, /<CalculatedDigest>[^<]/] });
        t.is(await t.object('GET', 'k'), { is: 200, body: 'hello' });
      },
    ),
    forebay('62', 'of several faults the first in the order of S3 is told', async (t) => {
      const all = { 'content-md5': 'bad', 'x-amz-checksum-crc32': 'AAAAAA==' };
      const put = (payloadHash: string, headers: Record<string, string>) =>
        t.object('PUT', 'k', { body: 'hello', payloadHash, headers });
      t.is(await put('nonsense', all), { is: '400 InvalidArgument', body: /x-amz-content-sha256/ });
      t.is(await put('0'.repeat(64), all), '400 InvalidDigest');
      const wrong = { ...all, 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' };
      t.is(await put('0'.repeat(64), wrong), '400 XAmzContentSHA256Mismatch');
      t.is(await put('UNSIGNED-PAYLOAD', wrong), { is: '400 BadDigest', body: /Content-MD5/ });
    }),
    forebay('63', 'each of the five checksums is verified in a header', async (t) => {
      for (const [name, value] of Object.entries(checksumsOfHello)) {
        const headers = { [`x-amz-checksum-${name}`]: value };
        await t.put('k', 'hello', { headers });
        t.is(await t.object('PUT', 'k', { body: 'jello', headers }), '400 BadDigest');
        const framed = { mode: unsignedTrailer, chunks: ['jello'] } as const;
        const trailers = [[`x-amz-checksum-${name}`, value]] as const;
        t.is(await t.chunked('k', { ...framed, trailers }), '400 BadDigest');
      }
      t.is(await t.object('GET', 'k'), { is: 200, body: 'hello' });
    }),
    forebay('63.3', 'the newer checksums are verified where they can be', async (t) => {
      for (const [name, value] of Object.entries(newerChecksumsOfHello)) {
        const headers = { [`x-amz-checksum-${name}`]: value };
        t.is(await t.object('PUT', 'k', { body: 'jello', headers }), '400 BadDigest');
        const trailers = [[`x-amz-checksum-${name}`, value]] as const;
        const framed = { mode: unsignedTrailer, chunks: ['jello'], trailers } as const;
        t.is(await t.chunked('k', framed), '400 BadDigest');
      }
      t.is(await t.object('GET', 'k'), '404 NoSuchKey');
    }),
    ufs('63.2', 'each of the five checksums may come as a trailer', async (t) => {
      for (const [name, value] of Object.entries(checksumsOfHello)) {
        const trailers = [[`x-amz-checksum-${name}`, value]] as const;
        t.is(await t.chunked('k', { mode: unsignedTrailer, chunks: ['hello'], trailers }), 200);
      }
      t.is(await t.object('GET', 'k'), { is: 200, body: 'hello' });
    }),
    forebay(
      '64',
      'a checksum that does not match, is no value or has no such algorithm is told by name',
      async (t) => {
        const put = (name: string, value: string) =>
          t.object('PUT', 'k', { body: 'hello', headers: { [name]: value } });
        t.is(await put('x-amz-checksum-crc32', 'AAAAAA=='), {
          is: '400 BadDigest',
          body: /The CRC32 you specified/,
        });
        for (const bad of ['nonsense', 'AAAA', 'AAAAAAAA']) {
          const body = /Value for x-amz-checksum-crc32 header is invalid/;
          t.is(await put('x-amz-checksum-crc32', bad), { is: '400 InvalidRequest', body });
        }
        const trailers = [['x-amz-checksum-crc32', 'nonsense']] as const;
        const trailer = await t.chunked('k', { mode: unsignedTrailer, chunks: ['hello'], trailers });
        t.is(trailer, { is: '400 InvalidRequest', body: /trailing header is invalid/ });
        t.is(await put('x-amz-checksum-adler', 'AAAAAA=='), {
          is: '400 InvalidRequest',
          body: /algorithm type you specified/,
        });
      },
    ),
    forebay('65', 'the announced algorithm needs a checksum of that algorithm', async (t) => {
      const put = (headers: Record<string, string>) => t.object('PUT', 'k', { body: 'hello', headers });
      const crc = { 'x-amz-checksum-crc32': checksumsOfHello.crc32! };
      const alone = await put({ 'x-amz-sdk-checksum-algorithm': 'CRC32' });
      t.is(alone, { is: '400 InvalidRequest', body: /no corresponding x-amz-checksum/ });
      const other = await put({ ...crc, 'x-amz-sdk-checksum-algorithm': 'SHA1' });
      t.is(other, {
        is: '400 InvalidRequest',
        body: /Value for x-amz-sdk-checksum-algorithm header is invalid/,
      });
      t.is(await put({ ...crc, 'x-amz-sdk-checksum-algorithm': 'crc32' }), 200);
    }),
    forebay('66', 'two checksums are refused, also as a header and a trailer', async (t) => {
      const headers = {
        'x-amz-checksum-crc32': checksumsOfHello.crc32!,
        'x-amz-checksum-sha1': checksumsOfHello.sha1!,
      };
      const body = /Expecting a single x-amz-checksum- header/;
      t.is(await t.object('PUT', 'k', { body: 'hello', headers }), { is: '400 InvalidRequest', body });
      const trailers = [['x-amz-checksum-crc32', checksumsOfHello.crc32!]] as const;
      const sha1 = { 'x-amz-checksum-sha1': checksumsOfHello.sha1! };
      const both = await t.chunked('k', {
        mode: unsignedTrailer,
        chunks: ['hello'],
        trailers,
        headers: sha1,
      });
      t.is(both, { is: '400 InvalidRequest', body });
    }),
    ufs('67', 'a verified checksum comes back with the answer to the PUT', async (t) => {
      for (const [name, value] of Object.entries(checksumsOfHello)) {
        const header = `x-amz-checksum-${name}`;
        t.is(await t.object('PUT', 'k', { body: 'hello', headers: { [header]: value } }), {
          is: 200,
          headers: { [header]: value },
        });
      }
    }),
    ufs('67.2', 'a PUT without a checksum is given a CRC64NVME', async (t) => {
      const headers = {
        'x-amz-checksum-crc64nvme': checksumsOfHello.crc64nvme!,
        'x-amz-checksum-type': 'FULL_OBJECT',
      };
      t.is(await t.object('PUT', 'k', { body: 'hello' }), { is: 200, headers });
    }),
    ufs(
      '68',
      'checksum mode brings the stored checksum with GET and HEAD, and its absence does not',
      checksumMode,
    ),
    forebay('68.2', 'a part of an object and a 304 carry no checksum of the whole', async (t) => {
      const put = await t.put('k', 'hello', { headers: { 'x-amz-checksum-crc32': checksumsOfHello.crc32! } });
      const none = { 'x-amz-checksum-crc32': undefined };
      for (let read = 0; read < 2; read += 1) {
        t.is(await t.object('GET', 'k', { headers: { ...enabled, range: 'bytes=0-1' } }), {
          is: 206,
          headers: none,
        });
        const not = { ...enabled, 'if-none-match': String(put.headers.etag) };
        t.is(await t.object('GET', 'k', { headers: not }), { is: 304, headers: none });
        t.is(await t.object('GET', 'k', { headers: enabled }), 200);
      }
    }),
    ufs('69', 'multipart objects have composite or full-object checksums, as the upload asked', (t) =>
      multipartTypes(t),
    ),
  ],
};

async function checksumMode(t: Target): Promise<void> {
  for (const [name, value] of Object.entries(checksumsOfHello)) {
    const header = `x-amz-checksum-${name}`;
    await t.put(name, 'hello', { headers: { [header]: value } });
    // Twice: from the store, and from the cache.
    for (let read = 0; read < 2; read += 1) {
      for (const method of ['GET', 'HEAD']) {
        t.is(await t.object(method, name, { headers: enabled }), { is: 200, headers: { [header]: value } });
        t.is(await t.object(method, name), { is: 200, headers: { [header]: undefined } });
      }
    }
  }
}

async function multipartTypes(t: Target): Promise<void> {
  const cases = [
    ['SHA256', 'COMPOSITE', /^[A-Za-z0-9+/]+=*-1$/],
    ['CRC32', 'FULL_OBJECT', /^NhCmhg==$/],
    ['CRC64NVME', 'FULL_OBJECT', /^M3eFcAZSQlc=$/],
  ] as const;
  for (const [algorithm, type, pattern] of cases) {
    const header = `x-amz-checksum-${algorithm.toLowerCase()}`;
    const value = checksumsOfHello[algorithm.toLowerCase()]!;
    const asked = { 'x-amz-checksum-algorithm': algorithm, 'x-amz-checksum-type': type };
    const created = t.is(await t.object('POST', 'm', { query: 'uploads', headers: asked }), {
      is: 200,
      headers: asked,
    });
    const id = encodeURIComponent(/<UploadId>([^<]+)</.exec(created.body.toString())![1]!);
    const part = await t.object('PUT', 'm', {
      query: `partNumber=1&uploadId=${id}`,
      body: 'hello',
      headers: { [header]: value },
    });
    t.is(part, { is: 200, headers: { [header]: value } });
    const sum = `<Checksum${algorithm}>${value}</Checksum${algorithm}>`;
    const list = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${part.headers.etag}</ETag>${sum}</Part></CompleteMultipartUpload>`;
    t.is(await t.object('POST', 'm', { query: `uploadId=${id}`, body: list }), {
      is: 200,
      body: new RegExp(`<Checksum${algorithm}>`),
    });
    const headers = { [header]: pattern, 'x-amz-checksum-type': type };
    t.is(await t.object('HEAD', 'm', { headers: enabled }), { is: 200, headers });
  }
}
