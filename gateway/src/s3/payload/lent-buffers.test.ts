import { expect, test } from 'vitest';
import { LentBuffers } from './lent-buffers.ts';

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
