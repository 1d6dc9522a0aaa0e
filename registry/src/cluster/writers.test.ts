/** Gateways that write: epochs wait for their word, and one that gives none is told to everybody. */
import { registryLeaseMs, unsettledMs, type WriterRenewal } from '@forebay/core/membership';
import { beforeEach, describe, expect, it } from 'vitest';
import type { DurableMembership } from './durable-membership.ts';
import { MembershipMachine } from './membership-machine.ts';

let nowMs: number;
let machine: MembershipMachine;
let made = 0;

function start(durable?: DurableMembership): void {
  const makeId = () => {
    made += 1;
    return `id-${made}`;
  };
  machine = new MembershipMachine({ durable, segmentBytes: 64, nowMs, makeId });
}

let grant: string | undefined;
/** The one node renews its lease, by the newest epoch. */
function node(weight = 1): void {
  for (let times = 0; times < 3; times += 1) {
    const { number = 0, registry } = machine.membership()?.epoch ?? {};
    const answer = machine.renew(
      {
        ...{ nodeId: 'n', incarnation: 'i', address: 'n:1', adminAddress: 'n:2', weight, holdsLock: true },
        ...{ wish: 'active', epoch: number, registry, lastGrant: grant },
      },
      nowMs,
    );
    if (answer.granted) grant = answer.grant;
  }
}

function write(writerId: string, more: Partial<WriterRenewal> = {}): boolean {
  const { number = 0, registry } = machine.membership()?.epoch ?? {};
  return machine.renewWriter({ writerId, epoch: number, registry, wish: 'active', ...more }, nowMs);
}

const now = () => ({ settled: machine.membership()?.settled, lost: machine.membership()?.lost });

beforeEach(() => {
  [nowMs, grant] = [1000, undefined];
  start();
  nowMs += registryLeaseMs;
  node();
});

describe('a gateway', () => {
  it('has its word on a new epoch awaited, which it gives by renewing its lease', () => {
    expect([write('g'), write('h')]).toEqual([true, true]);
    const before = machine.membership()!.epoch;
    node(2);
    expect(machine.membership()!.epoch.number).toBe(before.number + 1);
    expect(write('g', { epoch: before.number })).toBe(false);
    expect(write('g')).toBe(true);
    expect(now()).toEqual({ settled: false, lost: undefined });
    expect(write('h')).toBe(true);
    expect(now()).toEqual({ settled: true, lost: undefined });
  });

  it('that is silent is lost, and the nodes are told for as long as its writes may be under way', () => {
    write('g');
    const { number } = machine.membership()!.epoch;
    node(2);
    nowMs += registryLeaseMs - 1;
    node(2);
    expect(now().settled).toBe(false);
    nowMs += 1;
    machine.tick(nowMs);
    expect(now()).toEqual({ settled: true, lost: { first: number, last: number, count: 1 } });
    nowMs += unsettledMs - 1;
    machine.tick(nowMs);
    expect(now().lost).toMatchObject({ count: 1 });
    nowMs += 1;
    machine.tick(nowMs);
    expect(now().lost).toBeUndefined();
  });

  it('that comes back has fenced again what it writes, and is lost no longer', () => {
    write('g');
    nowMs += registryLeaseMs;
    machine.tick(nowMs);
    expect(now().lost).toMatchObject({ count: 1 });
    node();
    expect(write('g', { epoch: 1 })).toBe(false);
    expect(now().lost).toMatchObject({ count: 1 });
    expect(write('g')).toBe(true);
    expect(now().lost).toBeUndefined();
  });

  it('that leaves is not waited for, and nothing of it is in doubt', () => {
    write('g');
    node(2);
    expect(now().settled).toBe(false);
    expect(write('g', { wish: 'leaving' })).toBe(false);
    nowMs += registryLeaseMs;
    machine.tick(nowMs);
    expect(now()).toEqual({ settled: true, lost: undefined });
  });

  it('is known to a later process of the registry, which gives it the time of a lease', () => {
    write('g');
    node(2);
    start(machine.durable());
    nowMs += registryLeaseMs - 1;
    node(2);
    expect(now()).toEqual({ settled: false, lost: undefined });
    nowMs += 1;
    node(2);
    expect(now()).toMatchObject({ settled: true, lost: { count: 1 } });
    start(machine.durable());
    expect(now().lost).toMatchObject({ count: 1 });
  });

  it('that a registry without its state has not heard of is in doubt, and one that it hears of is awaited', () => {
    const { number, registry } = machine.membership()!.epoch;
    start();
    expect(write('g', { epoch: number, registry })).toBe(false);
    nowMs += registryLeaseMs - 1;
    write('g', { epoch: number, registry });
    nowMs += 1;
    node();
    expect(now()).toEqual({ settled: false, lost: { first: 0, last: 0, count: 1 } });
    for (let times = 0; times < 3; times += 1) {
      write('g');
      node();
    }
    expect(now()).toEqual({ settled: true, lost: { first: 0, last: 0, count: 1 } });
  });
});
