import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KeyIndex, shardCount } from './key-index.ts';
import { locationOf } from './location.ts';

/** Few shards and near tags, so that runs are long. */
const keys = fc.tuple(fc.nat(3), fc.oneof(fc.nat(40), fc.integer({ min: 2 ** 32 - 40, max: 2 ** 32 - 1 })));
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('set' as const), key: keys, slot: fc.nat(5) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key: keys }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), slot: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('sweep' as const), shards: fc.nat(shardCount) }) },
  ),
  { maxLength: 200 },
);

const shardOf = (shard: number) => (shard << 20) >>> 0;

it('finds what a map finds, through growth, deletion and the loss of segments', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const index = new KeyIndex();
      const model = new Map<string, number>();
      let offset = 0;
      for (const step of run) {
        if (step.kind === 'set') {
          // A slot is used anew only once it is swept.
          if (index.isGone(step.slot)) index.sweep(shardCount);
          offset += 16;
          const location = locationOf(step.slot, offset);
          const before = index.set(shardOf(step.key[0]), step.key[1], location);
          expect(before).toBe(model.get(String(step.key)) ?? 0);
          model.set(String(step.key), location);
        } else if (step.kind === 'delete') {
          const before = index.delete(shardOf(step.key[0]), step.key[1]);
          expect(before).toBe(model.get(String(step.key)) ?? 0);
          model.delete(String(step.key));
        } else if (step.kind === 'forget') {
          index.forgetSlot(step.slot);
          for (const [key, location] of model) if (location >>> 22 === step.slot) model.delete(key);
        } else index.sweep(step.shards);
        expect(index.count).toBe(model.size);
      }
      for (let shard = 0; shard < 4; shard += 1) {
        for (let near = 0; near <= 40; near += 1) {
          for (const tag of [near, 2 ** 32 - near].filter((one) => one < 2 ** 32)) {
            expect(index.find(shardOf(shard), tag)).toBe(model.get(String([shard, tag])) ?? 0);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});

it('takes eight to twelve bytes an entry once there are many', () => {
  const index = new KeyIndex();
  let bits = 1;
  const next = () => {
    bits = (Math.imul(bits, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.imul(bits ^ (bits >>> 15), 0x2c1b3c6d) >>> 0;
  };
  for (let entry = 0; entry < 400_000; entry += 1) index.set(next(), next(), locationOf(1, 16));
  expect(index.count).toBeGreaterThan(399_000);
  expect(index.sizeBytes / index.count).toBeLessThan(15);
});

it('finds in a shard that was written down what was in it', () => {
  const index = new KeyIndex();
  for (let tag = 0; tag < 1000; tag += 1) index.set(0, tag * 4_000_000, locationOf(tag % 3, 16 * (tag + 1)));
  const copy = new KeyIndex();
  const { capacity, table } = index.shard(0);
  expect(copy.load(0, capacity, table.slice(), (location) => location >>> 22 !== 1)).toBe(true);
  for (let tag = 0; tag < 1000; tag += 1) {
    const expected = tag % 3 === 1 ? 0 : index.find(0, tag * 4_000_000);
    expect(copy.find(0, tag * 4_000_000)).toBe(expected);
  }
  expect(copy.liveIn(0) + copy.liveIn(2)).toBe(copy.count);
});
