/**
 * A whole cluster in one process: a registry, cache nodes and gateways with their real code, over a network
 * and a time of its own. Every choice comes from one seed.
 */
import { type Membership, renewalMs } from '@forebay/core/membership';
import type { Mount } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import { InfoStore, type InfoStoreOptions } from '../../cache-node/src/info-store/info-store.ts';
import { NodeLease, type NodeLeaseOptions } from '../../cluster/src/node-lease.ts';
import { late, within } from '../../cluster/src/routing/time.ts';
import { Random } from '../support/random.ts';
import { SimGateway } from './sim-gateway.ts';
import { type InfoDisk, infoOptionsOf } from './sim-info.ts';
import { SimNetwork, SimProcess } from './sim-network.ts';
import { SimNode, type SimNodeOptions } from './sim-node.ts';
import { type RegistryDisk, SimRegistry } from './sim-registry.ts';
import { SimTime } from './sim-time.ts';
import { SimUfs } from './sim-ufs.ts';

/** The parts that a test replaces by ones that break a rule. */
export interface Parts {
  readonly lease: (options: NodeLeaseOptions) => NodeLease;
  readonly info: (options: InfoStoreOptions) => InfoStore;
  readonly node: (options: SimNodeOptions) => SimNode;
}

export const realParts: Parts = {
  lease: (options) => new NodeLease(options),
  info: (options) => new InfoStore(options),
  node: (options) => new SimNode(options),
};

export const mountTtlMs = 20_000;
export const lake: Mount = {
  ...parseMount('/lake=s3://store?endpoint=http://127.0.0.1:1', { pageSizeBytes: 64, createdAtMs: 0 }),
  ttlMs: mountTtlMs,
};

export const nodeIds = ['n0', 'n1', 'n2'];
export const gatewayNames = ['g0', 'g1'];
export const registryName = 'registry';
export const ufsName = 'ufs';
/** Of the clocks of nodes: far more than real ones are off. */
export const clockErrorMax = 0.05;
const soonMs = 500;
const renewalTimeoutMs = 2_500;
const watchRetryMs = 500;

export class SimWorld {
  readonly time = new SimTime();
  readonly random: Random;
  readonly network: SimNetwork;
  readonly ufs: SimUfs;
  readonly nodes = new Map<string, SimNode>();
  readonly gateways = new Map<string, SimGateway>();
  registry: SimRegistry;
  readonly registryDisk: RegistryDisk = { durable: undefined };
  readonly #parts: Parts;
  readonly #infoDisks = new Map<string, InfoDisk>();
  #ids = 0;

  constructor(seed: number, parts: Parts) {
    this.random = new Random(seed);
    this.#parts = parts;
    this.network = new SimNetwork(this.time, this.random);
    this.network.slowName = ufsName;
    this.ufs = new SimUfs(this.#process(ufsName), this.network, this.random);
    this.registry = this.startRegistry();
    for (const nodeId of nodeIds) this.startNode(nodeId);
    for (const name of gatewayNames) this.startGateway(name);
  }

  startRegistry(): SimRegistry {
    const process = this.#process(registryName);
    this.registry = new SimRegistry({ process, disk: this.registryDisk, makeId: () => this.#id() });
    return this.registry;
  }

  startNode(nodeId: string): void {
    const clockRate = 1 + (this.random.next() * 2 - 1) * clockErrorMax;
    const process = new SimProcess(nodeId, this.time, clockRate);
    const disk = this.#infoDisks.get(nodeId) ?? new Map();
    this.#infoDisks.set(nodeId, disk);
    const member = { nodeId, address: nodeId, adminAddress: nodeId, weight: 1 };
    const holdsLock = this.random.chance(0.7);
    const lease = this.#parts.lease({
      member: { ...member, incarnation: this.#id(), holdsLock },
      clock: process.clock,
      onLapse: () => info.endTenure(),
    });
    const info = this.#parts.info(infoOptionsOf(process, disk, lease));
    const ufs = this.ufs.readsOf(process);
    const node = this.#parts.node({ nodeId, process, ufs, info, lease });
    this.nodes.set(nodeId, node);
    void this.#renewEver(node);
    void this.#watch(node);
  }

  startGateway(name: string): void {
    const gateway = new SimGateway({
      process: this.#process(name),
      ...{ network: this.network, ufs: this.ufs, random: this.random },
      registry: () => this.registry,
      nodeOf: (nodeId) => this.nodes.get(nodeId)!,
    });
    this.gateways.set(name, gateway);
  }

  async #renewEver(node: SimNode): Promise<never> {
    for (;;) await node.process.sleep(await this.#renew(node));
  }

  /** @returns when to ask again, as `LeaseRenewal` does */
  async #renew({ process, lease }: SimNode): Promise<number> {
    const sent = lease.send();
    const before = lease.stamp;
    const { registry } = this;
    const asked = this.network.call(process, registry.process, () => registry.renew(sent.request));
    try {
      const answer = await within(asked, renewalTimeoutMs, process);
      if (answer === late) return soonMs;
      lease.answered(sent, answer);
      if (lease.stamp !== before) return 0;
      return answer.granted && lease.isMember ? renewalMs : soonMs;
    } catch {
      return soonMs;
    }
  }

  async #watch(node: SimNode): Promise<never> {
    const { process, lease } = node;
    let known: Membership | undefined;
    for (;;) {
      try {
        const { registry } = this;
        const told = await this.network.call(process, registry.process, () => registry.poll(known));
        known = told;
        if (told && lease.take(told)) void this.#renew(node);
      } catch {
        await process.sleep(watchRetryMs);
      }
    }
  }

  #process(name: string): SimProcess {
    return new SimProcess(name, this.time);
  }

  #id(): string {
    this.#ids += 1;
    return `i${this.#ids}`;
  }
}
