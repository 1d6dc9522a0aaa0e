import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Epoch, RingMember } from './membership.ts';
import { type Ring, ringAlgorithm, ringOf, segmentKeyOf } from './ring.ts';

function member(nodeId: string, weight = 1, state: RingMember['state'] = 'active'): RingMember {
  return { nodeId, address: `${nodeId}:9100`, weight, incarnation: `${nodeId}-1`, state };
}

function epochOf(members: readonly RingMember[]): Epoch {
  return { number: 1, registry: 'r', ring: ringAlgorithm, segmentBytes: 64 * 2 ** 20, members };
}

const nodes = (count: number) => Array.from({ length: count }, (_, number) => member(`node-${number}`));
const ringWith = (members: readonly RingMember[]) => ringOf(epochOf(members));
const keyOf = (number: number) => `http://127.0.0.1:9000\0lake\0table/part-${number}.parquet`;
const idsOf = (ring: Ring, key: string, count: number) =>
  ring.ownersOf(key, count).map(({ nodeId }) => nodeId);

/** Node id → keys whose home it is. */
function shares(ring: Ring, keyCount: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let number = 0; number < keyCount; number += 1) {
    const { nodeId } = ring.homeOf(keyOf(number))!;
    counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1);
  }
  return counts;
}

const someMembers = fc.uniqueArray(
  fc.record({
    nodeId: fc.string({ minLength: 1 }),
    weight: fc.integer({ min: 1, max: 2000 }),
    state: fc.constantFrom('active', 'active', 'active', 'draining'),
  }),
  { maxLength: 12, selector: ({ nodeId }) => nodeId },
);
const membersOf = (made: readonly { nodeId: string; weight: number; state: string }[]) =>
  made.map(({ nodeId, weight, state }) => member(nodeId, weight, state as RingMember['state']));
const someKeys = fc.array(fc.string(), { minLength: 1, maxLength: 20 });

describe('ring', () => {
  it('gives the busiest of 100 nodes less than a tenth more than the mean of a million objects', () => {
    const counts = shares(ringWith(nodes(100)), 1_000_000);
    expect(counts.size).toBe(100);
    expect(Math.max(...counts.values())).toBeLessThan(11_000);
    expect(Math.min(...counts.values())).toBeGreaterThan(9_000);
  });

  it('gives each node a share in proportion to its weight', () => {
    const weights = [1, 1, 2, 4, 8, 16, 32, 64];
    const members = weights.map((weight, number) => member(`node-${number}`, weight));
    const counts = shares(ringWith(members), 1_000_000);
    for (const { nodeId, weight } of members) {
      expect(counts.get(nodeId)! / (1_000_000 * (weight / 128))).toBeCloseTo(1, 1);
    }
  });

  it('moves one in n keys to a node that joins, and none between the others', () => {
    for (const count of [3, 20]) {
      const [before, after] = [ringWith(nodes(count)), ringWith(nodes(count + 1))];
      let moved = 0;
      for (let number = 0; number < 200_000; number += 1) {
        const [from, to] = [before.homeOf(keyOf(number))!.nodeId, after.homeOf(keyOf(number))!.nodeId];
        if (from === to) continue;
        expect(to).toBe(`node-${count}`);
        moved += 1;
      }
      expect(Math.abs(moved / (200_000 / (count + 1)) - 1)).toBeLessThan(0.05);
    }
  });

  it('gives the keys of a node that leaves to their successors, and moves no other', () => {
    fc.assert(
      fc.property(someMembers, someKeys, fc.nat(), (made, keys, pick) => {
        const members = membersOf(made);
        const left = members[pick % Math.max(1, members.length)]?.nodeId;
        const [before, after] = [
          ringWith(members),
          ringWith(members.filter(({ nodeId }) => nodeId !== left)),
        ];
        for (const key of keys) {
          const expected = idsOf(before, key, 12).filter((nodeId) => nodeId !== left);
          expect(idsOf(after, key, 12)).toEqual(expected);
        }
      }),
    );
  });

  it('moves keys only to a node whose weight grows', () => {
    const grown = nodes(10).map((each, number) => (number === 3 ? { ...each, weight: 2 } : each));
    const [before, after] = [ringWith(nodes(10)), ringWith(grown)];
    let moved = 0;
    for (let number = 0; number < 100_000; number += 1) {
      const [from, to] = [before.homeOf(keyOf(number))!.nodeId, after.homeOf(keyOf(number))!.nodeId];
      if (from === to) continue;
      expect(to).toBe('node-3');
      moved += 1;
    }
    // From 1 of 10 to 2 of 11.
    expect(moved / 100_000).toBeCloseTo(2 / 11 - 1 / 10, 2);
  });

  it('does not depend on the order of members, on addresses or on incarnations', () => {
    fc.assert(
      fc.property(someMembers, someKeys, (made, keys) => {
        const members = membersOf(made);
        const others = members
          .map((each) => ({ ...each, address: 'elsewhere:1', incarnation: 'another' }))
          .reverse();
        for (const key of keys) {
          expect(idsOf(ringWith(others), key, 5)).toEqual(idsOf(ringWith(members), key, 5));
        }
      }),
    );
  });

  it('names every active member once, in an order of which each shorter answer is the beginning', () => {
    fc.assert(
      fc.property(someMembers, someKeys, (made, keys) => {
        const members = membersOf(made);
        const active = members.filter(({ state }) => state === 'active').map(({ nodeId }) => nodeId);
        const ring = ringWith(members);
        for (const key of keys) {
          const all = idsOf(ring, key, 99);
          expect(all.toSorted()).toEqual(active.toSorted());
          for (const count of [0, 1, 2, 3]) expect(idsOf(ring, key, count)).toEqual(all.slice(0, count));
          expect(ring.homeOf(key)?.nodeId).toBe(all[0]);
          expect(ring.homeOf(key)?.nodeId).toBe(all[0]);
        }
      }),
    );
  });

  it('spreads what one node would own over all the others when it is gone', () => {
    const ring = ringWith(nodes(11));
    const counts = new Map<string, number>();
    for (let number = 0; number < 200_000; number += 1) {
      const [home, next] = idsOf(ring, keyOf(number), 2);
      if (home === 'node-0') counts.set(next!, (counts.get(next!) ?? 0) + 1);
    }
    expect(counts.size).toBe(10);
    const mean = [...counts.values()].reduce((sum, count) => sum + count, 0) / 10;
    for (const count of counts.values()) expect(Math.abs(count / mean - 1)).toBeLessThan(0.15);
  });

  it('places the first segment with the info of its object, and spreads the others', () => {
    const ring = ringWith(nodes(10));
    expect(segmentKeyOf(keyOf(1), 0)).toBe(keyOf(1));
    const owners = Array.from({ length: 1000 }, (_, segment) => ring.homeOf(segmentKeyOf(keyOf(1), segment)));
    for (const each of nodes(10)) {
      const share = owners.filter((owner) => owner?.nodeId === each.nodeId).length;
      expect(Math.abs(share - 100)).toBeLessThan(50);
    }
  });

  it('places keys alike in every process and in every release', () => {
    const members = [member('a', 1), member('b', 2), member('c', 3), member('d', 4, 'draining')];
    const homes = Array.from({ length: 16 }, (_, number) => ringWith(members).homeOf(keyOf(number))!.nodeId);
    expect(homes.join('')).toBe('cbaacbbbccabcbcc');
    expect(idsOf(ringWith(nodes(5)), keyOf(7), 5)).toEqual([
      'node-3',
      'node-2',
      'node-1',
      'node-0',
      'node-4',
    ]);
  });
});
