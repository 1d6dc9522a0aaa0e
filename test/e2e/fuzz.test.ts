/** A short run of the fuzzer (`npm run fuzz` is the long one): the same inputs every time. */
import { expect, it } from 'vitest';
import { fuzz } from '../fuzz/run.ts';

it('answers whatever comes in with an S3 answer or a closed connection, and is as before afterwards', async () => {
  const { faults, count, outcomes, descriptors } = await fuzz({ seed: 20_260_102, count: 2000 });
  expect(faults).toEqual([]);
  expect(count).toBe(2000);
  expect(descriptors.end).toBeLessThanOrEqual(descriptors.start);
  // It reaches what lies behind the signature.
  for (const kind of ['odd', 'right', 'links', 'form']) {
    const ends = Object.keys(outcomes[kind] ?? {});
    expect(
      ends.some((end) => /^2\d\d$/.test(end)),
      kind,
    ).toBe(true);
  }
});
