/** Histograms against the sorted list of what was recorded. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Histogram, relativeErrorMax } from './histogram.ts';

const durations = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 2 ** 31 - 1 })),
  { minLength: 1, maxLength: 200 },
);

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

it('says percentiles within its error, and never less than the value', () => {
  fc.assert(
    fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
      const sorted = values.toSorted((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1]!;
      const said = histogramOf(values).quantile(share);
      expect(said).toBeGreaterThanOrEqual(exact);
      expect(said).toBeLessThanOrEqual(exact * (1 + relativeErrorMax));
    }),
  );
});

it('keeps count, extremes and mean exactly', () => {
  fc.assert(
    fc.property(durations, (values) => {
      const histogram = histogramOf(values);
      expect(histogram.count).toBe(values.length);
      expect(histogram.min).toBe(Math.min(...values));
      expect(histogram.max).toBe(Math.max(...values));
      expect(histogram.mean).toBe(values.reduce((sum, value) => sum + value, 0) / values.length);
    }),
  );
});

it('adds up to the histogram of all, also after a way through JSON', () => {
  fc.assert(
    fc.property(durations, durations, (ones, others) => {
      const added = Histogram.from(JSON.parse(JSON.stringify(histogramOf(ones))));
      added.add(histogramOf(others).toJSON());
      expect(added.toJSON()).toEqual(histogramOf([...ones, ...others]).toJSON());
    }),
  );
});

it('is empty at first, and takes what is past its range as its largest value', () => {
  const histogram = new Histogram();
  expect([histogram.quantile(0.5), histogram.min, histogram.max, histogram.mean]).toEqual([0, 0, 0, 0]);
  histogram.record(1e12);
  expect(histogram.quantile(1)).toBe(2 ** 31 - 1);
});
