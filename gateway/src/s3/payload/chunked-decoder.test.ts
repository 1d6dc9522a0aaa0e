import { SigningKeys } from '@forebay/core/sigv4';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunkedBody, chunkSigningOf } from '../../testing/chunked-body.ts';
import { ChunkedDecoder } from './chunked-decoder.ts';
import { decode, modes, split } from './decode-fixture.ts';

const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const exampleSigning = (seedSignature: string) => ({
  signingKey: new SigningKeys().get(secret, '20130524', 'us-east-1'),
  amzDate: '20130524T000000Z',
  scope: '20130524/us-east-1/s3/aws4_request',
  seedSignature,
  accessKey: 'AKIAIOSFODNN7EXAMPLE',
});
const example = Buffer.alloc(66_560, 'a');

describe('the published examples', () => {
  const signatures49 = [
    'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
    '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
    'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
  ];
  const signatures50 = [
    'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
    '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
    '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
  ];
  const frame = (signatures: readonly string[], end: string) =>
    Buffer.from(
      `10000;chunk-signature=${signatures[0]}\r\n${'a'.repeat(65_536)}\r\n` +
        `400;chunk-signature=${signatures[1]}\r\n${'a'.repeat(1024)}\r\n` +
        `0;chunk-signature=${signatures[2]}\r\n${end}\r\n`,
    );

  test('a signed body', () => {
    const signing = exampleSigning('4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9');
    const body = frame(signatures49, '');
    expect(body).toHaveLength(66_824);
    const result = decode({ signing, trailer: false, decodedBytes: 66_560 }, [body]);
    expect(result.error).toBeUndefined();
    expect(result.data.equals(example)).toBe(true);
  });

  test('a signed body with a signed trailer', () => {
    const signing = exampleSigning('106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e');
    const trailer =
      'x-amz-checksum-crc32c:sOO8/Q==\r\n' +
      'x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n';
    const options = { signing, decodedBytes: 66_560, trailerName: 'x-amz-checksum-crc32c' };
    const result = decode(options, [frame(signatures50, trailer)]);
    expect(result).toMatchObject({ error: undefined, trailer: 'sOO8/Q==' });
    const forged = decode(options, [frame(signatures50, trailer.replace('sOO8', 'sOO9'))]);
    expect(forged.error?.code).toBe('SignatureDoesNotMatch');
    expect(forged.error?.fields.StringToSign).toMatch(/^AWS4-HMAC-SHA256-TRAILER\n20130524T000000Z\n/);
  });
});

describe.each(modes)('a body that is $name', ({ signed, trailer }) => {
  const signing = signed ? chunkSigningOf('secret') : undefined;
  const trailers: [string, string][] = trailer ? [['x-amz-checksum-crc32', 'NhCmhg==']] : [];
  const options = (decodedBytes: number) => ({
    signing,
    trailer,
    decodedBytes,
    trailerName: trailers[0]?.[0],
  });

  test('decodes to the same bytes whatever its chunks and however it arrives', () => {
    const chunkSizes = fc.tuple(
      fc.array(fc.integer({ min: 8192, max: 40_000 }), { maxLength: 3 }),
      fc.integer({ min: 0, max: 100 }),
    );
    fc.assert(
      fc.property(chunkSizes, fc.array(fc.nat(200_000), { maxLength: 40 }), ([sizes, last], cuts) => {
        const chunks = [...sizes, last]
          .filter((size) => size > 0)
          .map((size, index) => Buffer.alloc(size, index + 65));
        const data = Buffer.concat(chunks);
        const encoded = chunkedBody({ chunks, signing, trailers, trailer });
        const result = decode(options(data.length), split(encoded, cuts));
        expect(result.error).toBeUndefined();
        expect(result.data.equals(data)).toBe(true);
        expect(result.trailer).toBe(trailers[0]?.[1]);
      }),
      { numRuns: 60 },
    );
  });

  test('decodes byte by byte', () => {
    const chunks = [Buffer.alloc(9000, 'x'), Buffer.from('end')];
    const encoded = chunkedBody({ chunks, signing, trailers, trailer });
    const result = decode(
      options(9003),
      [...encoded].map((byte) => Buffer.from([byte])),
    );
    expect(result.error).toBeUndefined();
    expect(result.data.equals(Buffer.concat(chunks))).toBe(true);
  });

  test('passes data through without a copy', () => {
    const encoded = chunkedBody({ chunks: [Buffer.alloc(9000, 'x')], signing, trailers, trailer });
    const decoder = new ChunkedDecoder({ ...options(9000), signedChunkBytesMax: 9000 });
    const [data] = decoder.push(encoded);
    expect(data?.buffer).toBe(encoded.buffer);
  });

  test('of no bytes is a body', () => {
    const encoded = chunkedBody({ chunks: [], signing, trailers, trailer });
    expect(decode(options(0), [encoded])).toMatchObject({ error: undefined, data: Buffer.alloc(0) });
  });
});

