import fc from 'fast-check';
import { expect, it } from 'vitest';
import { epochOf, wireEpochOf } from './epoch-change.ts';
import type { Epoch, RingMember } from './membership.ts';

const memberOf = fc.record({
  nodeId: fc.integer({ min: 0, max: 12 }).map((number) => `node-${number}`),
  address: fc.constantFrom('a:1', 'b:1'),
  weight: fc.constantFrom(1, 2),
  incarnation: fc.constantFrom('x', 'y'),
  state: fc.constantFrom<RingMember['state']>('active', 'draining'),
});

const membersOf = fc
  .uniqueArray(memberOf, { selector: ({ nodeId }) => nodeId })
  .map((members) => members.toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1)));

const epochFrom = (number: number, members: readonly RingMember[], registry = 'r'): Epoch => ({
  ...{ number, registry, ring: 'rendezvous-1', segmentBytes: number * 1024, members },
});

it('an epoch told as a change of any other one is the same epoch', () => {
  fc.assert(
    fc.property(membersOf, membersOf, (before, now) => {
      const known = epochFrom(3, before);
      const epoch = epochFrom(7, now);
      const wire = wireEpochOf(epoch, known);
      expect(epochOf(JSON.parse(JSON.stringify(wire)), known)).toEqual(epoch);
    }),
  );
});

it('only the members that came, went or changed are told', () => {
  const member = (nodeId: string, incarnation = 'x'): RingMember => ({
    ...{ nodeId, address: `${nodeId}:1`, weight: 1, incarnation, state: 'active' },
  });
  const known = epochFrom(1, [member('a'), member('b'), member('c')]);
  const epoch = epochFrom(2, [member('a'), member('c', 'again'), member('d')]);
  expect(wireEpochOf(epoch, known)).toMatchObject({
    ...{ after: 1, gone: ['b'], changed: [{ nodeId: 'c' }, { nodeId: 'd' }] },
  });
  expect(wireEpochOf(epoch, epoch)).toBe('yours');
});

it('an epoch of another registry is told whole, and no change is applied to the wrong one', () => {
  const known = epochFrom(1, []);
  const elsewhere = epochFrom(2, [], 'another');
  expect(wireEpochOf(elsewhere, known)).toBe(elsewhere);
  expect(wireEpochOf(elsewhere, undefined)).toBe(elsewhere);
  const change = wireEpochOf(epochFrom(2, []), known);
  expect(() => epochOf(change, epochFrom(5, []))).toThrow('not known here');
  expect(() => epochOf(change, undefined)).toThrow('not known here');
  expect(() => epochOf('yours', undefined)).toThrow('not known here');
});
