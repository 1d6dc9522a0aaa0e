import { Metrics } from '@forebay/core/metrics';
import { expect, it } from 'vitest';
import { Series, sampleMs } from './series.ts';

/** A process whose metrics move as the test says, and the series of them. */
function start() {
  const metrics = new Metrics();
  const requests = metrics.counter<'op' | 'status' | 'cache'>({
    ...{ name: 'forebay_requests_total', help: 'h', labels: ['op', 'status', 'cache'] },
  });
  const served = metrics.counter<'source'>({
    ...{ name: 'forebay_bytes_served_total', help: 'h', labels: ['source'] },
  });
  const ufsBytes = metrics.counter<'mount'>({
    ...{ name: 'forebay_ufs_bytes_total', help: 'h', labels: ['mount'] },
  });
  const ufsRequests = metrics.counter<'mount' | 'op' | 'status'>({
    ...{ name: 'forebay_ufs_requests_total', help: 'h', labels: ['mount', 'op', 'status'] },
  });
  const duration = metrics.histogram<'op'>({
    ...{ name: 'forebay_request_duration_seconds', help: 'h', labels: ['op'] },
    buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  });
  let nowMs = 1_000_000;
  let isBroken = false;
  const read = async () => {
    if (isBroken) throw new Error('no answer');
    return metrics;
  };
  let sources = 1;
  const series = new Series({ read, wallMs: () => nowMs, sources: () => sources });
  const tick = async () => {
    nowMs += sampleMs;
    await series.sample();
  };
  const breakDown = (broken: boolean) => {
    isBroken = broken;
  };
  const joins = () => {
    sources += 1;
  };
  return { series, tick, breakDown, joins, requests, served, ufsBytes, ufsRequests, duration };
}

const get = { op: 'GetObject', status: '200' };

it('tells rates, ratios and what the cache avoided between samples', async () => {
  const { series, tick, requests, served, ufsBytes, ufsRequests } = start();
  await tick();
  requests.inc({ ...get, cache: 'HIT' }, 30);
  requests.inc({ ...get, cache: 'MISS' }, 10);
  requests.inc({ op: 'PutObject', status: '503', cache: 'none' }, 10);
  served.inc({ source: 'memory' }, 1000);
  served.inc({ source: 'disk' }, 2000);
  served.inc({ source: 'ufs' }, 1000);
  ufsBytes.inc({ mount: '/lake' }, 1500);
  ufsRequests.inc({ mount: '/lake', op: 'get', status: 'ok' }, 12);
  ufsRequests.inc({ mount: '/lake', op: 'list', status: '503' }, 3);
  await tick();
  expect(series.view('hour')).toMatchObject({
    stepMs: 5000,
    requestsPerSecond: [10],
    failedPerSecond: [2],
    hitRatio: [0.75],
    byteHitRatio: [0.75],
    bytesPerSecond: { memory: [200], disk: [400], peer: [0], ufs: [200] },
    ufsRequestsPerSecond: [3],
    ufsFailedPerSecond: [0.6],
    ufsBytesPerSecond: [300],
    avoided: { requests: 28, bytes: 2500 },
  });
});

it('says nothing of ratios and latencies where nobody asked for anything', async () => {
  const { series, tick } = start();
  await tick();
  await tick();
  expect(series.view('hour')).toMatchObject({
    hitRatio: [null],
    byteHitRatio: [null],
    latencyMs: { p50: [null], p99: [null] },
  });
});

it('tells latencies from within the bucket that has the quantile', async () => {
  const { series, tick, duration } = start();
  await tick();
  for (let request = 0; request < 90; request += 1) duration.observe({ op: 'GetObject' }, 0.0015);
  for (let request = 0; request < 10; request += 1) duration.observe({ op: 'HeadObject' }, 0.4);
  await tick();
  const { latencyMs } = series.view('hour');
  expect(latencyMs.p50[0]).toBeGreaterThan(1);
  expect(latencyMs.p50[0]).toBeLessThanOrEqual(2);
  expect(latencyMs.p99[0]).toBeGreaterThan(250);
  expect(latencyMs.p99[0]).toBeLessThanOrEqual(500);
});

it('keeps no more than an hour of fine samples, and the coarse ones of a day in full', async () => {
  const { series, tick, requests } = start();
  for (let sample = 0; sample < 2000; sample += 1) {
    requests.inc({ ...get, cache: 'HIT' });
    await tick();
  }
  const hour = series.view('hour');
  expect(hour.atMs).toHaveLength(720);
  const day = series.view('day');
  const counted = day.requestsPerSecond.reduce((sum, rate, index) => {
    const beforeMs = index === 0 ? 1_000_000 + sampleMs : day.atMs[index - 1]!;
    return sum + (rate * (day.atMs[index]! - beforeMs)) / 1000;
  }, 0);
  expect(counted).toBeCloseTo(1999, -1);
  expect(day.stepMs).toBe(120_000);
});

it('goes on after samples that could not be had, without a dent', async () => {
  const { series, tick, breakDown, requests } = start();
  await tick();
  breakDown(true);
  requests.inc({ ...get, cache: 'HIT' }, 20);
  await tick();
  breakDown(false);
  await tick();
  expect(series.view('hour').requestsPerSecond).toEqual([2]);
});

it('takes what a process had counted before it was seen for nothing that happens now', async () => {
  const { series, tick, joins, requests, served, duration } = start();
  await tick();
  joins();
  requests.inc({ ...get, cache: 'HIT' }, 1_000_000);
  served.inc({ source: 'memory' }, 1_000_000);
  duration.observe({ op: 'GetObject' }, 100);
  await tick();
  requests.inc({ ...get, cache: 'HIT' }, 10);
  await tick();
  expect(series.view('hour')).toMatchObject({
    requestsPerSecond: [0, 2],
    hitRatio: [null, 1],
    latencyMs: { p99: [null, null] },
    avoided: { requests: 10, bytes: 0 },
  });
});
