import { expect, it } from 'vitest';
import { AccessTracker } from './access-tracker.ts';

const MiB = 1024 * 1024;
const limits = { windowBytesMin: 2 * MiB, windowBytesMax: 32 * MiB };
const sizeBytes = 1000 * MiB;

function tracking() {
  const tracker = new AccessTracker();
  /** In MiB: what is expected after a read of `length` at `start`. */
  return (start: number, length: number, set = 'set') => {
    const range = { start: start * MiB, endExclusive: (start + length) * MiB };
    const told = tracker.read(set, range, sizeBytes, limits);
    return told && [told.start / MiB, told.endExclusive / MiB];
  };
}

it('expects nothing after one read, and doubles what it expects with each that goes on', () => {
  const read = tracking();
  expect(read(0, 1)).toBeUndefined();
  expect(read(1, 1)).toEqual([2, 4]);
  expect(read(2, 1)).toEqual([4, 7]);
  expect(read(3, 1)).toEqual([7, 12]);
  expect(read(4, 1)).toEqual([12, 21]);
  for (let at = 5; at < 60; at += 1) {
    const told = read(at, 1);
    if (told) expect(told[1]! - at - 1).toBeLessThanOrEqual(32);
  }
});

it('tells each byte ahead once', () => {
  const read = tracking();
  let told = 0;
  for (let at = 0; at < 100; at += 1) {
    const next = read(at, 1);
    if (!next) continue;
    expect(next[0]).toBeGreaterThanOrEqual(told);
    told = next[1]!;
  }
  expect(told).toBeGreaterThan(100);
});

it('expects nothing of random reads, however many', () => {
  const read = tracking();
  const starts = [500, 3, 871, 77, 410, 412.3, 90, 655, 12, 333, 920, 205, 58, 744];
  expect(starts.map((start) => read(start, 0.25))).toEqual(starts.map(() => undefined));
});

it('takes no reads that overlap for a stride, as those are that all go to the end', () => {
  const read = tracking();
  const starts = [100, 120, 140, 160, 180];
  expect(starts.map((start) => read(start, 1000 - start))).toEqual(starts.map(() => undefined));
});

it('shrinks what it expects of a stream as random reads come between', () => {
  const read = tracking();
  for (let at = 0; at < 4; at += 1) read(at, 1);
  for (const start of [500, 300, 700]) read(start, 1);
  const [from, to] = read(4, 1) ?? [12, 12];
  expect(to! - from!).toBeLessThanOrEqual(2);
});

it('follows streams side by side, as a client that reads parts in parallel makes them', () => {
  const read = tracking();
  const parts = [0, 16, 8, 24, 40, 32, 48, 56, 72, 64, 80, 88];
  const told = parts.map((start) => read(start, 8)).filter((next) => next !== undefined);
  expect(told.length).toBeGreaterThan(4);
  for (const [start] of told) expect(start! % 8).toBe(0);
});

it('follows a stride after three reads at equal distances, and drops it where one does not fit', () => {
  const read = tracking();
  expect([read(10, 1), read(30, 1)]).toEqual([undefined, undefined]);
  expect(read(50, 1)).toEqual([70, 71]);
  expect(read(70, 1)).toEqual([90, 91]);
  expect(read(87, 1)).toBeUndefined();
});

it('goes past no column of a file whose footer was read first, and follows its row groups', () => {
  const read = tracking();
  read(999, 1);
  const group = 40;
  // Two neighbouring columns of each row group.
  expect([read(5, 1), read(6, 1)]).toEqual([undefined, undefined]);
  expect([read(5 + group, 1), read(6 + group, 1)]).toEqual([undefined, undefined]);
  expect(read(5 + 2 * group, 1)).toEqual([5 + 3 * group, 6 + 3 * group]);
  expect(read(6 + 2 * group, 1)).toEqual([6 + 3 * group, 7 + 3 * group]);
});

it('expects nothing of the same read again', () => {
  const read = tracking();
  read(0, 1);
  read(1, 1);
  expect([read(1, 1), read(0, 1)]).toEqual([undefined, undefined]);
});

it('knows versions apart', () => {
  const read = tracking();
  read(0, 1, 'one');
  expect(read(1, 1, 'two')).toBeUndefined();
});
