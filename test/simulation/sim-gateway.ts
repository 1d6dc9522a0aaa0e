/** A gateway of a simulation: the real routing and the real writer over a network of simulated processes. */
import type { OpenedObject } from '@forebay/core/cache-node';
import { ForebayError } from '@forebay/core/errors';
import type { Membership, RingMember } from '@forebay/core/membership';
import { Metrics } from '@forebay/core/metrics';
import type { ObjectRef } from '@forebay/core/mount';
import { RoutedCacheNode } from '../../cluster/src/routed-cache-node.ts';
import type { RoutableNode } from '../../cluster/src/routing/peer.ts';
import { ObjectWriter } from '../../gateway/src/write-object.ts';
import type { Random } from '../support/random.ts';
import type { SimNetwork, SimProcess } from './sim-network.ts';
import type { SimNode } from './sim-node.ts';
import type { SimRegistry } from './sim-registry.ts';
import type { SimUfs } from './sim-ufs.ts';

export interface SimGatewayOptions {
  readonly process: SimProcess;
  readonly network: SimNetwork;
  readonly ufs: SimUfs;
  readonly random: Random;
  /** The process that runs now, or ran last. */
  readonly registry: () => SimRegistry;
  readonly nodeOf: (nodeId: string) => SimNode;
}

const retryMs = 500;
const uploadMsMax = 4_000;
const noSignal = new AbortController().signal;

export class SimGateway {
  readonly process: SimProcess;
  readonly #options: SimGatewayOptions;
  readonly #routed: RoutedCacheNode;
  readonly #writer: ObjectWriter;
  #membership: Membership | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(options: SimGatewayOptions) {
    this.process = options.process;
    this.#options = options;
    const { process, ufs, random } = options;
    const reads = ufs.readsOf(process);
    this.#routed = new RoutedCacheNode({
      ...{ nodeId: process.name, clock: process.clock, sleep: process.sleep, metrics: new Metrics() },
      random: () => random.next(),
      source: {
        membership: () => this.#membership,
        refresh: async () => this.#take(await this.#ask((registry) => registry.membership())),
        watch: (listener) => {
          this.#listeners.add(listener);
          return () => this.#listeners.delete(listener);
        },
      },
      nodeOf: (member) => this.#remote(member),
      renewWriter: (request) => this.#ask((registry) => registry.renewWriter(request)),
      ufsOf: () => reads,
      onUfsBytes: () => {},
    });
    this.#writer = new ObjectWriter(this.#routed);
    void this.#watch();
  }

  /** @returns undefined: there is none */
  async read(object: ObjectRef): Promise<{ etag: string; bytes: Buffer } | undefined> {
    const opened = await this.#routed.open({ object, want: 'bytes', signal: noSignal });
    if (opened.kind === 'absent') return undefined;
    return { etag: opened.info.etag ?? '', bytes: await bytesOf(opened.body) };
  }

  /** @param bytes undefined: deletes */
  async write(object: ObjectRef, bytes: Buffer | undefined): Promise<void> {
    const { ufs, process, random } = this.#options;
    await this.#writer.write([object], async () => {
      // The body comes at its client's pace.
      if (random.chance(0.3)) await process.sleep(random.next() * uploadMsMax);
      return ufs.write(process, object.ufsKey, bytes);
    });
  }

  #take(told: Membership | undefined): void {
    const known = this.#membership;
    if (!told || (known && told.epoch.number < known.epoch.number)) return;
    this.#membership = told;
    for (const listener of this.#listeners) listener();
  }

  async #watch(): Promise<never> {
    let told: Membership | undefined;
    for (;;) {
      try {
        told = await this.#ask((registry) => registry.poll(told));
        this.#take(told);
      } catch {
        await this.process.sleep(retryMs);
      }
    }
  }

  #ask<T>(question: (registry: SimRegistry) => Promise<T>): Promise<T> {
    const registry = this.#options.registry();
    return this.#options.network.call(this.process, registry.process, () => question(registry));
  }

  #remote({ nodeId }: RingMember): RoutableNode {
    const { process: gateway } = this;
    const { network, nodeOf } = this.#options;
    const ask = <T>(handle: (node: SimNode) => Promise<T>): Promise<T> => {
      const node = nodeOf(nodeId);
      return network.call(gateway, node.process, () => handle(node));
    };
    const unused = () => Promise.reject(new ForebayError('node-unavailable', 'not part of the simulation'));
    return {
      nodeId,
      ping: () => ask(async () => {}),
      open: (request) => ask((node) => node.open({ ...request, signal: noSignal })),
      read: (request) => ask((node) => node.read({ ...request, signal: noSignal })),
      beginWrite: (objects, fenceId, epoch) =>
        ask((node) => node.begin(objects, fenceId, { gateway, epoch })),
      endWrite: (objects, fenceId, outcome, epoch) =>
        ask((node) => node.end(objects, fenceId, { epoch, outcome })),
      beginBucketWrite: unused,
      endBucketWrite: unused,
      stat: unused,
      free: unused,
      stats: unused,
    };
  }
}

async function bytesOf(body: OpenedObject['body']): Promise<Buffer> {
  if (!body || body instanceof Uint8Array) return Buffer.from(body ?? []);
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}
