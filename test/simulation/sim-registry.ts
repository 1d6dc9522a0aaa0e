/** The registry of a simulation: the real membership machine, with what it has stored, killed and started. */
import type { Membership, RenewalAnswer, RenewalRequest, WriterRenewal } from '@forebay/core/membership';
import type { DurableMembership } from '@forebay/registry/cluster/durable-membership';
import { MembershipMachine } from '@forebay/registry/cluster/membership-machine';
import type { SimProcess } from './sim-network.ts';

export const simSegmentBytes = 64;
const tickMs = 200;
const pollMs = 10_000;

/** What outlives the process. */
export interface RegistryDisk {
  durable: DurableMembership | undefined;
}

export interface RegistryOptions {
  readonly process: SimProcess;
  readonly disk: RegistryDisk;
  readonly makeId: () => string;
}

export class SimRegistry {
  readonly process: SimProcess;
  readonly #disk: RegistryDisk;
  readonly #machine: MembershipMachine;
  #storedVersion: number;
  #changed = Promise.withResolvers<void>();

  constructor({ process, disk, makeId }: RegistryOptions) {
    this.process = process;
    this.#disk = disk;
    const { durable } = disk;
    const nowMs = process.clock.monotonicMs();
    this.#machine = new MembershipMachine({ durable, segmentBytes: simSegmentBytes, nowMs, makeId });
    this.#storedVersion = this.#machine.durableVersion;
    this.#tick();
  }

  async renew(request: RenewalRequest): Promise<RenewalAnswer> {
    const answer = this.#machine.renew(request, this.process.clock.monotonicMs());
    this.#store();
    return answer;
  }

  async renewWriter(request: WriterRenewal): Promise<boolean> {
    const isGranted = this.#machine.renewWriter(request, this.process.clock.monotonicMs());
    this.#store();
    return isGranted;
  }

  async membership(): Promise<Membership | undefined> {
    return this.#machine.membership();
  }

  /** Waits for another one than the asker knows. */
  async poll(known: Membership | undefined): Promise<Membership | undefined> {
    const isKnown = () => {
      const now = this.#machine.membership();
      return now?.epoch === known?.epoch && now?.settled === known?.settled && now?.lost === known?.lost;
    };
    if (isKnown()) await Promise.race([this.#changed.promise, this.process.sleep(pollMs)]);
    return this.#machine.membership();
  }

  drain(nodeId: string, wish: 'active' | 'draining'): void {
    this.#machine.drain(nodeId, wish, this.process.clock.monotonicMs());
    this.#store();
  }

  #tick(): void {
    this.#machine.tick(this.process.clock.monotonicMs());
    this.#store();
    this.process.later(tickMs, () => this.#tick());
  }

  /** Before anything of it is told. */
  #store(): void {
    if (this.#storedVersion === this.#machine.durableVersion) return;
    this.#storedVersion = this.#machine.durableVersion;
    this.#disk.durable = this.#machine.durable() ?? this.#disk.durable;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
