import { type RenewalRequest, registryLeaseMs } from '@forebay/core/membership';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Random } from '../../../test/support/random.ts';
import { ClusterWorld, calm, type Weather, worldKeys } from '../testing/cluster-world.ts';
import type { DurableMembership } from './durable-membership.ts';
import { MembershipMachine } from './membership-machine.ts';

const stormy: Weather = {
  ...{ loss: 0.1, delay: 0.1, repeat: 0.1 },
  ...{ nodeRestart: 0.003, registryRestart: 0.002, stateLoss: 0.3 },
};

describe('a cluster in a storm', () => {
  it('never has two homes of a key, and its numbers only grow', () => {
    let homes = 0;
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const world = new ClusterWorld({ nodes: 4, random: new Random(seed), weather: stormy });
        const numbers = new Map<string, number>();
        for (let step = 0; step < 1500; step += 1) {
          world.step();
          for (const key of worldKeys) {
            const found = world.homesOf(key);
            homes += found.length;
            if (found.length > 1) throw new Error(`at ${world.nowMs} ms ${key} is at ${found.join(', ')}`);
          }
          for (const { nodeId, incarnation, membership } of world.nodes) {
            const number = membership?.epoch.number ?? 0;
            const process = `${nodeId} ${incarnation}`;
            if (number < (numbers.get(process) ?? 0)) throw new Error(`${process} went back to ${number}`);
            numbers.set(process, number);
          }
        }
      }),
      { numRuns: 150 },
    );
    // The storm leaves much of the time to homes: a world without any would pass as well.
    expect(homes / (150 * 1500 * worldKeys.length)).toBeGreaterThan(0.2);
  });

  it('has one home of each key again soon after it is over', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const world = new ClusterWorld({ nodes: 4, random: new Random(seed), weather: stormy });
        for (let step = 0; step < 600; step += 1) world.step();
        world.weather = calm;
        for (const node of world.nodes) node.wish = 'active';
        for (let step = 0; step < 900; step += 1) world.step();
        expect(world.machine?.membership()).toMatchObject({ settled: true });
        expect(world.machine?.membership()?.epoch.members.map(({ nodeId }) => nodeId)).toEqual(
          world.nodes.map(({ nodeId }) => nodeId),
        );
        for (const key of worldKeys) expect(world.homesOf(key)).toHaveLength(1);
      }),
      { numRuns: 100 },
    );
  });
});

let nowMs: number;
let machine: MembershipMachine;
let made: number;

function start(durable?: DurableMembership): void {
  const makeId = () => {
    made += 1;
    return `id-${made}`;
  };
  machine = new MembershipMachine({ durable, segmentBytes: 64, nowMs, makeId });
}

