import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteBudget, type Share } from './byte-budget.ts';

const states = (...shares: Share[]) => shares.map(({ state }) => state);

describe('the budget of bytes in flight', () => {
  it('lets one in that is larger than all, alone', () => {
    const budget = new ByteBudget(10);
    const large = budget.take(100, 'demand');
    const small = budget.take(1, 'demand');
    expect(states(large, small)).toEqual(['taken', 'waiting']);
    budget.release(large);
    expect(states(small)).toEqual(['taken']);
  });

  it('gives what is ahead of readers no more than half', () => {
    const budget = new ByteBudget(10);
    const ahead = [budget.take(3, 'ahead'), budget.take(2, 'ahead'), budget.take(1, 'ahead')];
    expect(states(...ahead)).toEqual(['taken', 'taken', 'waiting']);
    expect(states(budget.take(5, 'demand'))).toEqual(['taken']);
  });

  it('lets one ahead in that is larger than half, alone and behind demand', () => {
    for (const bytesMax of [1, 10]) {
      const budget = new ByteBudget(bytesMax);
      const demand = budget.take(bytesMax, 'demand');
      const ahead = [budget.take(8, 'ahead'), budget.take(1, 'ahead')];
      const later = budget.take(10, 'demand');
      budget.release(demand);
      expect(states(later, ...ahead)).toEqual(['taken', 'waiting', 'waiting']);
      budget.release(later);
      expect(states(...ahead)).toEqual(['taken', 'waiting']);
      budget.release(ahead[0]!);
      expect(states(...ahead)).toEqual(['released', 'taken']);
    }
  });

  it('lets demand before what waits ahead, in the order it came', () => {
    const budget = new ByteBudget(10);
    const first = budget.take(10, 'demand');
    const ahead = budget.take(1, 'ahead');
    const demand = [budget.take(6, 'demand'), budget.take(1, 'demand')];
    budget.release(first);
    expect(states(...demand, ahead)).toEqual(['taken', 'taken', 'taken']);
    const last = [budget.take(8, 'demand'), budget.take(1, 'demand'), budget.take(1, 'ahead')];
    expect(states(...last)).toEqual(['waiting', 'waiting', 'waiting']);
    budget.release(demand[0]!);
    expect(states(...last)).toEqual(['taken', 'waiting', 'waiting']);
  });

  it('makes what is ahead demand once a reader waits for it', () => {
    const budget = new ByteBudget(10);
    const taken = budget.take(5, 'ahead');
    const waiting = budget.take(5, 'ahead');
    budget.promote(waiting);
    expect(states(waiting)).toEqual(['taken']);
    expect(budget.aheadBytes).toBe(5);
    budget.promote(taken);
    expect(budget.aheadBytes).toBe(0);
  });

  it('asks for what can be had again before demand waits, and never for what is ahead', () => {
    const budget = new ByteBudget(10);
    const lingering = [budget.take(4, 'demand'), budget.take(4, 'demand')];
    budget.reclaim = () => {
      const share = lingering.shift();
      if (share) budget.release(share);
      return share !== undefined;
    };
    const ahead = budget.take(5, 'ahead');
    expect(states(ahead)).toEqual(['waiting']);
    const demand = budget.take(6, 'demand');
    expect(states(demand)).toEqual(['taken']);
    expect(lingering).toHaveLength(1);
  });

  it('lets everybody in sooner or later, however large', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.boolean())), (wanted) => {
        const budget = new ByteBudget(100);
        const live = wanted.map(([bytes, ahead]) => budget.take(bytes, ahead ? 'ahead' : 'demand'));
        while (live.length > 0) {
          const next = live.findIndex(({ state }) => state === 'taken');
          expect(next).toBeGreaterThanOrEqual(0);
          budget.release(live.splice(next, 1)[0]!);
        }
      }),
    );
  });

  it('never exceeds its bounds, forgets nobody and starves nobody', () => {
    const step = fc.oneof(
      fc.record({ take: fc.integer({ min: 1, max: 40 }), ahead: fc.boolean() }),
      fc.record({ release: fc.nat() }),
      fc.record({ promote: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const budget = new ByteBudget(100);
        const live: Share[] = [];
        for (const action of steps) {
          if ('take' in action) live.push(budget.take(action.take, action.ahead ? 'ahead' : 'demand'));
          else if (live.length === 0) continue;
          else if ('release' in action) budget.release(live.splice(action.release % live.length, 1)[0]!);
          else budget.promote(live[action.promote % live.length]!);
          const taken = live.filter(({ state }) => state === 'taken');
          const sum = (shares: readonly Share[]) => shares.reduce((total, { bytes }) => total + bytes, 0);
          expect(budget.bytes).toBe(sum(taken));
          expect(budget.bytes).toBeLessThanOrEqual(100);
          expect(budget.aheadBytes).toBe(sum(taken.filter(({ urgency }) => urgency === 'ahead')));
          expect(budget.aheadBytes).toBeLessThanOrEqual(50);
        }
        // Whoever waits has his turn when those before him are done, whatever came later.
        while (live.length > 0) {
          const next = live.findIndex(({ state }) => state === 'taken');
          expect(next).toBeGreaterThanOrEqual(0);
          budget.release(live.splice(next, 1)[0]!);
        }
        expect(budget.bytes).toBe(0);
      }),
    );
  });
});
