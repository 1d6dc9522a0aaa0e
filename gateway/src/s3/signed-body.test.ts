/** Authentication and body reader together, on AWS's published streaming examples. */
import { Readable } from 'node:stream';
import { emptySha256 } from '@forebay/core/sigv4';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accepted, authorizationOf, exampleDate, refusalOf } from './auth/auth-fixture.ts';
import { S3Error } from './errors.ts';
import { createRequestBody } from './payload/request-body.ts';

const data = Buffer.alloc(66_560, 'a');

interface Example {
  readonly mode: string;
  readonly seed: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

function encoded(signatures: readonly string[], trailer: string): Buffer {
  const [first, second, last] = signatures;
  return Buffer.concat([
    Buffer.from(`10000;chunk-signature=${first}\r\n`),
    data.subarray(0, 65_536),
    Buffer.from(`\r\n400;chunk-signature=${second}\r\n`),
    data.subarray(65_536),
    Buffer.from(`\r\n0;chunk-signature=${last}\r\n${trailer}\r\n`),
  ]);
}

const examples: readonly Example[] = [
  {
    mode: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    seed: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
    headers: { 'content-length': '66824' },
    body: encoded(
      [
        'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
        '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
        'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
      ],
      '',
    ),
  },
  {
    mode: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
    seed: '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
    headers: { 'x-amz-trailer': 'x-amz-checksum-crc32c' },
    body: encoded(
      [
        'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
        '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
        '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
      ],
      'x-amz-checksum-crc32c:sOO8/Q==\r\n' +
        'x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n',
    ),
  },
];

async function* pieces(body: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const at = [0, ...cuts.map((cut) => cut % body.length).sort((a, b) => a - b), body.length];
  for (let index = 1; index < at.length; index += 1) yield body.subarray(at[index - 1], at[index]);
}

/** What a consumer gets, and what ends it. */
async function read(example: Example, body: Buffer, cuts: readonly number[]) {
  const signed: Record<string, string> = {
    'content-encoding': 'aws-chunked',
    'x-amz-content-sha256': example.mode,
    'x-amz-date': exampleDate,
    'x-amz-decoded-content-length': '66560',
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    ...example.headers,
  };
  const names = [...Object.keys(signed), 'host'].sort().join(';');
  const { payloadMode, effectiveHeaders } = accepted({
    method: 'PUT',
    host: 's3.amazonaws.com',
    target: '/examplebucket/chunkObject.txt',
    headers: { ...signed, Authorization: authorizationOf(names, example.seed) },
  });
  const requestBody = createRequestBody({
    incoming: Readable.from(pieces(body, cuts)),
    headers: effectiveHeaders,
    mode: payloadMode,
    method: 'PUT',
  });
  const got: Uint8Array[] = [];
  try {
    for await (const piece of requestBody.stream()) got.push(piece);
  } catch (error) {
    return { bytes: Buffer.concat(got), error };
  }
  return { bytes: Buffer.concat(got), error: undefined, trailer: requestBody.trailer?.value() };
}

const cutting = fc.array(fc.nat(200_000), { maxLength: 12 });

describe.each(examples)('$mode', (example) => {
  it('is decoded to the same bytes, however the network cuts it', async () => {
    await fc.assert(
      fc.asyncProperty(cutting, async (cuts) => {
        const { bytes, error } = await read(example, example.body, cuts);
        expect(error).toBeUndefined();
        expect(bytes.equals(data)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('never gives its last bytes away where any byte of it was changed or is missing', async () => {
    const heads = [0, 1, 5, 60, 86, 87, 65_623, 65_624, 65_700, 66_800];
    const at = fc.oneof(fc.nat(example.body.length - 1), fc.constantFrom(...heads));
    const damage = fc.oneof(fc.integer({ min: 0, max: 7 }), fc.constant('cut' as const));
    await fc.assert(
      fc.asyncProperty(at, damage, cutting, async (position, how, cuts) => {
        const body = Buffer.from(example.body);
        if (how !== 'cut') body[position]! ^= 1 << how;
        // Hex digits of a size and the names of trailers mean the same in either case.
        fc.pre(
          how === 'cut' ||
            body.toString('latin1').toLowerCase() !== example.body.toString('latin1').toLowerCase(),
        );
        const sent = how === 'cut' ? body.subarray(0, position) : body;
        const { bytes, error } = await read(example, sent, cuts);
        expect(error).toBeInstanceOf(S3Error);
        expect(bytes.length).toBeLessThan(data.length);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a body that is not sent at all', () => {
  const request = (method: string, hash: string) => ({
    method,
    headers: accepted({
      method,
      target: '/k',
      headers: { 'x-amz-content-sha256': hash, 'content-length': '0' },
    }),
  });

  it.each(['PUT', 'POST', 'DELETE'])('is held to the hash that %s announces', (method) => {
    const { headers } = request(method, 'f'.repeat(64));
    const open = () =>
      createRequestBody({
        incoming: Readable.from(pieces(Buffer.alloc(0), [])),
        headers: headers.effectiveHeaders,
        mode: headers.payloadMode,
        method,
      });
    expect(refusalOf(open)).toMatchObject({
      status: 400,
      code: 'XAmzContentSHA256Mismatch',
      fields: { ClientComputedContentSHA256: 'f'.repeat(64), S3ComputedContentSHA256: emptySha256 },
    });
  });

  it.each(['GET', 'HEAD'])('is not looked at on %s', (method) => {
    const { headers } = request(method, 'f'.repeat(64));
    const body = createRequestBody({
      incoming: Readable.from(pieces(Buffer.alloc(0), [])),
      headers: headers.effectiveHeaders,
      mode: headers.payloadMode,
      method,
    });
    expect(body.sizeBytes).toBeUndefined();
  });
});
