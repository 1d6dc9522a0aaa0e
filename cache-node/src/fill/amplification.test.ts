import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TestClock, testMount } from '../testing/kit.ts';
import { Amplification, Amplifications } from './amplification.ts';

const MiB = 1024 * 1024;
const slackBytes = 8 * MiB;
const boundOf = (amplificationMax: number) => ({ amplificationMax, pageSizeBytes: MiB });

it('allows what keeps the bound, and the slack of a quiet mount', () => {
  const bytes = new Amplification(new TestClock(), boundOf(2));
  expect(bytes.allows(8 * MiB, 0)).toBe(true);
  expect(bytes.allows(8 * MiB + 1, 0)).toBe(false);
  expect(bytes.allows(10 * MiB, MiB)).toBe(true);
  bytes.fetched(8 * MiB);
  expect(bytes.allows(1, 0)).toBe(false);
  bytes.served(4 * MiB);
  expect(bytes.allows(8 * MiB, 0)).toBe(true);
  expect(bytes.ratio).toBe(2);
});

it('forgets what is older than a minute', () => {
  const clock = new TestClock();
  const bytes = new Amplification(clock, boundOf(1));
  bytes.fetched(100 * MiB);
  clock.advance(50_000);
  expect(bytes.allows(1, 0)).toBe(false);
  bytes.fetched(MiB);
  clock.advance(15_000);
  expect(bytes.allows(7 * MiB, 0)).toBe(true);
  expect(bytes.allows(7 * MiB + 1, 0)).toBe(false);
  clock.advance(10 * 60_000);
  expect(bytes.ratio).toBe(0);
});

it('never lets those who ask exceed the bound', () => {
  const fetch = fc.tuple(fc.nat(5 * MiB), fc.nat(MiB), fc.nat(4000));
  fc.assert(
    fc.property(fc.array(fetch, { maxLength: 100 }), fc.constantFrom(1, 1.2, 4), (fetches, max) => {
      const clock = new TestClock();
      const bytes = new Amplification(clock, boundOf(max));
      const events: { atMs: number; fetched: number; served: number }[] = [];
      for (const [fetched, served, waitMs] of fetches) {
        clock.advance(waitMs);
        if (!bytes.allows(fetched, served)) continue;
        bytes.fetched(fetched);
        bytes.served(served);
        events.push({ atMs: clock.nowMs, fetched, served });
      }
      // Within any 55 seconds, which no forgetting has touched yet: what is counted is at least that.
      for (const { atMs } of events) {
        const recent = events.filter((event) => event.atMs <= atMs && event.atMs > atMs - 55_000);
        const all = events.filter((event) => event.atMs <= atMs && event.atMs > atMs - 60_000);
        const sum = (of: typeof events, what: 'fetched' | 'served') =>
          of.reduce((total, event) => total + event[what], 0);
        expect(sum(recent, 'fetched')).toBeLessThanOrEqual(max * sum(all, 'served') + slackBytes);
      }
    }),
  );
});

it('is counted by mount, anew where the mount comes back with another bound', () => {
  const all = new Amplifications(new TestClock());
  all.of(testMount({ path: '/a' })).fetched(10);
  all.of(testMount({ path: '/a' })).served(5);
  all.of(testMount({ path: '/b', amplificationMax: 3 })).served(5);
  expect([...all.all()]).toEqual([
    { mountPath: '/a', ratio: 2, max: testMount({}).amplificationMax },
    { mountPath: '/b', ratio: 0, max: 3 },
  ]);
  expect(all.of(testMount({ path: '/a', amplificationMax: 9 })).ratio).toBe(0);
});
