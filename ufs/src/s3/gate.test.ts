import { describe, expect, it } from 'vitest';
import { Gate } from './gate.ts';

const gateOf = (slotsMax: number) => new Gate({ slotsMax, waitersMax: 10, waitMs: 60_000 });

describe('a store whose connections are all taken', () => {
  it('asks one holder for each request that waits, those who offered first', async () => {
    const gate = gateOf(3);
    const asked: number[] = [];
    for (const holder of [0, 1, 2]) {
      await gate.enter(undefined);
      gate.onWaiting(() => asked.push(holder));
    }
    expect([asked, gate.waiting]).toEqual([[], 0]);
    const waiting = [gate.enter(undefined), gate.enter(undefined)];
    expect([asked, gate.waiting]).toEqual([[0, 1], 2]);
    gate.leave();
    gate.leave();
    await Promise.all(waiting);
    expect(gate.waiting).toBe(0);
  });

  it('asks nobody who has taken back the offer, and gives a slot that is given back at once to who waits', async () => {
    const gate = gateOf(1);
    await gate.enter(undefined);
    const takeBack = gate.onWaiting(() => expect.unreachable());
    gate.onWaiting(() => gate.leave());
    takeBack();
    await gate.enter(undefined);
    expect([gate.used, gate.waiting]).toEqual([1, 0]);
  });
});
