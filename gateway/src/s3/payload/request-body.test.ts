import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { chunkedBody, chunkSigningOf } from '../../testing/chunked-body.ts';
import { S3Error } from '../errors.ts';
import { RawHeaders } from '../headers.ts';
import type { RequestBody } from '../types.ts';
import type { PayloadMode } from './payload-mode.ts';
import { createRequestBody } from './request-body.ts';

type Headers = Readonly<Record<string, string>>;

const unsigned: PayloadMode = { kind: 'unsigned' };
const streaming: PayloadMode = { kind: 'streaming', signed: undefined, trailer: true };
const signing = chunkSigningOf('secret');
const hashOf = (algorithm: string, data: string | Buffer) =>
  createHash(algorithm).update(data).digest('base64');
const sha256Of = (data: string): PayloadMode => ({
  kind: 'sha256',
  hex: createHash('sha256').update(data).digest('hex'),
});
const crc32 = 'x-amz-checksum-crc32';
const crc32OfHello = 'NhCmhg==';

interface BodyOptions {
  readonly pieces?: readonly (string | Buffer)[];
  readonly headers?: Headers;
  readonly mode?: PayloadMode;
  readonly method?: string;
  readonly onFirstRead?: () => void;
  readonly checksumsDescribe?: 'object';
}

function bodyOf({ pieces = [], headers = {}, mode = unsigned, method = 'PUT', ...rest }: BodyOptions) {
  const incoming = (async function* () {
    for (const piece of pieces) yield Buffer.from(piece);
  })();
  return createRequestBody({
    incoming,
    headers: new RawHeaders(Object.entries(headers).flat()),
    mode,
    method,
    ...rest,
  });
}

function refusalOf(options: BodyOptions): S3Error {
  try {
    bodyOf(options);
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
  throw new Error('the body was not refused');
}

async function read(body: RequestBody) {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of body.stream()) pieces.push(piece);
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    return { text: Buffer.concat(pieces).toString(), error };
  }
  return { text: Buffer.concat(pieces).toString(), error: undefined };
}

const withTrailer = (data: string, value: string, name = crc32) => ({
  mode: streaming,
  headers: { 'x-amz-decoded-content-length': String(data.length), 'x-amz-trailer': name },
  pieces: [
    chunkedBody({
      chunks: [Buffer.from(data)],
      signing: undefined,
      trailers: [[name, value]],
      trailer: true,
    }),
  ],
});

describe('a request without a body', () => {
  test.each([
    ['no framing header', { method: 'PUT' }],
    ['DELETE', { method: 'DELETE', mode: sha256Of('') }],
    [
      'GET with a wrong hash and a body',
      { method: 'GET', mode: sha256Of('x'), headers: { 'content-length': '5' } },
    ],
    ['HEAD', { method: 'HEAD', headers: { 'transfer-encoding': 'chunked' } }],
  ])('%s: has no size and streams nothing', async (_, options) => {
    const body = bodyOf({ ...options, pieces: ['hello'] });
    expect(body.sizeBytes).toBeUndefined();
    expect(body.trailer).toBeUndefined();
    expect(await read(body)).toEqual({ text: '', error: undefined });
    expect(await body.bytes(0)).toHaveLength(0);
  });
});

describe('lengths', () => {
  test('a chunked body without any length is MissingContentLength', () => {
    const error = refusalOf({ headers: { 'transfer-encoding': 'chunked' } });
    expect(error).toMatchObject({ code: 'MissingContentLength', status: 411 });
  });

  test.each([undefined, '', 'x', '-1', '1.5'])('a decoded length of %s is MissingContentLength', (length) => {
    const headers = {
      'content-length': '5',
      ...(length !== undefined && { 'x-amz-decoded-content-length': length }),
    };
    expect(refusalOf({ mode: streaming, headers }).code).toBe('MissingContentLength');
  });

  test.each(['', 'x', '-1', '1e3'])('a content-length of "%s" is refused', (length) => {
    expect(refusalOf({ headers: { 'content-length': length } })).toMatchObject({ status: 400 });
  });

  test.each([
    [['hel'], '3'],
    [['hel', 'lo!'], '6'],
    [[], '0'],
  ])('%j is not a body of 5 bytes', async (pieces, provided) => {
    const { text, error } = await read(bodyOf({ pieces, headers: { 'content-length': '5' } }));
    expect(error).toMatchObject({
      code: 'IncompleteBody',
      fields: { NumberBytesExpected: '5', NumberBytesProvided: provided },
    });
    expect(text.length).toBeLessThan(Number(provided) || 1);
  });

  test('bytes() takes a body up to its limit', async () => {
    const hello = { pieces: ['he', 'llo'], headers: { 'content-length': '5' } };
    expect(Buffer.from(await bodyOf(hello).bytes(5)).toString()).toBe('hello');
    await expect(bodyOf(hello).bytes(4)).rejects.toMatchObject({ code: 'MalformedXML' });
  });

  test('a body is read once', async () => {
    const body = bodyOf({ pieces: ['hello'], headers: { 'content-length': '5' } });
    await read(body);
    expect(() => body.stream()).toThrow();
  });
});

