import fc from 'fast-check';
import { expect, it } from 'vitest';
import { contentOf, isContent } from './content.ts';

const mebibyte = 1024 * 1024;
const content = contentOf(3, 3 * mebibyte);

it('knows every range of an object by its number and offset', () => {
  fc.assert(
    fc.property(fc.nat(content.length), fc.nat(2 * mebibyte), (start, length) => {
      expect(isContent(content.subarray(start, start + length), 3, start)).toBe(true);
    }),
  );
});

it('tells bytes of another object, of another page and flipped ones', () => {
  const page = content.subarray(mebibyte, 2 * mebibyte);
  expect(isContent(page, 4, mebibyte)).toBe(false);
  expect(isContent(page, 3, 0)).toBe(false);
  expect(isContent(page, 3, 2 * mebibyte)).toBe(false);
  for (const at of [0, 1, page.length - 1]) {
    const flipped = Buffer.from(page);
    flipped[at]! ^= 1;
    expect(isContent(flipped, 3, mebibyte)).toBe(false);
  }
});
