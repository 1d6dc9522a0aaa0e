import type { Clock } from '@forebay/core/clock';
import type { Epoch, Membership, RenewalAnswer, RingMember } from '@forebay/core/membership';
import { ringAlgorithm, ringOf } from '@forebay/core/ring';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { NodeLease, type SentRenewal } from './node-lease.ts';

class TestClock implements Clock {
  nowMs = 1_000_000;
  wallOffsetMs = 1_700_000_000_000;
  wallMs(): number {
    return this.nowMs + this.wallOffsetMs;
  }
  monotonicMs(): number {
    return this.nowMs;
  }
}

const member = {
  nodeId: 'n1',
  incarnation: 'i1',
  address: '10.0.0.1:9100',
  adminAddress: '10.0.0.1:9101',
  weight: 10,
  holdsLock: true,
};

function memberOf(nodeId: string): RingMember {
  const incarnation = nodeId === member.nodeId ? member.incarnation : nodeId;
  return { nodeId, address: `${nodeId}:9100`, weight: 10, incarnation, state: 'active' };
}

function epochOf(number: number, nodeIds: readonly string[], registry = 'r1', ring = ringAlgorithm): Epoch {
  return { number, registry, ring, segmentBytes: 1024, members: nodeIds.map(memberOf) };
}

const keys = Array.from({ length: 200 }, (_, index) => `s3:store/lake\0key ${index}`);

/** A key that is n1's by all of these epochs, or by none but the last. */
function keyOf(how: 'kept' | 'gained' | 'lost', before: Epoch, after: Epoch): string {
  const isOurs = (epoch: Epoch, key: string) => ringOf(epoch).homeOf(key)?.nodeId === 'n1';
  const wanted = { kept: [true, true], gained: [false, true], lost: [true, false] }[how];
  const found = keys.find((key) => isOurs(before, key) === wanted[0] && isOurs(after, key) === wanted[1]);
  if (found === undefined) throw new Error(`no key is ${how}`);
  return found;
}

let clock: TestClock;
let lapses: string[];
let lease: NodeLease;
let grants = 0;

beforeEach(() => {
  clock = new TestClock();
  lapses = [];
  lease = new NodeLease({ member, clock, onLapse: (reason) => lapses.push(reason) });
});

function granted(epoch: Epoch, settled = true): RenewalAnswer {
  grants += 1;
  return { granted: true, grant: `grant ${grants}`, membership: { epoch, settled } };
}

function renew(epoch: Epoch, settled = true, answerAfterMs = 0): void {
  const sent = lease.send();
  clock.nowMs += answerAfterMs;
  lease.answered(sent, granted(epoch, settled));
}

const lostAt = (epoch: number) => ({ first: epoch, last: epoch, count: 1 });

const alone = epochOf(1, ['n1']);
const both = epochOf(2, ['n1', 'n2']);
const three = epochOf(3, ['n1', 'n2', 'n3']);

describe('a gateway that was lost', () => {
  it('leaves in doubt the keys that it may have fenced elsewhere, until an answer says otherwise', () => {
    renew(both);
    renew(three);
    const [kept, gained] = [keyOf('kept', both, three), keyOf('gained', epochOf(9, ['n2']), both)];
    expect([kept, gained].map((key) => lease.isDoubtful(key))).toEqual([false, false]);
    lease.take({ epoch: three, settled: true, lost: lostAt(2) });
    expect(lease.isDoubtful(kept)).toBe(false);
    lease.take({ epoch: three, settled: true, lost: lostAt(1) });
    expect(lease.isDoubtful(kept)).toBe(true);
    const before = { ...lease.send(), monotonicMs: clock.nowMs - 1 };
    lease.answered(before, granted(three));
    expect(lease.isDoubtful(kept)).toBe(true);
    clock.nowMs += 1;
    renew(three);
    expect(lease.isDoubtful(kept)).toBe(false);
  });

  it('leaves in doubt what the node has gained since it gave its last word', () => {
    renew(three);
    const four = epochOf(4, ['n1', 'n3']);
    renew(four);
    const [kept, gained] = [keyOf('kept', three, four), keyOf('gained', three, four)];
    lease.take({ epoch: four, settled: true, lost: lostAt(3) });
    expect([kept, gained].map((key) => lease.isDoubtful(key))).toEqual([false, true]);
  });

  it('leaves in doubt what an earlier process of the node was the home of', () => {
    const earlier = { ...both, members: both.members.map((each) => ({ ...each, incarnation: 'i0' })) };
    renew(earlier);
    const key = keyOf('kept', both, epochOf(3, ['n1', 'n2']));
    expect([lease.isMember, lease.isHome(key)]).toEqual([false, false]);
    renew(epochOf(3, ['n1', 'n2']));
    expect([lease.isMember, lease.isHome(key), lease.isDoubtful(key)]).toEqual([true, true, false]);
    lease.take({ epoch: epochOf(3, ['n1', 'n2']), settled: true, lost: lostAt(2) });
    expect(lease.isDoubtful(key)).toBe(true);
  });
});