describe('signed chunks', () => {
  const signing = chunkSigningOf('secret');

  test('a chunk with a wrong byte is never passed on, those before it are', () => {
    const chunks = [Buffer.alloc(9000, 'x'), Buffer.alloc(9000, 'y'), Buffer.alloc(10, 'z')];
    const encoded = chunkedBody({ chunks, signing, trailers: [], trailer: false });
    encoded[encoded.indexOf('yyy') + 5000] = 0;
    const result = decode({ signing, trailer: false, decodedBytes: 18_010 }, split(encoded, [3000, 12_000]));
    expect(result.data.equals(chunks[0]!)).toBe(true);
    expect(result.error).toMatchObject({ code: 'SignatureDoesNotMatch', status: 403 });
    expect(result.error?.fields.AWSAccessKeyId).toBe(signing.accessKey);
    expect(result.error?.fields.StringToSign).toMatch(/^AWS4-HMAC-SHA256-PAYLOAD\n/);
    expect(result.error?.fields.StringToSignBytes).toMatch(/^41 57 53 34 2d/);
  });

  test('chunks do not change places', () => {
    const chunks = [Buffer.alloc(9000, 'x'), Buffer.alloc(9000, 'y')];
    const encoded = chunkedBody({ chunks, signing, trailers: [], trailer: false });
    const second = encoded.indexOf('2328;', 100);
    const zero = encoded.indexOf('\r\n0;') + 2;
    const swapped = [encoded.subarray(second, zero), encoded.subarray(0, second), encoded.subarray(zero)];
    const result = decode({ signing, trailer: false, decodedBytes: 18_000 }, swapped);
    expect(result).toMatchObject({ error: { code: 'SignatureDoesNotMatch' }, data: Buffer.alloc(0) });
  });

  test('the end is signed as well', () => {
    const encoded = chunkedBody({ chunks: [Buffer.from('hello')], signing, trailers: [], trailer: false });
    const position = encoded.indexOf('0;chunk-signature=', 100) + 20;
    encoded[position] = encoded[position] === 0x61 ? 0x62 : 0x61;
    const result = decode({ signing, trailer: false, decodedBytes: 5 }, [encoded]);
    expect(result.error?.code).toBe('SignatureDoesNotMatch');
  });

  test('a chunk that would not fit into memory is refused at its head', () => {
    const head = Buffer.from(`2711;chunk-signature=${'0'.repeat(64)}\r\n`);
    const options = { signing, trailer: false, decodedBytes: 10_001, signedChunkBytesMax: 10_000 };
    expect(decode(options, [head]).error?.code).toBe('InvalidRequest');
  });

  test('spaces around the signs do not matter', () => {
    const encoded = chunkedBody({ chunks: [Buffer.from('hello')], signing, trailers: [], trailer: false });
    const text = encoded.toString('latin1').replaceAll(';chunk-signature=', ' ; chunk-signature = ');
    const result = decode({ signing, trailer: false, decodedBytes: 5 }, [Buffer.from(text, 'latin1')]);
    expect(result).toMatchObject({ error: undefined, data: Buffer.from('hello') });
  });

  test.each([
    '5\r\nhello\r\n0\r\n\r\n',
    '5;chunk-signature=\r\nhello\r\n',
    '5;chunk-signature\r\nhello\r\n',
    '5;signature=ab\r\nhello\r\n',
  ])('a chunk without a signature is a broken frame: %j', (text) => {
    const result = decode({ signing, trailer: false, decodedBytes: 5 }, [Buffer.from(text)]);
    expect(result).toMatchObject({ error: { code: 'IncompleteBody' }, data: Buffer.alloc(0) });
  });

  test('a trailer without its signature is a broken frame', () => {
    const encoded = chunkedBody({ chunks: [], signing, trailers: [], trailer: false });
    expect(decode({ signing, trailer: true }, [encoded]).error?.code).toBe('IncompleteBody');
  });
});
