import { expect, it } from 'vitest';
import { memoryOf, peakMemoryOf } from './memory.ts';

const mebibyte = 1024 * 1024;
const tells = memoryOf(process.pid) !== undefined;

it.runIf(tells)('sees the peak of what a process holds, also when it is over', async () => {
  const before = memoryOf(process.pid)!;
  const { peak } = await peakMemoryOf(process.pid, async () => Buffer.alloc(96 * mebibyte, 1).length);
  expect(peak!.anonymousBytes).toBeGreaterThan(before.anonymousBytes + 64 * mebibyte);
  expect(peak!.residentBytes).toBeGreaterThanOrEqual(peak!.anonymousBytes);
});

it('knows nothing of a process that is not there', () => {
  expect(memoryOf(2 ** 30)).toBeUndefined();
});