describe('a lease', () => {
  it('counts ten seconds from when its renewal was sent', () => {
    expect(lease.isHome(keys[0]!)).toBe(false);
    renew(alone, true, 2_000);
    clock.nowMs += 7_999;
    expect([lease.isHome(keys[0]!), lease.isSettled(), lapses]).toEqual([true, true, []]);
    clock.nowMs += 1;
    expect([lease.isHome(keys[0]!), lease.isSettled(), lapses.length]).toEqual([false, false, 1]);
    expect(lease.reason).toContain('there is no lease');
  });

  it('of an answer that comes too late is none', () => {
    renew(alone, true, 10_000);
    expect(lease.isHome(keys[0]!)).toBe(false);
  });

  it('that lapsed and that nobody asked about in between is told of before the next one holds', () => {
    renew(alone);
    clock.nowMs += 10_000;
    renew(alone);
    expect(lapses).toHaveLength(1);
    expect(lease.isHome(keys[0]!)).toBe(true);
  });

  it.each([
    ['the machine slept', 1_500],
    ['the time was set back', -1_500],
  ])('lapses where the clocks disagree (%s), and does not come back when they agree again', (_, jumpMs) => {
    renew(alone);
    clock.wallOffsetMs += jumpMs;
    expect(lease.isHome(keys[0]!)).toBe(false);
    clock.wallOffsetMs -= jumpMs;
    expect(lease.isHome(keys[0]!)).toBe(false);
    expect(lapses).toHaveLength(1);
    clock.wallOffsetMs += 900;
    renew(alone);
    expect(lease.isHome(keys[0]!)).toBe(true);
  });

  it('is echoed with the newest epoch by the next renewal, and given up by who leaves', () => {
    expect(lease.send().request).toMatchObject({ epoch: 0, registry: undefined, lastGrant: undefined });
    renew(alone);
    const { request } = lease.send();
    expect(request).toMatchObject({ ...member, epoch: 1, registry: 'r1', lastGrant: `grant ${grants}` });
    lease.wish = 'leaving';
    expect([lease.isHome(keys[0]!), lapses.length]).toEqual([false, 1]);
    renew(alone);
    expect(lease.isHome(keys[0]!)).toBe(false);
  });
});

describe('a new epoch', () => {
  it('takes away at once what was lost, leaves what stays, and gives what was gained when it is settled', () => {
    renew(both);
    const next = epochOf(3, ['n1', 'n3']);
    expect(lease.take({ epoch: next, settled: false })).toBe(true);
    expect(lease.isHome(keyOf('lost', both, next))).toBe(false);
    expect(lease.isHome(keyOf('kept', both, next))).toBe(true);
    expect(lease.isHome(keyOf('gained', both, next))).toBe(false);
    expect([lease.stamp, lease.isSettled()]).toEqual([3, false]);
    expect(lease.take({ epoch: next, settled: true })).toBe(false);
    expect(lease.isHome(keyOf('gained', both, next))).toBe(true);
    expect(lease.isSettled()).toBe(true);
  });

  it('that is not settled leaves nothing to who had a lapse, or missed the epoch before', () => {
    const kept = keyOf('kept', alone, three);
    renew(both);
    lease.take({ epoch: three, settled: false });
    clock.nowMs += 10_000;
    renew(three, false);
    expect(lease.isHome(kept)).toBe(false);
    lease = new NodeLease({ member, clock, onLapse: () => {} });
    renew(alone);
    lease.take({ epoch: three, settled: false });
    expect(lease.isHome(kept)).toBe(false);
    lease.take({ epoch: three, settled: true });
    expect(lease.isHome(kept)).toBe(true);
  });

  it('is refused where it is older, another of the same number, or placed by an unknown rule', () => {
    renew(both);
    const refused = [alone, epochOf(2, ['n2'], 'r2'), epochOf(3, ['n2'], 'r1', 'other-1')];
    for (const epoch of refused) expect(lease.take({ epoch, settled: true })).toBe(false);
    expect([lease.stamp, lease.isHome(keyOf('kept', alone, both))]).toEqual([2, true]);
  });

  it('of a registry that lost its state ends the lease', () => {
    renew(both);
    lease.take({ epoch: epochOf(3, ['n1', 'n2'], 'r2'), settled: true });
    expect([lease.isHome(keyOf('kept', alone, both)), lapses.length]).toEqual([false, 1]);
  });
});

