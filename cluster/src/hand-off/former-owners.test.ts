/** Who is asked for pages that are missing here, by the rings of now and before. */
import { ringOf } from '@forebay/core/ring';
import { beforeEach, describe, expect, it } from 'vitest';
import { FormerOwners } from './former-owners.ts';
import { epochOf, FakeClock, memberOf } from './testing/fakes.ts';

const keys = Array.from({ length: 200 }, (_, index) => `file:/lake\0object-${index}`);
const [a, b, me] = [memberOf('a'), memberOf('b'), memberOf('me')];
let clock: FakeClock;
let owners: FormerOwners;

beforeEach(() => {
  clock = new FakeClock();
  owners = new FormerOwners({ nodeId: 'me', clock, keptMs: 60_000 });
});

const askedOf = (key: string) => owners.of(key, 0).map(({ nodeId }) => nodeId);
const homes = (members: Parameters<typeof epochOf>[1]) => {
  const ring = ringOf(epochOf(1, members));
  return (key: string) => ring.homeOf(key)?.nodeId;
};

describe('a node that joins', () => {
  it('asks those that owned what it owns now, of all that it gained', () => {
    owners.learn(epochOf(5, [a, b, me]));
    const [before, now] = [homes([a, b]), homes([a, b, me])];
    const gained = keys.filter((key) => now(key) === 'me');
    expect(gained.length).toBeGreaterThan(30);
    for (const key of gained) expect(askedOf(key)).toEqual([before(key)]);
  });

  it('asks members that drain as well', () => {
    owners.learn(epochOf(5, [memberOf('a', 'draining'), b, me]));
    const before = homes([a, b]);
    for (const key of keys.filter((key) => before(key) === 'a')) expect(askedOf(key)).toContain('a');
  });
});

describe('after a change', () => {
  beforeEach(() => {
    owners.learn(epochOf(5, [a, me]));
    clock.nowMs += 60_000;
  });

  it('asks nobody of what it owned before, and who left of what it gained', () => {
    owners.learn(epochOf(6, [me]));
    const before = homes([a, me]);
    for (const key of keys) expect(askedOf(key)).toEqual(before(key) === 'a' ? ['a'] : []);
  });

  it('asks a node at the address that it has by now', () => {
    owners.learn(epochOf(6, [b, me]));
    const moved = { ...a, address: 'a:9999', incarnation: 'a-2' };
    owners.learn(epochOf(7, [moved, b, me]));
    owners.learn(epochOf(8, [b, me]));
    const addresses = new Set(keys.flatMap((key) => owners.of(key, 0).map(({ address }) => address)));
    expect(addresses).toEqual(new Set(['a:9999', 'b:9100']));
  });

  it('stops asking after a while, and at once where all was offered', () => {
    owners.learn(epochOf(6, [memberOf('a', 'draining'), me]));
    const key = keys.find((known) => homes([a, me])(known) === 'a')!;
    expect(askedOf(key)).toEqual(['a']);
    clock.nowMs += 60_000;
    // A member that drains has its pages for as long as it is there.
    expect(askedOf(key)).toEqual(['a']);
    owners.noteDone('a', epochOf(5, []));
    expect(askedOf(key)).toEqual(['a']);
    owners.noteDone('a', epochOf(6, []));
    expect(askedOf(key)).toEqual([]);
  });

  it('asks the owner of what it is a replica of, always', () => {
    const key = keys.find((known) => homes([a, me])(known) === 'a')!;
    owners.noteDone('a', epochOf(5, []));
    expect(askedOf(key)).toEqual(['a']);
  });

  it('learns an epoch once', () => {
    expect(owners.learn(epochOf(5, [a, me]))).toBe(false);
    expect(owners.learn({ ...epochOf(5, [a, me]), registry: 'r2' })).toBe(true);
  });
});
