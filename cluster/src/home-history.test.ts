import type { Epoch, RingMember } from '@forebay/core/membership';
import { ringAlgorithm, ringOf } from '@forebay/core/ring';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HomeHistory } from './home-history.ts';

const isThis = (member: RingMember | undefined) => member?.nodeId === 'n0' && member.incarnation === 'i';

const memberOf = (nodeId: string, more: Partial<RingMember> = {}): RingMember => ({
  ...{ nodeId, address: 'a:1', weight: 1, incarnation: 'i', state: 'active' },
  ...more,
});

const epochOf = (number: number, members: readonly RingMember[]): Epoch => ({
  ...{ number, registry: 'r', ring: ringAlgorithm, segmentBytes: 1024, members },
});

/** Seven nodes that come and go, this one nearly always there, sometimes draining or another process. */
const anyMembers = (weight: fc.Arbitrary<number>) =>
  fc.tuple(
    fc.constantFrom<Partial<RingMember>>({}, {}, {}, {}, { state: 'draining' }, { incarnation: 'before' }),
    fc.array(fc.record({ at: fc.integer({ min: 1, max: 6 }), weight }), { maxLength: 6 }),
  );

const keys = Array.from({ length: 40 }, (_, at) => `key ${at}`);

function epochsFrom(
  all: readonly (readonly [Partial<RingMember>, readonly { at: number; weight: number }[]])[],
) {
  return all.map(([own, others], index) => {
    const byId = new Map(others.map(({ at, weight }) => [`n${at}`, memberOf(`n${at}`, { weight })]));
    return epochOf(5 + index, [memberOf('n0', own), ...byId.values()]);
  });
}

/** Asked again and again on the way about what it is asked at the end. */
function historyOf(epochs: readonly Epoch[], first: number): HomeHistory {
  const history = new HomeHistory(isThis);
  for (const [index, epoch] of epochs.entries()) {
    history.take(epoch, index > 0);
    history.wasHomeSince('key', first);
  }
  return history;
}

const wasHome = (epochs: readonly Epoch[], key: string, first: number) =>
  epochs.filter(({ number }) => number >= first).every((epoch) => isThis(ringOf(epoch).homeOf(key)));

it('a process was the home of a key since an epoch where each ring since then says so', () => {
  const members = fc.array(anyMembers(fc.constant(1)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(members, fc.nat(7), (all, back) => {
      const epochs = epochsFrom(all);
      const first = 5 + Math.min(back, epochs.length - 1);
      const history = historyOf(epochs, first);
      for (const key of keys) expect(history.wasHomeSince(key, first)).toBe(wasHome(epochs, key, first));
    }),
  );
});

it('never says so where one of the rings does not, whatever the weights', () => {
  const members = fc.array(anyMembers(fc.integer({ min: 1, max: 4 })), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(members, fc.nat(7), (all, back) => {
      const epochs = epochsFrom(all);
      const first = 5 + Math.min(back, epochs.length - 1);
      const history = historyOf(epochs, first);
      for (const key of keys) {
        if (history.wasHomeSince(key, first)) expect(wasHome(epochs, key, first)).toBe(true);
      }
    }),
  );
});

it('of epochs that are not at hand, none is known to have had this home', () => {
  const epochs = [5, 6].map((number) => epochOf(number, [memberOf('n0')]));
  const history = historyOf(epochs, 5);
  expect([4, 5, 6, 7].map((first) => history.wasHomeSince('key', first))).toEqual([false, true, true, false]);
  history.take(epochOf(9, [memberOf('n0')]), false);
  expect([6, 9].map((first) => history.wasHomeSince('key', first))).toEqual([false, true]);
  expect(new HomeHistory(isThis).wasHomeSince('key', 0)).toBe(false);
});
