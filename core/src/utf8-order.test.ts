import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterPrefix, compareUtf8 } from './utf8-order.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.string({
    unit: fc.constantFrom('a', 'b', '/', '\u{ffff}', '\u{e000}', '\u{10000}', '\u{10ffff}'),
    maxLength: 4,
  }),
);

describe('UTF-8 order', () => {
  it('is the order of the encoded bytes', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('puts every text with a prefix below the end of the prefix, and no other text between', () => {
    fc.assert(
      fc.property(text, text, (prefix, other) => {
        const end = afterPrefix(prefix);
        const inside = compareUtf8(other, prefix) >= 0 && (end === undefined || compareUtf8(other, end) < 0);
        expect(inside).toBe(other.startsWith(prefix));
        expect(end === undefined || compareUtf8(prefix + other, end) < 0).toBe(true);
      }),
    );
  });
});
