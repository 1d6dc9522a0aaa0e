import { expect, it } from 'vitest';
import { BoundCounter, BoundHistogram, Metrics } from './metrics.ts';

const buckets = [0.01, 0.1, 1];

function declared() {
  const metrics = new Metrics();
  const counter = metrics.counter<'op' | 'status'>({
    name: 'forebay_test_total',
    help: 'Counted.',
    labels: ['op', 'status'],
  });
  const histogram = metrics.histogram<'op'>({
    name: 'forebay_test_seconds',
    help: 'Timed.',
    labels: ['op'],
    buckets,
  });
  return { metrics, counter, histogram };
}

it('shows the same text, whether label sets are bound or named each time', async () => {
  const named = declared();
  const bound = declared();
  const gets = new BoundCounter(bound.counter, { op: 'Get', status: '200' });
  const puts = new BoundCounter(bound.counter, { op: 'Put', status: '200' });
  const times = new BoundHistogram(bound.histogram, { labels: { op: 'Get' }, buckets });
  for (const value of [0.001, 0.01, 0.05, 0.5, 1, 7]) {
    named.counter.inc({ op: 'Get', status: '200' });
    gets.add();
    named.histogram.observe({ op: 'Get' }, value);
    times.observe(value);
  }
  named.counter.inc({ op: 'Put', status: '200' }, 5);
  puts.add(5);
  bound.counter.inc({ op: 'Get', status: '200' });
  named.counter.inc({ op: 'Get', status: '200' });
  expect(await bound.metrics.text()).toBe(await named.metrics.text());
});

it('counts by an addition once a label set is known', () => {
  const { counter } = declared();
  const gets = new BoundCounter(counter, { op: 'Get', status: '200' });
  gets.add();
  counter.inc = () => {
    throw new Error('the long way');
  };
  expect(() => gets.add()).not.toThrow();
});

it('shows no label set of which nothing was counted', async () => {
  const { metrics, counter } = declared();
  new BoundCounter(counter, { op: 'Get', status: '200' });
  expect(await metrics.text()).not.toContain('Get');
});
