/** How a body arrives, and how its sender cut it into chunks, changes neither its bytes nor the verdict. */
import { describe, expect, test } from 'vitest';
import { chunkedBody, chunkSigningOf } from '../../testing/chunked-body.ts';
import { decode, modes } from './decode-fixture.ts';

const data = Buffer.from(Array.from({ length: 8192 + 150 }, (_, index) => index % 251));

describe.each(modes)('a body that is $name', ({ signed, trailer }) => {
  const signing = signed ? chunkSigningOf('secret') : undefined;
  const trailers: [string, string][] = trailer ? [['x-amz-checksum-crc32', 'NhCmhg==']] : [];
  const encode = (chunks: readonly Buffer[]) => chunkedBody({ chunks, signing, trailers, trailer });
  const verdictOf = (pieces: readonly Buffer[], decodedBytes: number) => {
    const result = decode({ signing, trailer, decodedBytes, trailerName: trailers[0]?.[0] }, pieces);
    // What came before an error is as much as had been verified by then: that does depend on the cuts.
    const whole = result.error ? undefined : result.data.toString('latin1');
    return { data: whole, code: result.error?.code, trailer: result.trailer };
  };
  const small = encode([Buffer.from('hello')]);
  const zero = small.lastIndexOf(Buffer.from('\r\n0')) + 2;

  const bodies: readonly (readonly [string, Buffer, string | undefined])[] = [
    ['whole', small, undefined],
    ['cut short', small.subarray(0, -1), 'IncompleteBody'],
    ['too long', Buffer.concat([small, Buffer.from('x')]), 'IncompleteBody'],
    ['without its last chunk', small.subarray(0, zero), 'IncompleteBody'],
    ['with a bare line end', replaced(small, '\r\n', '\n'), 'IncompleteBody'],
    ['with a wrong size', replaced(small, '5', '4'), signed ? 'SignatureDoesNotMatch' : 'IncompleteBody'],
    ['with another byte', replaced(small, 'hello', 'jello'), signed ? 'SignatureDoesNotMatch' : undefined],
  ];

  test.each(bodies)('%s is the same cut at any byte, or twice', (_, body, code) => {
    const whole = verdictOf([body], 5);
    expect(whole.code).toBe(code);
    for (let cut = 0; cut <= body.length; cut += 1) {
      expect(verdictOf([body.subarray(0, cut), body.subarray(cut)], 5)).toEqual(whole);
    }
    for (let first = 0; first < body.length; first += 1) {
      const pieces = [0, first, first + 1, body.length];
      const cuts = pieces.slice(1).map((end, index) => body.subarray(pieces[index], end));
      expect(verdictOf(cuts, 5)).toEqual(whole);
    }
  });

  test('is the same wherever its sender began the next chunk', () => {
    for (let boundary = 8192; boundary < data.length; boundary += 1) {
      const encoded = encode([data.subarray(0, boundary), data.subarray(boundary)]);
      const { data: decoded, code } = verdictOf([encoded], data.length);
      expect([code, decoded === data.toString('latin1')]).toEqual([undefined, true]);
    }
  });
});

function replaced(body: Buffer, text: string, by: string): Buffer {
  return Buffer.from(body.toString('latin1').replace(text, by), 'latin1');
}
