/** Where bodies end, however the bytes are cut. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bodyOf, headerOf, parseHead } from './wire-answer.ts';

const chunkedHead = parseHead('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked')!;

it('reads status, length and what becomes of the connection', () => {
  expect(parseHead('HTTP/1.1 206 Partial Content\r\nContent-Length: 12\r\nConnection: close')).toMatchObject({
    status: 206,
    lengthBytes: 12,
    chunked: false,
    close: true,
    untilClose: false,
  });
  expect(parseHead('HTTP/1.1 200 OK')).toMatchObject({ untilClose: true, close: true });
  expect(parseHead('HTTP/1.1 204 No Content')).toMatchObject({ untilClose: false, close: false });
  expect(parseHead('SSH-2.0-x')).toBeUndefined();
  expect(headerOf('HTTP/1.1 200 OK\r\nX-Cache: HIT\r\nETag: "a"', 'etag')).toBe('"a"');
});

it('decodes chunks, cut anywhere', () => {
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 6 });
  fc.assert(
    fc.property(chunks, fc.array(fc.nat(), { maxLength: 8 }), (pieces, cuts) => {
      const wire = Buffer.concat([
        ...pieces.flatMap((piece) =>
          [`${piece.length.toString(16)};x=y\r\n`, piece, '\r\n'].map(Buffer.from),
        ),
        Buffer.from('0\r\nx-trailer: 1\r\n\r\n'),
      ]);
      const taken: Buffer[] = [];
      const take = bodyOf(chunkedHead, false, (bytes) => taken.push(Buffer.from(bytes)));
      const ends = [...cuts.map((cut) => cut % wire.length), wire.length].sort((a, b) => a - b);
      let at = 0;
      const said = ends.map((end) => {
        const done = take(wire.subarray(at, end));
        at = end;
        return done;
      });
      expect(said.indexOf(true)).toBe(said.findIndex((_, index) => ends[index] === wire.length));
      expect(Buffer.concat(taken)).toEqual(Buffer.concat(pieces));
    }),
  );
});

it('ends at the length, and at once where there is no body', () => {
  const taken: string[] = [];
  const give = (bytes: Buffer) => void taken.push(bytes.toString());
  const take = bodyOf(parseHead('HTTP/1.1 200 OK\r\ncontent-length: 5')!, false, give);
  expect([take(Buffer.from('he')), take(Buffer.from('llo'))]).toEqual([false, true]);
  expect(taken).toEqual(['he', 'llo']);
  const empty = Buffer.alloc(0);
  expect(bodyOf(parseHead('HTTP/1.1 200 OK\r\ncontent-length: 5')!, true, give)(empty)).toBe(true);
  expect(bodyOf(parseHead('HTTP/1.1 200 OK\r\ncontent-length: 0')!, false, give)(empty)).toBe(true);
  expect(bodyOf(parseHead('HTTP/1.1 304 Not Modified')!, false, give)(empty)).toBe(true);
});
