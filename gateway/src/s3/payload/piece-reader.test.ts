import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { S3Error } from '../errors.ts';
import { PieceReader } from './piece-reader.ts';

test('pieces come one by one, unjoined, and then nothing', async () => {
  const incoming = new PassThrough();
  for (const text of ['ab', 'cd', 'ef']) incoming.write(text);
  incoming.end();
  const reader = new PieceReader(incoming);
  const texts = [];
  for (let piece = await reader.next(); piece; piece = await reader.next()) texts.push(piece.toString());
  expect(texts).toEqual(['ab', 'cd', 'ef']);
  expect(await reader.next()).toBeUndefined();
});

test('no more is taken than was asked for, and one piece', async () => {
  let made = 0;
  const incoming = new Readable({
    highWaterMark: 1,
    read() {
      made += 1;
      this.push(`${made}`);
    },
  });
  const reader = new PieceReader(incoming);
  expect(String(await reader.next())).toBe('1');
  await new Promise(setImmediate);
  expect(made).toBeLessThanOrEqual(3);
  expect(String(await reader.next())).toBe('2');
  incoming.destroy();
});

test('what the reader left can be read by another', async () => {
  const incoming = new PassThrough();
  const reader = new PieceReader(incoming);
  incoming.write('a');
  await reader.next();
  reader.leave();
  incoming.end('rest');
  const rest: Buffer[] = [];
  for await (const piece of incoming) rest.push(piece);
  expect(Buffer.concat(rest).toString()).toBe('rest');
});

test.each([
  ['without a word', undefined, 'IncompleteBody'],
  ['with an error', new Error('reset'), 'IncompleteBody'],
  ['with a refusal', new S3Error('RequestTimeout'), 'RequestTimeout'],
])('a client that leaves %s', async (_, error, code) => {
  const incoming = new PassThrough();
  const reader = new PieceReader(incoming);
  const next = reader.next();
  incoming.destroy(error);
  await expect(next).rejects.toMatchObject({ code });
  await expect(reader.next()).rejects.toMatchObject({ code });
  await expect(new PieceReader(incoming).next()).rejects.toMatchObject({ code });
});
