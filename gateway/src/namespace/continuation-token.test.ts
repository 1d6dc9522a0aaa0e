import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeContinuationToken, encodeContinuationToken } from './continuation-token.ts';

describe('continuation tokens', () => {
  it('bring back any key', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (key) => {
        expect(decodeContinuationToken(encodeContinuationToken(key))).toBe(key);
      }),
    );
  });

  it('tell damage and invention', () => {
    const token = encodeContinuationToken('photos/2026/a.jpg');
    for (const forged of [
      '',
      'v1',
      'photos/2026/a.jpg',
      'v1AAAA',
      `${token}A`,
      `${token}=`,
      token.slice(0, -1),
    ]) {
      expect(decodeContinuationToken(forged)).toBeUndefined();
    }
    for (let index = 2; index < token.length; index += 1) {
      const other = token[index] === 'A' ? 'B' : 'A';
      expect(decodeContinuationToken(token.slice(0, index) + other + token.slice(index + 1))).toBeUndefined();
    }
  });
});
