/** That the event loop's delay is seen, in a process that is kept busy. */
import { Metrics } from '@forebay/core/metrics';
import { afterEach, expect, it } from 'vitest';
import { declareEventLoopDelay, LoopDelayWindow } from './event-loop-delay.ts';

const name = 'forebay_event_loop_delay_seconds';
let delays: LoopDelayWindow | undefined;
afterEach(() => delays?.stop());

const turn = () => new Promise((done) => setTimeout(done, 30));

it('tells how long nobody came to the loop', async () => {
  delays = new LoopDelayWindow();
  await turn();
  const until = performance.now() + 200;
  while (performance.now() < until);
  await turn();
  // A timer may have been due up to 10 ms after the loop was taken.
  expect(delays.read().maxSeconds).toBeGreaterThan(0.18);
  expect(delays.read()).toEqual(delays.read());
});

it('is nothing at first', () => {
  delays = new LoopDelayWindow();
  expect(delays.read()).toEqual({ p99Seconds: 0, maxSeconds: 0 });
});

it('is a metric by stat', async () => {
  const metrics = new Metrics();
  declareEventLoopDelay(metrics, () => ({ p99Seconds: 0.002, maxSeconds: 0.25 }));
  expect(await metrics.samples(name)).toEqual([
    { labels: { stat: 'p99' }, value: 0.002 },
    { labels: { stat: 'max' }, value: 0.25 },
  ]);
});