describe('digests in the head', () => {
  const algorithms = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'];
  const values = [
    crc32OfHello,
    'mnG7TA==',
    'M3eFcAZSQlc=',
    hashOf('sha1', 'hello'),
    hashOf('sha256', 'hello'),
  ];
  const pieces = ['he', '', 'llo'];
  const length = { 'content-length': '5' };

  test.each(algorithms.map((algorithm, index) => [algorithm, values[index]!]))(
    '%s is verified',
    async (name, value) => {
      const headers = { ...length, [`x-amz-checksum-${name}`]: value };
      expect(await read(bodyOf({ pieces, headers }))).toEqual({ text: 'hello', error: undefined });
      const wrong = await read(bodyOf({ pieces: ['he', 'llO'], headers }));
      expect(wrong.text).toBe('he');
      expect(wrong.error).toMatchObject({
        code: 'BadDigest',
        message: `The ${name.toUpperCase()} you specified did not match the calculated checksum.`,
      });
    },
  );

  test('xxhash is passed on unverified', async () => {
    const headers = { ...length, 'x-amz-checksum-xxhash3': 'AAAAAAAAAAA=' };
    expect((await read(bodyOf({ pieces, headers }))).error).toBeUndefined();
  });

  test('MD5 is verified', async () => {
    const headers = { ...length, 'content-md5': hashOf('md5', 'hello') };
    expect((await read(bodyOf({ pieces, headers }))).text).toBe('hello');
    const wrong = await read(bodyOf({ pieces: ['hellO'], headers }));
    expect(wrong).toMatchObject({
      text: '',
      error: {
        code: 'BadDigest',
        fields: { ExpectedDigest: hashOf('md5', 'hello'), CalculatedDigest: hashOf('md5', 'hellO') },
      },
    });
  });

  test('SHA-256 is verified', async () => {
    expect((await read(bodyOf({ pieces, headers: length, mode: sha256Of('hello') }))).text).toBe('hello');
    const wrong = await read(bodyOf({ pieces, headers: length, mode: sha256Of('hellO') }));
    expect(wrong).toMatchObject({ text: 'he', error: { code: 'XAmzContentSHA256Mismatch' } });
  });

  test('of several wrong ones SHA-256 comes first, then MD5, then the checksum', async () => {
    const checksum = { ...length, [crc32]: 'AAAAAA==' };
    const md5 = { ...checksum, 'content-md5': hashOf('md5', 'x') };
    const codeOf = async (headers: Headers, mode: PayloadMode) => {
      const { error } = await read(bodyOf({ pieces, headers, mode }));
      return error?.code === 'BadDigest' ? error.message.split(' ')[1] : error?.code;
    };
    expect(await codeOf(md5, sha256Of('x'))).toBe('XAmzContentSHA256Mismatch');
    expect(await codeOf(md5, sha256Of('hello'))).toBe('Content-MD5');
    expect(await codeOf(checksum, sha256Of('hello'))).toBe('CRC32');
  });

  test('digests of an empty body hold before it is read', async () => {
    const headers = { 'content-length': '0', [crc32]: 'AAAAAA==', 'content-md5': hashOf('md5', '') };
    const body = bodyOf({ headers, mode: sha256Of('') });
    expect(body.sizeBytes).toBe(0);
    expect(await read(body)).toEqual({ text: '', error: undefined });
    expect(refusalOf({ headers, mode: sha256Of('x') }).code).toBe('XAmzContentSHA256Mismatch');
    expect(refusalOf({ headers: { ...headers, 'content-md5': hashOf('md5', 'x') } }).code).toBe('BadDigest');
    expect(refusalOf({ headers: { ...headers, [crc32]: crc32OfHello } }).code).toBe('BadDigest');
  });

  test('checksums of the object that comes about are not compared with the body', async () => {
    const headers = { ...length, [crc32]: 'MiNFzg==-2', 'content-md5': hashOf('md5', 'hello') };
    const body = bodyOf({ pieces, headers, checksumsDescribe: 'object' });
    expect(await read(body)).toEqual({ text: 'hello', error: undefined });
  });

  test.each(['', 'x', 'AAAA', `${hashOf('md5', 'x')}A`])('"%s" is not a Content-MD5', (md5) => {
    const error = refusalOf({ headers: { ...length, 'content-md5': md5 } });
    expect(error).toMatchObject({ code: 'InvalidDigest', fields: { 'Content-MD5': md5 } });
  });

  const sdk = 'x-amz-sdk-checksum-algorithm';
  test.each<[Headers, string]>([
    [{ [crc32]: 'AAA=' }, 'Value for x-amz-checksum-crc32 header is invalid.'],
    [{ [crc32]: '' }, 'Value for x-amz-checksum-crc32 header is invalid.'],
    [
      { 'x-amz-checksum-crc16': 'AAA=' },
      'The algorithm type you specified in x-amz-checksum- header is invalid.',
    ],
    [
      { [crc32]: crc32OfHello, 'x-amz-checksum-sha1': hashOf('sha1', 'hello') },
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    ],
    [{ [sdk]: 'CRC32C', [crc32]: crc32OfHello }, 'Value for x-amz-sdk-checksum-algorithm header is invalid.'],
    [
      { [sdk]: 'CRC32' },
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    ],
  ])('%j is InvalidRequest', (headers, message) => {
    expect(refusalOf({ headers: { ...length, ...headers } })).toMatchObject({
      code: 'InvalidRequest',
      message,
    });
  });

  test('the algorithm of the SDK knows no case, and other checksum headers are no values', async () => {
    const headers = {
      ...length,
      [sdk]: 'Crc32',
      [crc32]: crc32OfHello,
      'x-amz-checksum-mode': 'ENABLED',
      'x-amz-checksum-type': 'FULL_OBJECT',
      'x-amz-checksum-algorithm': 'CRC32',
    };
    expect((await read(bodyOf({ pieces, headers }))).error).toBeUndefined();
  });
});