describe('a tenure', () => {
  it('is unbroken while the node was the home in every epoch since, as far as it knows', () => {
    renew(both);
    const kept = keyOf('kept', both, three);
    lease.take({ epoch: three, settled: true });
    expect([1, 2, 3, 4].map((stamp) => lease.isUnbroken(kept, stamp))).toEqual([false, true, true, false]);
    lease.take({ epoch: epochOf(4, ['n2']), settled: true });
    lease.take({ epoch: epochOf(5, ['n1']), settled: true });
    expect([2, 3, 4, 5].map((stamp) => lease.isUnbroken(kept, stamp))).toEqual([false, false, false, true]);
    for (let number = 6; number < 40; number += 1) {
      lease.take({ epoch: epochOf(number, ['n1']), settled: true });
    }
    expect([5, 39].map((stamp) => lease.isUnbroken(kept, stamp))).toEqual([false, true]);
  });
});

/** One lease through random steps, beside what may be said of it. */
class Walk {
  readonly clock = new TestClock();
  readonly sent: SentRenewal[] = [];
  told = 0;
  readonly lease = new NodeLease({ member, clock: this.clock, onLapse: () => (this.told += 1) });
  newest = 0;
  latest: SentRenewal | undefined;
  /** Since the node was a home last: whether there was a time without a lease, and how often it was told. */
  wasHome: { told: number; gap: boolean } | undefined;

  send(): void {
    this.clock.nowMs += 1;
    this.sent.push(this.lease.send());
  }

  answer(membership: Membership): void {
    const sent = this.sent.shift();
    if (!sent) return;
    this.learn(membership);
    this.lease.answered(sent, { granted: true, grant: 'g', membership });
    if (!this.latest || sent.monotonicMs >= this.latest.monotonicMs) this.latest = sent;
  }

  learn(membership: Membership): void {
    this.newest = Math.max(this.newest, membership.epoch.number);
  }

  check(): void {
    expect(this.lease.stamp).toBe(this.newest);
    const { clock, latest } = this;
    const elapsedMs = latest ? clock.nowMs - latest.monotonicMs : Number.POSITIVE_INFINITY;
    if (elapsedMs >= 10_000 && this.wasHome) this.wasHome.gap = true;
    const home = keys.slice(0, 20).filter((key) => this.lease.isHome(key));
    if (home.length === 0) return;
    expect(elapsedMs).toBeLessThan(10_000);
    expect(Math.abs(clock.wallMs() - latest!.wallMs - elapsedMs)).toBeLessThanOrEqual(1_000);
    const ring = rings.find(({ epoch }) => epoch.number === this.newest)!;
    for (const key of home) expect(ring.homeOf(key)?.nodeId).toBe('n1');
    if (this.wasHome?.gap) expect(this.told).toBeGreaterThan(this.wasHome.told);
    this.wasHome = { told: this.told, gap: false };
  }
}

const epochs = [both, three, epochOf(4, ['n2', 'n3']), epochOf(5, ['n1', 'n2']), epochOf(6, ['n1'])];
const rings = epochs.map(ringOf);

it('is never a home without a lease, by an older ring, or after a lapse that was not told', () => {
  const learnt = { at: fc.nat({ max: 4 }), settled: fc.boolean() };
  const step = fc.oneof(
    fc.record({ do: fc.constant('pass' as const), ms: fc.nat({ max: 12_000 }) }),
    fc.record({ do: fc.constant('set' as const), ms: fc.integer({ min: -1_500, max: 1_500 }) }),
    fc.record({ do: fc.constant('send' as const) }),
    fc.record({ do: fc.constant('answer' as const), ...learnt }),
    fc.record({ do: fc.constant('view' as const), ...learnt }),
  );
  let homes = 0;
  const walk = (steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[]) => {
    const walked = new Walk();
    for (const each of steps) {
      if (each.do === 'pass') walked.clock.nowMs += each.ms;
      else if (each.do === 'set') walked.clock.wallOffsetMs += each.ms;
      else if (each.do === 'send') walked.send();
      else {
        const membership = { epoch: epochs[each.at]!, settled: each.settled };
        if (each.do === 'answer') walked.answer(membership);
        else {
          walked.learn(membership);
          walked.lease.take(membership);
        }
      }
      walked.check();
      if (walked.wasHome) homes += 1;
    }
  };
  fc.assert(fc.property(fc.array(step, { maxLength: 60, size: 'max' }), walk), { numRuns: 200 });
  expect(homes).toBeGreaterThan(100);
});
