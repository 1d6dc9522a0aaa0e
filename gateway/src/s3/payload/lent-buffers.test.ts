import { expect, test } from 'vitest';
import { chunkedBody } from '../../testing/chunked-body.ts';
import { bodyOf, signing, unsigned } from './body-fixture.ts';
import { LentBuffers } from './lent-buffers.ts';
import type { PayloadMode } from './payload-mode.ts';

const pieceOf = (sizeBytes: number) => Buffer.from(new ArrayBuffer(sizeBytes));

test('what is released goes with all before it; what came later stays', () => {
  const lent = new LentBuffers();
  const pieces = [1, 2, 3].map(() => pieceOf(64 * 1024));
  for (const piece of pieces) lent.lend(piece);
  lent.release(pieces[1]!);
  expect(pieces.map(({ length }) => length)).toEqual([0, 0, 64 * 1024]);
});

test('a buffer of which bytes are still to come stays', () => {
  const lent = new LentBuffers();
  const [before, piece] = [pieceOf(64 * 1024), pieceOf(64 * 1024)];
  lent.lend(before);
  lent.lend(piece);
  const [part, rest] = [piece.subarray(0, 1000), piece.subarray(1000)];
  lent.release(part);
  expect([before.length, piece.length]).toEqual([0, 64 * 1024]);
  lent.release(rest);
  expect(piece.length).toBe(0);
});

test('memory that others may share is never freed', () => {
  const lent = new LentBuffers();
  const pooled = Buffer.from('from the pool');
  const part = pieceOf(64 * 1024).subarray(1);
  for (const piece of [pooled, part, Buffer.alloc(10)]) {
    lent.lend(piece);
    lent.release(piece);
    expect(piece.length).toBeGreaterThan(0);
  }
});

test('bytes that were not lent are nobody’s business', () => {
  const lent = new LentBuffers();
  const piece = pieceOf(64 * 1024);
  lent.lend(piece);
  lent.release(pieceOf(64 * 1024));
  expect(piece.length).toBe(64 * 1024);
});

const data = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31) % 253));
const chunks = [data.subarray(0, 70_000), data.subarray(70_000, 79_000), data.subarray(79_000)];
const framed = (of: typeof signing | undefined) =>
  chunkedBody({ chunks, signing: of, trailers: [], trailer: false });

test.each<[string, PayloadMode, Buffer]>([
  ['plain', unsigned, data],
  ['in chunks', { kind: 'streaming', signed: undefined, trailer: false }, framed(undefined)],
  ['in signed chunks', { kind: 'streaming', signed: signing, trailer: false }, framed(signing)],
])('a body that is sent %s is whole when each piece is released as it comes', async (_, mode, wire) => {
  for (const cutBytes of [20_000, 65_536, 100_001]) {
    const pieces = [];
    for (let at = 0; at < wire.length; at += cutBytes) pieces.push(wire.subarray(at, at + cutBytes));
    const length = String(data.length);
    const headers = { 'content-length': length, 'x-amz-decoded-content-length': length };
    const body = bodyOf({ mode, headers, pieces });
    const got = [];
    for await (const piece of body.stream()) {
      got.push(Buffer.from(piece));
      body.release(piece);
    }
    expect(Buffer.concat(got).equals(data)).toBe(true);
  }
});
