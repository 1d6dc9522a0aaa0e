import { Metrics } from '@forebay/core/metrics';
import { expect, it } from 'vitest';
import { Series, type SeriesView } from '../series/series.ts';
import { readAlerts } from './alerts.ts';

const quiet = new Series({ read: async () => new Metrics(), wallMs: () => 0 }).view('hour');

async function alertsOf(values: Readonly<Record<string, [Record<string, string>, number]>>, series = {}) {
  const metrics = new Metrics();
  for (const [name, [labels, value]] of Object.entries(values)) {
    const gauge = metrics.gauge({ name: `forebay_${name}`, help: 'h', labels: Object.keys(labels) });
    gauge.set(labels, value);
  }
  const course: SeriesView = { ...quiet, ...series };
  return (await readAlerts(metrics, course)).map(({ name, subject }) => [name, subject].join(' ').trim());
}

it('is quiet where all is well', async () => {
  expect(
    await alertsOf(
      {
        ufs_circuit_state: [{ mount: '/lake' }, 0],
        directory_state: [{ directory: '/d' }, 1],
        page_corruptions_total: [{}, 0],
        requests_refused_total: [{ reason: 'malformed' }, 5],
        event_loop_delay_seconds: [{ stat: 'max' }, 3],
      },
      {
        requestsPerSecond: [10, 20],
        failedPerSecond: [0, 0.1],
        byteHitRatio: [0.4, null],
        evictionsPerSecond: [0, 0],
      },
    ),
  ).toEqual([]);
});

it.each([
  ['a UFS that does not answer', { ufs_circuit_state: [{ mount: '/lake' }, 2] }, 'ufs-silent /lake'],
  ['a failed disk', { directory_state: [{ directory: '/d' }, 0] }, 'directory-out /d'],
  ['rotten pages', { page_corruptions_total: [{}, 1] }, 'pages-rot'],
  ['workers that end', { worker_restarts_total: [{}, 1] }, 'workers-end'],
  ['refused requests', { requests_refused_total: [{ reason: 'in_flight' }, 1] }, 'too-many-requests'],
  ['a late event loop', { event_loop_delay_seconds: [{ stat: 'p99' }, 1] }, 'event-loop-late'],
] as const)('tells of %s', async (_name, values, alert) => {
  expect(await alertsOf(values as unknown as Parameters<typeof alertsOf>[0])).toEqual([alert]);
});

it('tells of failing requests and of a cache that is too small', async () => {
  const failing = { requestsPerSecond: [10], failedPerSecond: [1] };
  expect(await alertsOf({}, failing)).toEqual(['requests-fail']);
  expect(await alertsOf({}, { byteHitRatio: [0.3], evictionsPerSecond: [5] })).toEqual(['cache-small']);
});