/** A node that does what it is told, one renewal after the other. */
class Node {
  readonly nodeId: string;
  incarnation = 'i1';
  holdsLock = true;
  #last: Partial<RenewalRequest> = {};
  constructor(nodeId: string) {
    this.nodeId = nodeId;
  }
  renew(more: Partial<RenewalRequest> = {}) {
    const { nodeId, incarnation, holdsLock } = this;
    const answer = machine.renew(
      {
        ...{ nodeId, incarnation, holdsLock, address: `${nodeId}:1`, adminAddress: `${nodeId}:2`, weight: 1 },
        ...{ wish: 'active', epoch: 0, registry: undefined, lastGrant: undefined, ...this.#last, ...more },
      },
      nowMs,
    );
    const epoch = answer.membership?.epoch;
    if (epoch) this.#last = { ...this.#last, epoch: epoch.number, registry: epoch.registry };
    if (answer.granted) this.#last = { ...this.#last, lastGrant: answer.grant };
    return answer;
  }
  restart(): void {
    this.incarnation += 'x';
    this.#last = {};
  }
  /** Until it is a member. */
  join(): void {
    for (let times = 0; times < 4; times += 1) this.renew();
  }
}

const membersNow = () => machine.membership()?.epoch.members.map(({ nodeId, state }) => `${nodeId} ${state}`);
const settledNow = () => machine.membership()?.settled;
const numberNow = () => machine.membership()?.epoch.number;

describe('the membership machine', () => {
  let [a, b] = [new Node('a'), new Node('b')];
  beforeEach(() => {
    [nowMs, made, a, b] = [1000, 0, new Node('a'), new Node('b')];
    start();
    nowMs += registryLeaseMs;
    machine.tick(nowMs);
  });

  it('grants nothing for a lease where it has no state, and then numbers above what it was told', () => {
    start();
    expect(a.renew({ epoch: 41, registry: 'lost' })).toEqual({
      ...{ granted: false, reason: 'starting', membership: undefined },
    });
    nowMs += registryLeaseMs;
    machine.tick(nowMs);
    expect(machine.membership()).toMatchObject({ epoch: { number: 42, members: [] }, settled: true });
  });

  it('makes a node a member once an answer has reached it', () => {
    expect(a.renew()).toMatchObject({ granted: false, reason: 'old-epoch' });
    expect(a.renew()).toMatchObject({ granted: true });
    expect(membersNow()).toEqual([]);
    expect(a.renew()).toMatchObject({ granted: true });
    expect(membersNow()).toEqual(['a active']);
    expect(settledNow()).toBe(true);
  });

  it('settles an epoch when all members of the one before have acknowledged it', () => {
    a.join();
    b.join();
    expect(membersNow()).toEqual(['a active', 'b active']);
    expect(settledNow()).toBe(false);
    expect(a.renew()).toMatchObject({ granted: false, reason: 'old-epoch' });
    expect(a.renew()).toMatchObject({ granted: true, membership: { settled: true } });
  });

  it('settles an epoch when the lease of who is silent has run out, and gathers changes until then', () => {
    a.join();
    b.join();
    const number = numberNow()!;
    new Node('c').join();
    new Node('d').join();
    expect(numberNow()).toBe(number);
    nowMs += registryLeaseMs - 1;
    b.renew();
    expect(settledNow()).toBe(false);
    nowMs += 1;
    machine.tick(nowMs);
    // The other two have run out as well by now.
    expect(membersNow()).toEqual(['b active']);
    expect(numberNow()).toBe(number + 1);
  });

  it('leaves out a node whose answers do not arrive', () => {
    a.join();
    b.join();
    a.renew();
    const granted = a.renew();
    expect(granted).toMatchObject({ granted: true, membership: { settled: true } });
    for (let elapsedMs = 0; elapsedMs < 26_000; elapsedMs += 2000) {
      b.renew();
      // It is always the same grant that it echoes.
      a.renew({ lastGrant: granted.granted ? granted.grant : undefined });
      nowMs += 2000;
    }
    expect(membersNow()).toEqual(['b active']);
  });

  it('lets a new process wait out the lease of the old one, unless it holds the lock', () => {
    a.join();
    a.restart();
    a.holdsLock = false;
    a.renew();
    expect(a.renew()).toMatchObject({ granted: false, reason: 'old-incarnation' });
    nowMs += registryLeaseMs;
    a.join();
    expect(membersNow()).toEqual(['a active']);
    a.restart();
    a.holdsLock = true;
    const number = numberNow()!;
    a.join();
    // One change, and never an epoch without it.
    expect(numberNow()).toBe(number + 1);
    expect(machine.membership()?.epoch.members[0]?.incarnation).toBe('i1xx');
  });

  it('takes a node that leaves out of the next epoch at once', () => {
    a.join();
    b.join();
    a.join();
    a.renew({ wish: 'leaving' });
    expect(membersNow()).toEqual(['b active']);
    expect(settledNow()).toBe(false);
    b.renew();
    b.renew();
    expect(settledNow()).toBe(true);
  });

  it('drains by order until the node is started anew, or the order is taken back', () => {
    a.join();
    expect(machine.drain('nobody', 'draining', nowMs)).toBe(false);
    expect(machine.drain('a', 'draining', nowMs)).toBe(true);
    expect(membersNow()).toEqual(['a draining']);
    a.join();
    machine.drain('a', 'active', nowMs);
    expect(membersNow()).toEqual(['a active']);
    a.join();
    machine.drain('a', 'draining', nowMs);
    a.restart();
    a.join();
    expect(membersNow()).toEqual(['a active']);
  });

  it('goes on granting after a restart with its state, and forms no epoch for one lease', () => {
    a.join();
    a.renew();
    const number = numberNow()!;
    start(machine.durable());
    expect(a.renew()).toMatchObject({ granted: true, membership: { epoch: { number }, settled: true } });
    b.join();
    expect(numberNow()).toBe(number);
    nowMs += registryLeaseMs - 1;
    a.renew();
    b.join();
    expect(numberNow()).toBe(number);
    nowMs += 1;
    machine.tick(nowMs);
    expect(membersNow()).toEqual(['a active', 'b active']);
  });

  it('does not know an epoch for settled after a restart before its members have acknowledged it', () => {
    a.join();
    b.join();
    start(machine.durable());
    expect(settledNow()).toBe(false);
    b.renew();
    expect(settledNow()).toBe(false);
    a.renew();
    a.renew();
    expect(settledNow()).toBe(true);
  });

  it('starts over where its state is older than what was told by it', () => {
    const old = machine.durable();
    a.join();
    const { number, registry } = machine.membership()!.epoch;
    start(old);
    expect(a.renew()).toMatchObject({ granted: false, reason: 'starting' });
    nowMs += registryLeaseMs;
    machine.tick(nowMs);
    expect(numberNow()).toBeGreaterThan(number);
    expect(machine.membership()?.epoch.registry).not.toBe(registry);
  });
});
