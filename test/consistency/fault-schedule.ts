/** Faults on the processes of a cluster, one after the other, as a seed has it. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Cluster } from '../support/cluster/cluster.ts';
import type { Member } from '../support/cluster/member.ts';
import type { Random } from '../support/random.ts';

export interface FaultScheduleOptions {
  readonly cluster: Cluster;
  readonly random: Random;
  /** Ends the schedule: what is under way is undone at once. */
  readonly signal: AbortSignal;
  readonly onFault: (what: string) => void;
  /** Nothing but this fault, and always for longer than a lease. */
  readonly only?: string | undefined;
}

interface Fault {
  readonly name: string;
  readonly share: number;
  run(): Promise<void>;
}

/** Shorter and longer than a lease. */
const shortMs = [500, 5_000] as const;
const longMs = [13_000, 24_000] as const;

export class FaultSchedule {
  readonly #of: FaultScheduleOptions;
  readonly #faults: readonly Fault[];

  constructor(options: FaultScheduleOptions) {
    this.#of = options;
    const { nodes, registries, gateways } = options.cluster;
    const own = (share: number, name: string, run: () => Promise<void>): Fault => ({ name, share, run });
    const all = [
      own(4, 'node killed', () => this.#killed(this.#one(nodes))),
      own(4, 'node paused', () => this.#paused(this.#one(nodes))),
      own(3, 'node cut from the registry', () => this.#cutFrom(this.#one(nodes), registries)),
      own(3, 'node cut from all', () => this.#isolated(this.#one(nodes))),
      own(2, 'gateway cut from a node', () => this.#cutFrom(this.#one(gateways), [this.#one(nodes)])),
      own(3, 'gateway and node cut from the rest', () =>
        this.#partedFromRest([this.#one(gateways), this.#one(nodes)]),
      ),
      own(1, 'gateway cut from all', () => this.#isolated(this.#one(gateways))),
      own(2, 'registry killed', () => this.#killed(this.#one(registries))),
      own(1, 'registry paused', () => this.#paused(this.#one(registries))),
      own(1, 'all registries killed', async () => {
        await Promise.all(registries.map((registry) => this.#killed(registry)));
      }),
      own(1, 'gateway killed', () => this.#killed(this.#one(gateways))),
      own(1, 'gateway paused', () => this.#paused(this.#one(gateways))),
    ];
    this.#faults = all.filter(({ name }) => options.only === undefined || options.only === name);
  }

  /** Until the signal. Two at a time: one may meet the other. */
  async run(): Promise<void> {
    await Promise.all(this.#of.only === undefined ? [this.#lane(), this.#lane()] : [this.#lane()]);
  }

  /** Undoes what may be left and waits for everybody. @throws Error where one does not come back */
  async settle(): Promise<void> {
    const { members } = this.#of.cluster;
    for (const member of members) {
      member.resume();
      member.start();
    }
    await Promise.all(members.map((member) => member.untilReady()));
  }

  async #lane(): Promise<void> {
    const { random, signal, onFault } = this.#of;
    const all = this.#faults.flatMap((fault) => Array<Fault>(fault.share).fill(fault));
    while (!signal.aborted) {
      await this.#wait(500 + random.int(3_000));
      if (signal.aborted) return;
      const fault = random.pick(all);
      onFault(fault.name);
      await fault.run();
    }
  }

  #one(members: readonly Member[]): Member {
    return this.#of.random.pick(members);
  }

  #someTime(): Promise<void> {
    const { random, only } = this.#of;
    const [least, most] = random.chance(only === undefined ? 0.65 : 0) ? shortMs : longMs;
    return this.#wait(least + random.int(most - least));
  }

  async #wait(ms: number): Promise<void> {
    await wait(ms, undefined, { signal: this.#of.signal }).catch(() => undefined);
  }

  async #killed(member: Member): Promise<void> {
    await member.kill9();
    await this.#someTime();
    member.start();
  }

  async #paused(member: Member): Promise<void> {
    member.pause();
    await this.#someTime();
    member.resume();
  }

  async #cutFrom(member: Member, others: readonly Member[]): Promise<void> {
    const { network } = this.#of.cluster;
    const undo = others.map((other) => network.cut(member.name, other.name));
    await this.#someTime();
    for (const heal of undo) heal();
  }

  /** They go on reaching each other: what an old home answers is heard. */
  async #partedFromRest(part: readonly Member[]): Promise<void> {
    const { network, members } = this.#of.cluster;
    const rest = members.filter((member) => !part.includes(member));
    const undo = part.flatMap((one) => rest.map((other) => network.cut(one.name, other.name)));
    await this.#someTime();
    for (const heal of undo) heal();
  }

  async #isolated(member: Member): Promise<void> {
    const heal = this.#of.cluster.isolate(member);
    await this.#someTime();
    heal();
  }
}
