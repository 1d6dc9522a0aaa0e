import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hash64 } from './string-hash.ts';

const numbered = (count: number, textOf: (number: number) => string) =>
  Array.from({ length: count }, (_, number) => textOf(number));

/** Keys as people make them: all alike but for a few characters. */
const families: Readonly<Record<string, readonly string[]>> = {
  'numbers at the end': numbered(100_000, (number) => `lake/part-${String(number).padStart(9, '0')}`),
  'numbers at the front': numbered(100_000, (number) => `${number}/part-00000.parquet`),
  'numbers in the middle': numbered(100_000, (number) => `dt=${number}/${'x'.repeat(300)}`),
  segments: numbered(100_000, (number) => `http://host:9000\0lake\0one/large/object\0${number}`),
  'lengths alone': numbered(10_000, (number) => 'a'.repeat(number)),
  'one character': numbered(50_000, (number) => String.fromCharCode(number)),
};

/** How far the counts are from even, in standard deviations of what chance would give. */
function unevenness(values: readonly number[], buckets: number): number {
  const counts = new Array<number>(buckets).fill(0);
  for (const value of values) counts[value]! += 1;
  const mean = values.length / buckets;
  const chiSquare = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
  return (chiSquare - (buckets - 1)) / Math.sqrt(2 * (buckets - 1));
}

describe('string hash', () => {
  it.each(Object.entries(families))('spreads keys over any bits of it: %s', (_, keys) => {
    const hashes = keys.map(hash64);
    for (const shift of [0, 8, 16, 24]) {
      expect(
        unevenness(
          hashes.map(({ high }) => (high >>> shift) & 0xff),
          256,
        ),
      ).toBeLessThan(6);
      expect(
        unevenness(
          hashes.map(({ low }) => (low >>> shift) & 0xff),
          256,
        ),
      ).toBeLessThan(6);
      const across = hashes.map(({ high, low }) => ((high ^ low) >>> shift) & 0xff);
      expect(unevenness(across, 256)).toBeLessThan(6);
    }
  });

  it.each(Object.entries(families))('gives no two keys of a family one hash: %s', (_, keys) => {
    const hashes = new Set(keys.map(hash64).map(({ high, low }) => `${high} ${low}`));
    // Halves of surrogate pairs are no characters, and all of them alike.
    expect(hashes.size).toBeGreaterThanOrEqual(new Set(keys.map((key) => Buffer.from(key).toString())).size);
  });

  it('changes half of its bits with any bit of the text', () => {
    const flips = new Array<number>(64).fill(0);
    let pairs = 0;
    for (let at = 0; at < 60; at += 1) {
      for (let bit = 0; bit < 6; bit += 1) {
        const bytes = Buffer.from('a'.repeat(60));
        bytes[at]! ^= 1 << bit;
        const [before, after] = [hash64('a'.repeat(60)), hash64(bytes.toString('latin1'))];
        const changed = [before.high ^ after.high, before.low ^ after.low];
        for (let each = 0; each < 64; each += 1) flips[each]! += (changed[each >> 5]! >>> (each & 31)) & 1;
        pairs += 1;
      }
    }
    for (const count of flips) expect(Math.abs(count / pairs - 0.5)).toBeLessThan(0.15);
  });

  it('is the same in every process and in every release', () => {
    expect(hash64('')).toEqual({ high: 1424071326, low: -787521972 });
    expect(hash64('http://127.0.0.1:9000\0lake\0a/b.parquet')).toEqual({ high: 1459967391, low: 31284449 });
    expect(hash64('größe/日本語/😀')).toEqual({ high: 1203769911, low: -743501137 });
  });

  it('does not depend on what was hashed before', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, other) => {
        const first = hash64(text);
        hash64(other);
        expect(hash64(text)).toEqual(first);
      }),
    );
  });
});
