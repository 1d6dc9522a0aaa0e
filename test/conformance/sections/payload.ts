/** The payload modes: how a body is framed, and what of it is signed. */
import { forebay, type Section, ufs } from '../check.ts';
import type { ChunkedOptions, Target } from '../target.ts';

const signedMode = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
const signedTrailer = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER';
const unsignedTrailer = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
const text = 'x'.repeat(10_000);
const crc32OfHello = ['x-amz-checksum-crc32', 'NhCmhg=='] as const;

/** Framings that are broken after they were signed, and for which modes. */
const broken: readonly (readonly [
  what: string,
  mode: ChunkedOptions['mode'],
  spoil: (framed: string) => string,
])[] = [
  ['a line feed without its return', unsignedTrailer, (framed) => framed.replace('\r\n', '\n')],
  ['data longer than its size', unsignedTrailer, (framed) => framed.replace('hello', 'hello!')],
  ['a size that is not hexadecimal', unsignedTrailer, (framed) => `g${framed.slice(1)}`],
  ['no zero chunk', unsignedTrailer, (framed) => framed.slice(0, framed.indexOf('\r\n0') + 2)],
  ['more after the zero chunk', signedMode, (framed) => `${framed}more`],
  ['an end inside a chunk', signedMode, (framed) => framed.slice(0, framed.indexOf('hello') + 3)],
  ['a chunk without its signature', signedMode, (framed) => framed.replace(/;chunk-signature=\w+/, '')],
  ['an empty chunk signature', signedMode, (framed) => framed.replace(/signature=\w+/, 'signature=')],
  ['no trailer signature', signedTrailer, (framed) => framed.replace(/x-amz-trailer-signature:.*\r\n/, '')],
];

