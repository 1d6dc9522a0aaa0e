import { expect, it } from 'vitest';
import { countedIn, Metrics, mergedReading } from './metrics.ts';

async function process(requests: number, open: number, state: number) {
  const metrics = new Metrics();
  const counter = metrics.counter({ name: 'forebay_a_total', help: 'Requests.', labels: ['op'] });
  counter.inc({ op: 'get' }, requests);
  metrics.gauge({ name: 'forebay_b', help: 'Open.' }).set(open);
  metrics.gauge({ name: 'forebay_c', help: 'State.', merge: 'max' }).set(state);
  const seconds = metrics.histogram({ name: 'forebay_d_seconds', help: 'Time.', buckets: [1, 2] });
  for (let request = 0; request < requests; request += 1) seconds.observe(1.5);
  return structuredClone(await metrics.values());
}

it('reads several processes as one: sums, and of states the worst', async () => {
  const merged = mergedReading([await process(2, 1, 0), await process(3, 4, 2)]);
  expect(await merged.samples('forebay_a_total')).toEqual([{ labels: { op: 'get' }, value: 5 }]);
  expect((await merged.samples('forebay_b'))[0]?.value).toBe(5);
  expect((await merged.samples('forebay_c'))[0]?.value).toBe(2);
  const text = await merged.text();
  expect(text).toContain('forebay_d_seconds_bucket{le="1"} 0');
  expect(text).toContain('forebay_d_seconds_bucket{le="2"} 5');
  expect(text).toContain('forebay_d_seconds_count 5');
  expect(text).toContain('# HELP forebay_a_total Requests.');
});

it('keeps of a process that has ended what it counted, and nothing of how it was', async () => {
  const ended = countedIn(await process(2, 1, 2));
  const merged = mergedReading([await process(1, 1, 0), ended]);
  expect((await merged.samples('forebay_a_total'))[0]?.value).toBe(3);
  expect((await merged.samples('forebay_b'))[0]?.value).toBe(1);
  expect((await merged.samples('forebay_c'))[0]?.value).toBe(0);
  const folded = await mergedReading([ended, countedIn(await process(4, 0, 0))]).values();
  expect((await mergedReading([folded]).samples('forebay_a_total'))[0]?.value).toBe(6);
});
