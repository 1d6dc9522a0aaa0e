import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FoundRow, rowBytes, rowKinds, rowWords, wordsOf, writeRow } from './journal-format.ts';
import { formatSetId } from './set-rows.ts';

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const anyRow = fc.record({
  set: fc.stringMatching(/^[0-9a-f]{32}$/),
  index: uint32,
  pack: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  offset: uint32,
  lengthBytes: uint32,
  seal: uint32,
  storedBytes: uint32,
  scope: fc.integer({ min: 0, max: 0xffff }),
  priority: fc.constantFrom('low', 'normal', 'high'),
  pinned: fc.boolean(),
  filledAtSeconds: uint32,
  ttlSeconds: fc.option(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { nil: undefined }),
});

it('rows are read as they were written, wherever they lie in a file', () => {
  const found = new FoundRow();
  fc.assert(
    fc.property(fc.array(anyRow, { minLength: 1 }), fc.nat({ max: 3 }), (rows, shift) => {
      const body = Buffer.alloc(shift + rows.length * rowBytes).subarray(shift);
      for (const [at, row] of rows.entries()) writeRow(body, at * rowBytes, rowKinds.added, row);
      const words = wordsOf(body);
      expect(words).toHaveLength(rows.length * rowWords);
      for (const [at, row] of rows.entries()) {
        found.read(words, at * rowWords);
        const { pack, offset, lengthBytes, seal: checksum, storedBytes } = row;
        const { scope, priority, pinned, filledAtSeconds, ttlSeconds } = row;
        expect(found.kind).toBe(rowKinds.added);
        expect([formatSetId(found.id), found.index]).toEqual([row.set, row.index]);
        expect(found.place).toEqual({ directory: 0, pack, offset, lengthBytes, checksum, storedBytes });
        expect(found.terms).toEqual({ scope, priority, pinned, filledAtSeconds, ttlSeconds });
      }
    }),
  );
});