describe('trailers', () => {
  test('the checksum is verified and its value known at the end', async () => {
    const body = bodyOf(withTrailer('hello', crc32OfHello));
    expect(body.sizeBytes).toBe(5);
    expect(body.trailer?.name).toBe(crc32);
    expect(() => body.trailer?.value()).toThrow();
    expect(await read(body)).toEqual({ text: 'hello', error: undefined });
    expect(body.trailer?.value()).toBe(crc32OfHello);
  });

  test.each([
    ['AAAAAA==', 'BadDigest', 'The CRC32 you specified did not match the calculated checksum.'],
    ['AAAA', 'InvalidRequest', 'Value for x-amz-checksum-crc32 trailing header is invalid.'],
    ['', 'InvalidRequest', 'Value for x-amz-checksum-crc32 trailing header is invalid.'],
  ])('of value "%s": %s, and the last bytes stay here', async (value, code, message) => {
    const body = bodyOf(withTrailer('hello', value));
    expect(await read(body)).toMatchObject({ text: '', error: { code, message } });
    expect(() => body.trailer?.value()).toThrow();
  });

  test.each(['x-amz-content-sha256', 'content-md5', 'foo', '', 'x-amz-checksum-foo', 'x-amz-checksum-type'])(
    '"%s" is not supported',
    (name) => {
      const headers = { 'x-amz-decoded-content-length': '5', 'x-amz-trailer': name };
      expect(refusalOf({ mode: streaming, headers })).toMatchObject({
        code: 'InvalidRequest',
        message: 'The value specified in the x-amz-trailer header is not supported',
      });
    },
  );

  test.each<Headers>([
    { 'x-amz-trailer': `${crc32},x-amz-checksum-sha1` },
    { 'x-amz-trailer': crc32, [crc32]: crc32OfHello },
  ])('%j is one checksum too many', (headers) => {
    const error = refusalOf({
      mode: streaming,
      headers: { 'x-amz-decoded-content-length': '5', ...headers },
    });
    expect(error.message).toMatch(/^Expecting a single/);
  });

  test.each<PayloadMode>([
    unsigned,
    sha256Of('hello'),
    { kind: 'streaming', signed: signing, trailer: false },
  ])('mode %j has none', (mode) => {
    const headers = { 'content-length': '5', 'x-amz-decoded-content-length': '5', 'x-amz-trailer': crc32 };
    expect(refusalOf({ mode, headers }).code).toBe('MalformedTrailerError');
  });
});

