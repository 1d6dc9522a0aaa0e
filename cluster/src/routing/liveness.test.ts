import { describe, expect, it } from 'vitest';
import { VirtualTime } from '../testing/virtual-time.ts';
import { Liveness, type Waiter } from './liveness.ts';

function watched() {
  const time = new VirtualTime();
  const state = { pings: 0, lost: 0, pong: () => Promise.resolve() as Promise<void> };
  const { clock, sleep } = time;
  const liveness = new Liveness({
    ...{ clock, sleep },
    ping: () => {
      state.pings += 1;
      return state.pong();
    },
    onLost: () => {
      state.lost += 1;
    },
  });
  return { time, liveness, state };
}

function waiter(patienceMs: number, stallMs = 60_000): Waiter & { progress: number; told: number } {
  const made = { isPending: true, progress: 0, patienceMs, stallMs, told: 0, onSilent: () => {} };
  made.onSilent = () => {
    made.told += 1;
  };
  return made;
}

const hung = () => new Promise<void>(() => {});

describe('a node that is waited for', () => {
  it('is not pinged while it says something', async () => {
    const { time, liveness, state } = watched();
    liveness.add(waiter(50));
    for (let passed = 0; passed < 20; passed += 1) {
      await time.pass(20);
      liveness.heard();
    }
    expect(state.pings).toBe(0);
  });

  it('is pinged when it is silent, and waited for as long as it answers that', async () => {
    const { time, liveness, state } = watched();
    const waiting = waiter(50);
    liveness.add(waiting);
    await time.pass(20_000);
    expect(state.pings).toBeGreaterThan(100);
    expect(waiting.told).toBe(0);
    expect(liveness.isSuspect).toBe(false);
  });

  it('is suspect when it leaves a ping unanswered; who waits is told by his patience, and once', async () => {
    const { time, liveness, state } = watched();
    state.pong = hung;
    const [quick, patient] = [waiter(50), waiter(1000)];
    liveness.add(quick);
    liveness.add(patient);
    await time.pass(300);
    expect([liveness.isSuspect, quick.told, patient.told]).toEqual([true, 1, 0]);
    await time.pass(2000);
    expect([quick.told, patient.told, state.pings]).toEqual([1, 1, 1]);
  });

  it('is suspect no longer than until it is heard', async () => {
    const { time, liveness, state } = watched();
    const pong = Promise.withResolvers<void>();
    state.pong = () => pong.promise;
    liveness.add(waiter(60_000));
    await time.pass(300);
    expect(liveness.isSuspect).toBe(true);
    pong.resolve();
    await time.pass(1);
    expect(liveness.isSuspect).toBe(false);
  });

  it('is lost where the ping fails', async () => {
    const { time, liveness, state } = watched();
    state.pong = () => Promise.reject(new Error('lost'));
    liveness.add(waiter(60_000));
    await time.pass(100);
    expect(state.lost).toBeGreaterThan(0);
  });

  it('is left where it lives and brings nothing for too long', async () => {
    const { time, liveness } = watched();
    const [stalled, fed, idle] = [waiter(50, 5000), waiter(50, 5000), waiter(50, 5000)];
    idle.isPending = false;
    for (const one of [stalled, fed, idle]) liveness.add(one);
    for (let passed = 0; passed < 10; passed += 1) {
      fed.progress += 1;
      await time.pass(1000);
    }
    expect([stalled.told, fed.told, idle.told]).toEqual([1, 0, 0]);
  });

  it('is not judged in a moment in which this process had no time', async () => {
    const { time, liveness, state } = watched();
    state.pong = hung;
    const waiting = waiter(50);
    liveness.add(waiting);
    await time.pass(80);
    time.nowMs += 10_000;
    await time.pass(1);
    expect([liveness.isSuspect, waiting.told]).toEqual([false, 0]);
  });
});
