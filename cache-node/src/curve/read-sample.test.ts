import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { MissRatioCurve } from './miss-ratio-curve.ts';
import { everyPage, ReadSample } from './read-sample.ts';

const MiB = 1024 * 1024;
const setOf = (name: string) => createHash('sha256').update(name).digest('hex').slice(0, 32);
const paged = { sizeBytes: 100 * MiB, pageSizeBytes: MiB };
const whole = { start: 0, endExclusive: 100 * MiB };

it('has every page of a read while there is room, the last one with its own length', () => {
  const sample = new ReadSample();
  const range = { start: 97.5 * MiB, endExclusive: 99.25 * MiB };
  sample.note(setOf('a'), range, { sizeBytes: 99.25 * MiB, pageSizeBytes: MiB });
  const { reads, readBytes, lengths, threshold } = sample.take(everyPage);
  expect({ reads, readBytes, threshold }).toEqual({ reads: 3, readBytes: 2.25 * MiB, threshold: everyPage });
  expect([...lengths]).toEqual([MiB, MiB, 0.25 * MiB]);
  expect(sample.take(everyPage).reads).toBe(0);
});

it('keeps fewer pages where there are too many, and all reads of those', () => {
  const sample = new ReadSample();
  for (let round = 0; round < 5; round += 1) {
    for (let object = 0; object < 2000; object += 1) sample.note(setOf(`${object}`), whole, paged);
  }
  const { hashes, threshold, reads } = sample.take(everyPage);
  expect(reads).toBe(1_000_000);
  expect(hashes.length).toBeLessThanOrEqual(16_384);
  const readsOf = new Map<number, number>();
  for (const hash of hashes) readsOf.set(hash, (readsOf.get(hash) ?? 0) + 1);
  expect(new Set(readsOf.values())).toEqual(new Set([5]));
  expect(readsOf.size / 200_000).toBeCloseTo(threshold / everyPage, 2);
});

it('spreads the pages of one object evenly', () => {
  const sample = new ReadSample();
  sample.note(
    setOf('a'),
    { start: 0, endExclusive: 8000 * MiB },
    { sizeBytes: 8000 * MiB, pageSizeBytes: MiB },
  );
  const { hashes } = sample.take(everyPage);
  const below = hashes.filter((hash) => hash < everyPage / 4).length;
  expect(below / 8000).toBeCloseTo(0.25, 1);
});

it('takes in samples of different thresholds by the lowest', () => {
  const curve = new MissRatioCurve();
  const [busy, calm] = [new ReadSample(), new ReadSample()];
  for (let object = 0; object < 1000; object += 1) busy.note(setOf(`${object}`), whole, paged);
  for (let round = 0; round < 2; round += 1) calm.note(setOf('other'), whole, paged);
  curve.add(busy.take(everyPage));
  curve.add(calm.take(everyPage));
  expect(curve.threshold).toBeLessThan(everyPage);
  expect(curve.reads).toBe(100_200);
  const [none, all] = curve.at([1, 2 ** 50]);
  expect(none!.hitRatio).toBeLessThan(0.02);
  expect(all!.hitRatio).toBeLessThan(0.02);
});
