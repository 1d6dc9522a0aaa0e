import { describe, expect, it } from 'vitest';
import { checkRegister, type RegisterOperation } from './support/linearizability.ts';
import { Random } from './support/random.ts';

type Times = readonly [calledAt: number, returnedAt?: number];

const write = (value: string | undefined, [calledAt, returnedAt]: Times): RegisterOperation => ({
  kind: 'write',
  value,
  calledAt,
  returnedAt,
});
const read = (value: string | undefined, [calledAt, returnedAt]: Times): RegisterOperation => ({
  kind: 'read',
  value,
  calledAt,
  returnedAt,
});

/** Every order of the operations, and every choice of writes without outcome that never happen. */
function fitsByTrial(left: readonly RegisterOperation[], value: string | undefined): boolean {
  if (left.every(({ returnedAt }) => returnedAt === undefined)) return true;
  const firstAnswer = Math.min(...left.map(({ returnedAt }) => returnedAt ?? Number.POSITIVE_INFINITY));
  return left.some((next) => {
    if (next.calledAt > firstAnswer) return false;
    if (next.kind === 'read' && next.value !== value) return false;
    return fitsByTrial(
      left.filter((each) => each !== next),
      next.value,
    );
  });
}

/** Operations of a few clients that take effect at an instant within, or, of lies, read what they like. */
function someHistory(random: Random, count: number, lies: number): RegisterOperation[] {
  const made = Array.from({ length: count }, (_, number) => {
    const calledAt = random.int(count * 2);
    const effectAt = calledAt + random.int(6);
    return { number, calledAt, effectAt, returnedAt: effectAt + random.int(6), isWrite: random.chance(0.5) };
  });
  let value: string | undefined;
  const history: RegisterOperation[] = [];
  for (const { number, calledAt, returnedAt, isWrite } of made.sort((a, b) => a.effectAt - b.effectAt)) {
    if (isWrite) {
      value = random.chance(0.25) ? undefined : `v${number}`;
      history.push(write(value, random.chance(0.15) ? [calledAt] : [calledAt, returnedAt]));
    } else {
      const lie = random.chance(lies) ? `v${random.int(count)}` : value;
      history.push(read(lie, [calledAt, returnedAt]));
    }
  }
  return history;
}

describe('the check of a register', () => {
  it('takes reads of what was written before, and of either of two while they overlap', () => {
    expect(checkRegister([])).toBeUndefined();
    expect(checkRegister([read(undefined, [1, 2]), write('a', [3, 4]), read('a', [5, 6])])).toBeUndefined();
    const overlap = [write('a', [1, 2]), write('b', [3, 9])];
    expect(checkRegister([...overlap, read('a', [4, 5]), read('b', [6, 7])])).toBeUndefined();
    expect(checkRegister([read('x', [1, 2])], 'x')).toBeUndefined();
  });

  it('finds a read of what was overwritten', () => {
    const history = [write('a', [1, 2]), write('b', [3, 4]), read('a', [5, 6])];
    const violation = checkRegister(history);
    expect(violation?.operation).toBe(history[2]);
    expect(violation?.possible).toEqual(['b']);
    expect(violation?.story).toContain('-> 5..6 read a');
  });

  it('finds a read of what was deleted, and one that misses what is there', () => {
    expect(checkRegister([write('a', [1, 2]), write(undefined, [3, 4]), read('a', [5, 6])])).toBeDefined();
    expect(checkRegister([write('a', [1, 2]), read(undefined, [3, 4])])).toBeDefined();
  });

  it('finds two reads that see two writes in turn the wrong way round', () => {
    const overlap = [write('a', [1, 2]), write('b', [3, 20])];
    expect(checkRegister([...overlap, read('b', [4, 5]), read('a', [6, 7])])).toBeDefined();
  });

  it('lets a write without an outcome take effect late, or never, and once', () => {
    const lost = [write('a', [1, 2]), write('b', [3])];
    expect(checkRegister([...lost, read('a', [50, 51]), read('b', [60, 61])])).toBeUndefined();
    expect(checkRegister([...lost, read('a', [50, 51])])).toBeUndefined();
    const twice = [read('b', [50, 51]), write('c', [52, 53]), read('b', [60, 61])];
    expect(checkRegister([...lost, ...twice])).toBeDefined();
  });

  it('agrees with a trial of every order', () => {
    const random = new Random(7);
    let wrong = 0;
    for (let round = 0; round < 3000; round += 1) {
      const history = someHistory(random, 2 + random.int(6), random.chance(0.5) ? 0.4 : 0);
      const fits = fitsByTrial(history, undefined);
      expect(checkRegister(history) === undefined, JSON.stringify(history)).toBe(fits);
      if (!fits) wrong += 1;
    }
    expect(wrong).toBeGreaterThan(300);
  });

  it('judges long histories', () => {
    const random = new Random(3);
    expect(checkRegister(someHistory(random, 5000, 0))).toBeUndefined();
    expect(checkRegister(someHistory(random, 5000, 0.01))).toBeDefined();
  });
});
