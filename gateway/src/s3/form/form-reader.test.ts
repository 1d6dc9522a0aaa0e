import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { S3Error } from '../errors.ts';
import { FormReader } from './form-reader.ts';

/** What a form holds, or the code of the error that ended it. */
async function read(body: Buffer, cuts: readonly number[] = [], boundary = 'b') {
  const points = [0, ...cuts.map((cut) => cut % (body.length + 1)).sort((a, b) => a - b), body.length];
  const pieces = points
    .slice(1)
    .map((end, index) => Buffer.from(body.subarray(points[index], end)))
    .filter((piece) => piece.length > 0);
  const reader = new FormReader(boundary, () => Promise.resolve(pieces.shift()));
  try {
    const { fields, fileName } = await reader.head();
    const file: Buffer[] = [];
    for await (const piece of reader.file()) file.push(piece);
    await reader.rest();
    return { fields, fileName, file: Buffer.concat(file) };
  } catch (error) {
    if (error instanceof S3Error) return error.code;
    throw error;
  }
}

const part = (name: string, value: string, more = '') =>
  `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
const whole = Buffer.from(
  `preamble\r\n${part('key', 'a\r\nb')}${part('Ü', 'é')}${part('file', 'f\r\n--x\r\n', '; filename="n"')}` +
    `${part('after', '')}--b--\r\nepilogue`,
);
const meant = {
  fields: [
    ['key', 'a\r\nb'],
    ['Ü', 'é'],
  ],
  fileName: 'n',
  file: Buffer.from('f\r\n--x\r\n'),
};

describe('a form', () => {
  it('is the same wherever it is cut, also into single bytes', async () => {
    for (let cut = 0; cut <= whole.length; cut += 1) expect(await read(whole, [cut])).toEqual(meant);
    expect(
      await read(
        whole,
        [...whole].map((_, index) => index),
      ),
    ).toEqual(meant);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(1000), { maxLength: 8 }), async (cuts) => {
        expect(await read(whole, cuts)).toEqual(meant);
      }),
    );
  });

  it('is not over before its last delimiter', async () => {
    const end = whole.lastIndexOf('--b--') + 5;
    for (let length = 0; length < end; length += 1) {
      expect(await read(whole.subarray(0, length))).toBe('MalformedPOSTRequest');
    }
    expect(await read(whole.subarray(0, end))).toEqual(meant);
  });

  it('carries any file', async () => {
    const delimiterLike = fc.constantFrom('\r', '\n', '-', '--', '\r\n--', '\r\n-', 'b', 'x');
    const bytes = fc.array(delimiterLike, { maxLength: 60 }).map((list) => list.join(''));
    await fc.assert(
      fc.asyncProperty(bytes, fc.array(fc.nat(500), { maxLength: 5 }), async (text, cuts) => {
        fc.pre(!`\r\n${text}\r\n`.includes('\r\n--b'));
        const body = Buffer.from(`${part('file', text, '; filename=n')}--b--`);
        expect(await read(body, cuts)).toEqual({ fields: [], fileName: 'n', file: Buffer.from(text) });
      }),
      { numRuns: 500 },
    );
  });

  it('that is damaged is refused or read, and never anything else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (position, byte) => {
        const damaged = Buffer.from(whole);
        damaged[position] = byte;
        const result = await read(damaged);
        if (typeof result === 'string') expect(result).toMatch(/^(MalformedPOSTRequest|InvalidArgument)$/);
        else expect(result.file.length).toBeLessThanOrEqual(whole.length);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['no name', '--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--', 'MalformedPOSTRequest'],
    ['no head', '--b\r\n\r\n\r\nx\r\n--b--', 'MalformedPOSTRequest'],
    [
      'text after a delimiter',
      '--bx\r\nContent-Disposition: form-data; name=a\r\n\r\n',
      'MalformedPOSTRequest',
    ],
    [
      'no UTF-8',
      Buffer.concat([Buffer.from(part('a', '').slice(0, -2)), Buffer.of(0xff)]),
      'MalformedPOSTRequest',
    ],
    ['no end of its first field', part('a', 'v'.repeat(30_000)), 'MaxPostPreDataLengthExceededError'],
    [
      'too much after its file',
      `${part('file', 'x')}--b--${'v'.repeat(30_000)}`,
      'MaxPostPreDataLengthExceededError',
    ],
    ['no file', `${part('a', 'x')}--b--`, 'InvalidArgument'],
  ])('with %s is refused', async (_, body, code) => {
    const bytes = Buffer.from(body as string);
    const ended = bytes.includes(0xff) ? Buffer.concat([bytes, Buffer.from('\r\n--b--')]) : bytes;
    expect(await read(ended)).toBe(code);
  });
});