describe('signed streams', () => {
  const mode: PayloadMode = { kind: 'streaming', signed: signing, trailer: false };

  test('of no bytes: the signature of the end is verified', async () => {
    const encoded = chunkedBody({ chunks: [], signing, trailers: [], trailer: false });
    const headers = { 'x-amz-decoded-content-length': '0' };
    expect((await read(bodyOf({ mode, headers, pieces: [encoded] }))).error).toBeUndefined();
    const other = { ...signing, seedSignature: 'other' };
    const forged = chunkedBody({ chunks: [], signing: other, trailers: [], trailer: false });
    const { error } = await read(bodyOf({ mode, headers, pieces: [forged] }));
    expect(error?.code).toBe('SignatureDoesNotMatch');
  });

  test('the last bytes wait for the signature of the end', async () => {
    const encoded = chunkedBody({ chunks: [Buffer.from('hello')], signing, trailers: [], trailer: false });
    const headers = { 'x-amz-decoded-content-length': '5' };
    const { text, error } = await read(
      bodyOf({ mode, headers, pieces: [encoded.subarray(0, -4), '0\r\n\r\n'] }),
    );
    expect(text).toBe('');
    expect(error?.code).toBe('SignatureDoesNotMatch');
  });

  test('checksums and MD5 are those of the decoded body', async () => {
    const encoded = chunkedBody({ chunks: [Buffer.from('hello')], signing, trailers: [], trailer: false });
    const headers = {
      'x-amz-decoded-content-length': '5',
      'content-md5': hashOf('md5', 'hello'),
      [crc32]: crc32OfHello,
    };
    expect(await read(bodyOf({ mode, headers, pieces: [encoded] }))).toEqual({
      text: 'hello',
      error: undefined,
    });
  });
});

test('the first read is announced once, and not before', async () => {
  const events: string[] = [];
  const body = bodyOf({
    pieces: ['hello'],
    headers: { 'content-length': '5' },
    onFirstRead: () => events.push('first read'),
  });
  const stream = body.stream()[Symbol.asyncIterator]();
  expect(events).toEqual([]);
  await stream.next();
  await stream.next();
  expect(events).toEqual(['first read']);
});

describe('over a socket', () => {
  const open: (() => void)[] = [];
  afterEach(() => {
    for (const close of open.splice(0)) close();
  });

  async function serve(listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void) {
    const server = createServer(listener);
    open.push(() => server.close().closeAllConnections());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    open.push(() => socket.destroy());
    return socket;
  }

  const errorOfBody = async (incoming: IncomingMessage, mode: PayloadMode) => {
    const headers = new RawHeaders(incoming.rawHeaders);
    return (await read(createRequestBody({ incoming, headers, mode, method: 'PUT' }))).error;
  };

  test('a client that leaves in the middle is an incomplete body', async () => {
    const { promise, resolve } = Promise.withResolvers<S3Error | undefined>();
    const socket = await serve((incoming) => {
      void errorOfBody(incoming, unsigned).then(resolve);
      socket.destroy();
    });
    socket.write('PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\nhello');
    expect((await promise)?.code).toBe('IncompleteBody');
  });

  test('a refusal in the middle leaves the connection to the answer and to the next request', async () => {
    const mode: PayloadMode = { kind: 'streaming', signed: signing, trailer: false };
    const socket = await serve(async (incoming, outgoing) => {
      const error = incoming.method === 'PUT' ? await errorOfBody(incoming, mode) : undefined;
      incoming.resume();
      outgoing.end(error?.code ?? 'no error');
    });
    let answers = '';
    socket.on('data', (data) => {
      answers += data;
    });
    const chunk = `2000;chunk-signature=${'0'.repeat(64)}\r\n${'x'.repeat(8192)}\r\n`;
    const head = 'PUT /b/k HTTP/1.1\r\nhost: h\r\nx-amz-decoded-content-length: 16384\r\n';
    socket.write(`${head}content-length: ${chunk.length * 2}\r\n\r\n${chunk}`);
    while (!answers.includes('SignatureDoesNotMatch')) await once(socket, 'data');
    socket.write(`${chunk}GET /b/k HTTP/1.1\r\nhost: h\r\n\r\n`);
    while (!answers.includes('no error')) await once(socket, 'data');
    expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });
});