export const payload: Section = {
  title: 'Payload modes',
  checks: [
    forebay(
      '47',
      'a body that is not the hashed one is XAmzContentSHA256Mismatch, and is never seen',
      async (t) => {
        await t.put('k', 'old');
        const body = [/<ClientComputedContentSHA256>0{64}</, /<S3ComputedContentSHA256>\w{64}</];
        const reply = await t.object('PUT', 'k', { body: text, payloadHash: '0'.repeat(64) });
        t.is(reply, { is: '400 XAmzContentSHA256Mismatch', body });
        t.is(await t.object('GET', 'k'), { is: 200, body: 'old' });
      },
    ),
    forebay('48', 'UNSIGNED-PAYLOAD is a plain body that is stored as it comes', async (t) => {
      await t.put('k', 'plain', { payloadHash: 'UNSIGNED-PAYLOAD' });
      t.is(await t.object('GET', 'k'), { is: 200, body: 'plain' });
    }),
    forebay('49', 'signed chunks are decoded', (t) =>
      stores(t, { mode: signedMode, chunks: [text, 'hello'] }),
    ),
    ufs('50', 'signed chunks with a signed trailer are decoded', (t) =>
      stores(t, { mode: signedTrailer, chunks: ['hello'], trailers: [crc32OfHello] }),
    ),
    ufs('51', 'unsigned chunks with a trailer are decoded', (t) =>
      stores(t, { mode: unsignedTrailer, chunks: ['hello'], trailers: [crc32OfHello] }),
    ),
    forebay('52', 'the modes of signature version 4A are refused', async (t) => {
      for (const mode of [
        'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD',
        'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER',
      ]) {
        const reply = await t.object('PUT', 'k', { body: 'x', payloadHash: mode });
        t.same('refused', reply.status >= 400 && reply.code !== undefined, true);
      }
      t.is(await t.object('GET', 'k'), '404 NoSuchKey');
    }),
    forebay('53', 'the mode alone decides, whether or not Content-Encoding says aws-chunked', async (t) => {
      await stores(t, { mode: signedMode, chunks: ['hello'] });
      await stores(t, {
        mode: signedMode,
        chunks: ['hello'],
        headers: { 'content-encoding': 'aws-chunked' },
      });
    }),
    forebay('54', 'the decoded length is required, and must be what arrives', decodedLength),
    forebay('54.2', 'a chunked transfer around the chunks is undone too', async (t) => {
      const options = {
        mode: unsignedTrailer,
        chunks: ['hello'],
        headers: { 'content-length': '', 'transfer-encoding': 'chunked' },
      } as const;
      await stores(t, options);
    }),
    ufs('55', 'aws-chunked is taken out of the stored encoding, wherever it stands', async (t) => {
      const cases: readonly (readonly [string, string | undefined])[] = [
        ['aws-chunked', undefined],
        ['gzip,aws-chunked', 'gzip'],
        ['aws-chunked, gzip', 'gzip'],
        ['foo, aws-chunked, bar', 'foo, bar'],
      ];
      for (const [sent, stored] of cases) {
        t.is(
          await t.chunked('k', {
            mode: signedMode,
            chunks: ['hello'],
            headers: { 'content-encoding': sent },
          }),
          200,
        );
        const { headers } = t.is(await t.object('HEAD', 'k'), 200);
        t.same('stored encoding', headers['content-encoding']?.replaceAll(/, */g, ', '), stored);
      }
    }),
    ...broken.map(([what, mode, spoil], index) =>
      forebay(
        index === 0 ? '56' : `56.${index + 1}`,
        `chunks with ${what} are 400 IncompleteBody`,
        async (t) => {
          const trailers = mode === signedMode ? [] : [crc32OfHello];
          t.is(await t.chunked('k', { mode, chunks: ['hello'], trailers, spoil }), '400 IncompleteBody');
          t.is(await t.object('GET', 'k'), '404 NoSuchKey');
        },
      ),
    ),
    forebay('56.10', 'spaces around the signature of a chunk are nothing', async (t) => {
      const spoil = (framed: string) => framed.replaceAll(';chunk-signature=', ' ; chunk-signature = ');
      t.is(await t.chunked('k', { mode: signedMode, chunks: ['hello'], spoil }), 200);
      t.is(await t.object('GET', 'k'), { is: 200, body: 'hello' });
    }),
    forebay(
      '57',
      'a wrong signature of a chunk or trailer is SignatureDoesNotMatch, and nothing is stored',
      async (t) => {
        const spoil = (framed: string) => framed.replace('hello', 'jello');
        const chunk = await t.chunked('k', { mode: signedMode, chunks: [text, 'hello'], spoil });
        t.is(chunk, { is: '403 SignatureDoesNotMatch', body: /<StringToSign>AWS4-HMAC-SHA256-PAYLOAD/ });
        const trailers = [crc32OfHello];
        const forged = (framed: string) =>
          framed.replace(/trailer-signature:\w+/, `trailer-signature:${'0'.repeat(64)}`);
        const trailer = await t.chunked('k', {
          mode: signedTrailer,
          chunks: ['hello'],
          trailers,
          spoil: forged,
        });
        t.is(trailer, { is: '403 SignatureDoesNotMatch', body: /<StringToSign>AWS4-HMAC-SHA256-TRAILER/ });
        t.is(await t.object('GET', 'k'), '404 NoSuchKey');
      },
    ),
    forebay('58', 'a chunk below 8 KiB that is not the last is InvalidChunkSizeError', async (t) => {
      const reply = await t.chunked('k', { mode: signedMode, chunks: ['hello', text] });
      t.is(reply, { is: '403 InvalidChunkSizeError', body: [/<Chunk>1</, /<BadChunkSize>5</] });
    }),
    forebay(
      '59',
      'only checksums may be trailers, and they must be the ones that were announced',
      trailerNames,
    ),
    ufs('59.2', 'a trailer may have spaces behind its colon', async (t) => {
      const trailers = [['x-amz-checksum-crc32', ' NhCmhg==']] as const;
      t.is(await t.chunked('k', { mode: unsignedTrailer, chunks: ['hello'], trailers }), 200);
    }),
    forebay('60', 'digests are of the decoded body, and the framing is not stored', async (t) => {
      const headers = { 'content-md5': 'XUFAKrxLKna5cZ2REBfFkg==' };
      await stores(t, { mode: signedMode, chunks: ['hello'], headers });
      const wrong = { 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' };
      t.is(await t.chunked('k', { mode: signedMode, chunks: ['hello'], headers: wrong }), '400 BadDigest');
      const none = { 'x-amz-decoded-content-length': undefined, 'x-amz-trailer': undefined };
      t.is(await t.object('HEAD', 'k'), { is: 200, headers: none });
    }),
  ],
};

async function stores(t: Target, options: ChunkedOptions): Promise<void> {
  t.is(await t.chunked('k', options), 200);
  t.is(await t.object('GET', 'k'), { is: 200, body: options.chunks.join('') });
}

async function decodedLength(t: Target): Promise<void> {
  const framed = { mode: signedMode, chunks: ['hello'] } as const;
  const bare = t.sign('PUT', 'k', { body: '0\r\n\r\n', payloadHash: unsignedTrailer });
  t.is(await t.sendSigned(bare, '0\r\n\r\n'), '411 MissingContentLength');
  const text = await t.chunked('k', { ...framed, headers: { 'x-amz-decoded-content-length': 'five' } });
  t.is(text, '411 MissingContentLength');
  for (const length of ['4', '6']) {
    const reply = await t.chunked('k', { ...framed, headers: { 'x-amz-decoded-content-length': length } });
    const body = [new RegExp(`<NumberBytesExpected>${length}<`), /<NumberBytesProvided>/];
    t.is(reply, { is: '400 IncompleteBody', body });
  }
}

async function trailerNames(t: Target): Promise<void> {
  const mode = unsignedTrailer;
  const chunks = ['hello'];
  const put = (trailers: ChunkedOptions['trailers'], announced?: string) =>
    t.chunked('k', {
      mode,
      chunks,
      ...(trailers && { trailers }),
      ...(announced !== undefined && { headers: { 'x-amz-trailer': announced } }),
    });
  for (const name of ['content-md5', 'foo', 'x-amz-content-sha256']) {
    t.is(await put([[name, 'x']]), {
      is: '400 InvalidRequest',
      body: /x-amz-trailer header is not supported/,
    });
  }
  t.is(await put([], 'x-amz-checksum-crc32'), '400 MalformedTrailerError');
  t.is(await put([crc32OfHello], ''), '400 MalformedTrailerError');
  t.is(await put([crc32OfHello], 'x-amz-checksum-sha1'), '400 MalformedTrailerError');
  const plain = await t.object('PUT', 'k', {
    body: 'x',
    headers: { 'x-amz-trailer': 'x-amz-checksum-crc32' },
  });
  t.is(plain, '400 MalformedTrailerError');
  t.is(await put([]), 200);
}
