import { expect, it } from 'vitest';
import { GatheredUses, type HotUses } from './hot-uses.ts';

function gathered() {
  const told: HotUses[] = [];
  const uses = new GatheredUses((batch) => told.push(batch));
  /** The pages that were told by then, since the last time. */
  const flushed = () => {
    uses.flush();
    return told.splice(0).flatMap(({ pages }) => pages);
  };
  return { uses, flushed };
}

it('tells each page once, however often it was used', () => {
  const { uses, flushed } = gathered();
  for (let read = 0; read < 16; read += 1) uses.used('a', 3, 1);
  uses.used('a', 3, 2);
  uses.used('b', 0, 1);
  expect(flushed()).toEqual([
    ['a', [3, 4]],
    ['b', [0]],
  ]);
  expect(flushed()).toEqual([]);
});

it('tells nothing of a page that was read in many small ranges once, right after it became hot', () => {
  const { uses, flushed } = gathered();
  for (let page = 0; page < 100; page += 1) {
    uses.learned('scanned', page, 1);
    for (let read = 3; read < 16; read += 1) uses.used('scanned', page, 1);
  }
  expect(flushed()).toEqual([]);
});

it('tells once of a page whose small reads go on in the next batch', () => {
  const { uses, flushed } = gathered();
  uses.learned('scanned', 7, 1);
  for (let read = 3; read < 8; read += 1) uses.used('scanned', 7, 1);
  expect(flushed()).toEqual([]);
  for (let read = 8; read < 16; read += 1) uses.used('scanned', 7, 1);
  expect(flushed()).toEqual([['scanned', [7]]]);
  expect(flushed()).toEqual([]);
});
