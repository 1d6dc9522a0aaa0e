import type { Clock } from '@forebay/core/clock';
import { expect, it } from 'vitest';
import { Exchange } from '../exchange.ts';
import { TrafficWatch } from './traffic-watch.ts';

class TestClock implements Clock {
  nowMs = 1000;
  wallMs(): number {
    return this.nowMs;
  }
  monotonicMs(): number {
    return this.nowMs;
  }
}

function start() {
  const clock = new TestClock();
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state / 0x8000_0000;
  };
  const watch = new TrafficWatch({ clock, random });
  const request = (key: string, durationMs: number, bytes = 100) => {
    const head = { method: 'GET', target: '/', rawHeaders: [], isHttp11: true, socket: {} as never };
    const exchange = new Exchange(head, clock);
    Object.assign(exchange, { operation: 'GetObject', bucket: 'lake', key, cache: 'HIT' });
    exchange.sent = { bodyBytes: bytes, end: 'whole' };
    watch.note(exchange, 200, durationMs);
  };
  return { clock, watch, request };
}

it('counts exactly while there is little to do', () => {
  const { clock, watch, request } = start();
  for (let round = 0; round < 30; round += 1) {
    for (const key of ['a/x', 'a/x', 'a/y', 'b/deep/z']) request(key, 1);
    clock.nowMs += 100;
  }
  const { objects, prefixes } = watch.report();
  expect(objects[0]).toEqual({ name: 's3://lake/a/x', count: 60, bytes: 6000 });
  expect(prefixes.map(({ name, count }) => [name, count])).toEqual([
    ['s3://lake/a/', 90],
    ['s3://lake/b/deep/', 30],
  ]);
});

it('estimates from some of the requests where there are many', () => {
  const { clock, watch, request } = start();
  const perSecond = 20_000;
  for (let second = 0; second < 10; second += 1) {
    for (let one = 0; one < perSecond; one += 1) {
      request(one % 4 === 0 ? 'hot' : `cold${one % 1000}`, 1);
      clock.nowMs += 1000 / perSecond;
    }
  }
  const [hot] = watch.report().objects;
  expect(hot!.name).toBe('s3://lake/hot');
  expect(hot!.count).toBeGreaterThan(0.7 * 50_000);
  expect(hot!.count).toBeLessThan(1.3 * 50_000);
});

it('forgets what was hot long ago', () => {
  const { clock, watch, request } = start();
  for (let one = 0; one < 100; one += 1) request('before', 1);
  clock.nowMs += 3 * 3_600_000;
  request('now', 1);
  expect(watch.report().objects.map(({ name }) => name)).toEqual(['s3://lake/now']);
});

it('keeps the slowest requests of each five minutes for an hour', () => {
  const { clock, watch, request } = start();
  for (let one = 0; one < 1000; one += 1) request(`k${one}`, one);
  const first = watch.report().slow;
  expect(first).toHaveLength(20);
  expect(first[0]).toMatchObject({ key: 'k999', durationMs: 999, status: 200, cache: 'HIT', bytes: 100 });
  clock.nowMs += 600_000;
  request('quick', 1);
  expect(watch.report().slow.map(({ key }) => key)).toContain('quick');
  clock.nowMs += 3_600_000;
  request('later', 1);
  expect(watch.report().slow.map(({ key }) => key)).toEqual(['later']);
});
