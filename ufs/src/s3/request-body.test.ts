import { sha256Hex } from '@forebay/core/sigv4';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { wireBodyOf } from './request-body.ts';
import { collectAll } from './testing/raw-server.ts';

const noSignature = () => 'unused';

async function* pieces(sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size).fill(7);
}

/** Undoes the framing strictly, as S3-WIRE 51 and 56 tell it. */
function decode(framed: Buffer): { data: Buffer; chunkSizes: number[]; trailer: string } {
  const data: Buffer[] = [];
  const chunkSizes: number[] = [];
  let position = 0;
  for (;;) {
    const lineEnd = framed.indexOf('\r\n', position);
    const size = Number.parseInt(framed.toString('latin1', position, lineEnd), 16);
    position = lineEnd + 2;
    if (size === 0) break;
    data.push(framed.subarray(position, position + size));
    chunkSizes.push(size);
    expect(framed.toString('latin1', position + size, position + size + 2)).toBe('\r\n');
    position += size + 2;
  }
  return { data: Buffer.concat(data), chunkSizes, trailer: framed.toString('latin1', position) };
}

it('frames bodies of any size and any pieces into exactly the length that it announced', async () => {
  const anySizes = fc.array(fc.oneof(fc.nat(20), fc.nat(1_500_000)), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(anySizes, async (sizes) => {
      const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
      const trailer = { name: 'x-amz-checksum-sha1', value: () => 'A'.repeat(28) };
      const body = wireBodyOf({ sizeBytes, body: pieces(sizes), headers: [], trailer }, true);
      const framed = await collectAll(body.pieces(noSignature));
      expect(framed.length).toBe(body.contentLength);
      const { data, chunkSizes, trailer: trailing } = decode(framed);
      expect(data.equals(Buffer.alloc(sizeBytes, 7))).toBe(true);
      expect(trailing).toBe(`x-amz-checksum-sha1:${'A'.repeat(28)}\r\n\r\n`);
      expect(chunkSizes.slice(0, -1).every((size) => size === 1024 * 1024)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

it('signs chunks over exactly their data, each no smaller than S3 allows but the last', async () => {
  const anySizes = fc.array(fc.oneof(fc.nat(20), fc.nat(600_000)), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(anySizes, async (sizes) => {
      const sizeBytes = sizes.reduce((sum, size) => sum + size, 1);
      const body = wireBodyOf({ sizeBytes, body: pieces([...sizes, 1]), headers: [] }, true);
      const framed = await collectAll(body.pieces((sha256) => sha256));
      expect(framed.length).toBe(body.contentLength);
      const signatures = [...framed.toString('latin1').matchAll(/chunk-signature=(\w{64})\r\n/g)].map(
        (match) => match[1],
      );
      const { data, chunkSizes, trailer } = decode(framed);
      expect([data.equals(Buffer.alloc(sizeBytes, 7)), trailer]).toEqual([true, '\r\n']);
      expect(signatures).toEqual([...chunkSizes, 0].map((size) => sha256Hex(Buffer.alloc(size, 7))));
      expect(chunkSizes.slice(0, -1).every((size) => size === 256 * 1024)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

it.each([
  [[['content-md5', 'x']], true, 'UNSIGNED-PAYLOAD'],
  [[['x-amz-checksum-crc32', 'x']], true, 'UNSIGNED-PAYLOAD'],
  [[['x-amz-checksum-type', 'FULL_OBJECT']], true, 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'],
  [[], true, 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'],
  [[], false, 'UNSIGNED-PAYLOAD'],
] as const)('of headers %j, signing %s, goes as %s', (headers, canSign, payloadHash) => {
  const body = wireBodyOf({ sizeBytes: 3, body: pieces([3]), headers }, canSign);
  expect(body.payloadHash).toBe(payloadHash);
});

it('does not know the length beforehand where the checksum is one it has never heard of', () => {
  const trailer = { name: 'x-amz-checksum-new', value: () => 'A' };
  expect(
    wireBodyOf({ sizeBytes: 3, body: pieces([3]), headers: [], trailer }, true).contentLength,
  ).toBeUndefined();
});

it('asks for the trailer and hands over the last bytes only after the source has ended', async () => {
  const order: string[] = [];
  async function* source() {
    yield Buffer.from('ab');
    yield Buffer.from('cd');
    order.push('source ended');
  }
  const trailer = {
    name: 'x-amz-checksum-crc32',
    value: () => {
      order.push('trailer asked');
      return 'AAAAAAA=';
    },
  };
  for await (const piece of wireBodyOf({ sizeBytes: 4, body: source(), headers: [], trailer }, true).pieces(
    noSignature,
  )) {
    order.push(Buffer.from(piece).toString().trim());
  }
  const ended = order.indexOf('source ended');
  expect(order.slice(0, ended)).toEqual(['4', 'ab']);
  expect(order.slice(ended)).toEqual([
    'source ended',
    'cd',
    '',
    'trailer asked',
    '0\r\nx-amz-checksum-crc32:AAAAAAA=',
  ]);
});

it('tells a trailer that cannot be made as the failure of its source', async () => {
  const trailer = {
    name: 'x-amz-checksum-crc32',
    value: () => {
      throw new Error('no checksum');
    },
  };
  const body = wireBodyOf({ sizeBytes: 1, body: pieces([1]), headers: [], trailer }, true);
  await expect(collectAll(body.pieces(noSignature))).rejects.toThrow('no checksum');
  expect(body.source.failure).toMatchObject({ error: { message: 'no checksum' } });
});
