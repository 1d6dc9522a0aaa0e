/**
 * Cache nodes of one process on one ring: real nodes with their directories, data planes over TCP and
 * hand-off, and a gateway's way to them. Members are told of epochs by the test.
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import { cacheNodeSettings } from '@forebay/cache-node/settings';
import { HandOff } from '@forebay/cluster/hand-off/hand-off';
import { RoutedCacheNode } from '@forebay/cluster/routed-cache-node';
import { CachePolicies } from '@forebay/core/cache-policy';
import { systemClock } from '@forebay/core/clock';
import { resolveSettings } from '@forebay/core/config';
import { silentLog } from '@forebay/core/log';
import type { Epoch, Membership, RingMember } from '@forebay/core/membership';
import { Metrics } from '@forebay/core/metrics';
import { type Mount, MountTable } from '@forebay/core/mount';
import { type Ring, ringAlgorithm, ringOf, segmentKeyOf } from '@forebay/core/ring';
import { CacheNodeServer } from '@forebay/data-plane/cache-node-server';
import { RemoteCacheNode } from '@forebay/data-plane/remote-cache-node';
import type { Ufs } from '@forebay/ufs/ufs';
import { tempDir } from './temp.ts';
import { until } from './until.ts';

const secret = 'a secret of this test alone';

export interface RingNode {
  readonly nodeId: string;
  readonly member: RingMember;
  readonly node: LocalCacheNode;
  readonly handOff: HandOff;
  readonly metrics: Metrics;
  stop(): Promise<void>;
}

export interface NodeRingOptions {
  readonly ufs: Ufs;
  readonly mount: Mount;
  readonly segmentBytes: number;
  readonly bytesPerSecond?: number;
}

export class NodeRing {
  readonly nodes = new Map<string, RingNode>();
  readonly gateway: RoutedCacheNode;
  readonly #options: NodeRingOptions;
  readonly #mounts: MountTable;
  readonly #listeners = new Set<() => void>();
  readonly #clients = new Set<RemoteCacheNode>();
  #membership: Membership | undefined;
  #ring: Ring | undefined;

  constructor(options: NodeRingOptions) {
    this.#options = options;
    this.#mounts = new MountTable([options.mount]);
    this.gateway = new RoutedCacheNode({
      nodeId: 'gateway',
      source: {
        membership: () => this.#membership,
        refresh: async () => {},
        watch: (listener) => {
          this.#listeners.add(listener);
          return () => this.#listeners.delete(listener);
        },
      },
      nodeOf: this.#connector(),
      renewWriter: async () => true,
      ufsOf: () => options.ufs,
      clock: systemClock,
      random: Math.random,
      sleep: (ms, signal) => wait(ms, undefined, { signal, ref: false }),
      metrics: new Metrics(),
      onUfsBytes: () => {},
    });
  }

  async start(nodeId: string): Promise<RingNode> {
    const { ufs, segmentBytes, bytesPerSecond = 1024 ** 3 } = this.#options;
    const metrics = new Metrics();
    const peerOf = this.#connector();
    const shared = { nodeId, metrics, clock: systemClock, log: silentLog };
    const handOff = new HandOff({ ...shared, peerOf, bytesPerSecond, retryMs: 200 });
    const decorated = handOff.ufsOf(this.#options.mount, ufs);
    const node = await LocalCacheNode.open({
      ...shared,
      dataDir: join(tempDir('ring'), nodeId),
      settings: resolveSettings(cacheNodeSettings, { flags: { memorySize: '64MiB', cacheSize: '1GiB' } }),
      policies: new CachePolicies(),
      mounts: () => this.#mounts,
      ufsOf: () => Promise.resolve(decorated),
      openedUfsOf: () => decorated,
      placement: {
        segmentBytes,
        owns: (key, segment) => this.#ring?.homeOf(segmentKeyOf(key, segment))?.nodeId === nodeId,
      },
    });
    const server = new CacheNodeServer({ node, mounts: () => this.#mounts, secret, calls: handOff.calls });
    const address = await server.listen({ host: '127.0.0.1', port: 0 });
    const port = 'port' in address ? address.port : 0;
    handOff.start(node.pages);
    const member = { address: `127.0.0.1:${port}`, weight: 1, incarnation: `${nodeId}-1` };
    const started = {
      nodeId,
      member: { ...member, nodeId, state: 'active' } as const,
      node,
      handOff,
      metrics,
      stop: async () => {
        this.nodes.delete(nodeId);
        await handOff.close();
        await server.close();
        await node.close();
      },
    };
    this.nodes.set(nodeId, started);
    return started;
  }

  /** The next epoch, told to everybody and settled at once. */
  form(members: readonly RingMember[]): Epoch {
    const number = (this.#membership?.epoch.number ?? 0) + 1;
    const { segmentBytes } = this.#options;
    const epoch = { number, registry: 'r1', ring: ringAlgorithm, segmentBytes, members };
    this.#membership = { epoch, settled: true };
    this.#ring = ringOf(epoch);
    for (const { handOff } of this.nodes.values()) handOff.follow(this.#membership);
    for (const listener of this.#listeners) listener();
    return epoch;
  }

  /** Every node has offered what others own. */
  async untilHandedOff(timeoutMs = 60_000): Promise<void> {
    await until(
      'all pages are with their owners',
      () => [...this.nodes.values()].every(({ handOff }) => /^(done|drained)$/.test(handOff.progress.state)),
      timeoutMs,
    );
  }

  async stop(): Promise<void> {
    this.gateway.close();
    for (const node of [...this.nodes.values()]) await node.stop();
    for (const client of this.#clients) client.close();
  }

  /** One client for each process of a node. */
  #connector(): (member: RingMember) => Promise<RemoteCacheNode> {
    const known = new Map<string, Promise<RemoteCacheNode>>();
    return (member) => {
      const name = `${member.incarnation} ${member.address}`;
      const connected = known.get(name);
      if (connected) return connected;
      const port = Number(member.address.split(':')[1]);
      const connecting = RemoteCacheNode.connect({ address: { host: '127.0.0.1', port }, secret });
      known.set(name, connecting);
      connecting.then(
        (client) => this.#clients.add(client),
        () => known.delete(name),
      );
      return connecting;
    };
  }
}
