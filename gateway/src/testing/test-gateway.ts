/** A whole gateway on a loopback port, over memory UFSes and without a cache, for tests. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Clock, systemClock } from '@forebay/core/clock';
import { resolveSettings } from '@forebay/core/config';
import { type Log, silentLog } from '@forebay/core/log';
import { Metrics } from '@forebay/core/metrics';
import { type Mount, MountTable, ufsIdentityOf } from '@forebay/core/mount';
import type { Registry } from '@forebay/core/registry';
import { type User, UserTable } from '@forebay/core/user';
import { type FaultyUfs, faultyUfs } from '@forebay/ufs/faulty';
import { memoryUfs } from '@forebay/ufs/memory';
import { memoryService } from '@forebay/ufs/memory-service';
import type { UfsService } from '@forebay/ufs/ufs-service';
import type { LineSink } from '../access-log/access-log.ts';
import { createGateway, type Gateway } from '../app.ts';
import { type GatewayConfig, gatewaySettings } from '../settings.ts';
import { DirectCacheNode } from './direct-cache-node.ts';

export const testAccessKey = 'TESTACCESSKEY';
export const testSecretKey = 'test-secret-key';

export interface TestGateway {
  readonly port: number;
  readonly endpoint: string;
  readonly gateway: Gateway;
  readonly home: DirectCacheNode;
  /** How many requests Node has made streams for: those that did not go the short way. */
  readonly streamed: () => number;
  readonly metrics: Metrics;
  /** The store behind the pattern mount. */
  readonly service: UfsService;
  /** The UFS behind a mount, to count in and to break; mounts with one `ufsName` share theirs. */
  ufsOf(mount: Mount): FaultyUfs;
  /** Resolves when a client's connection has closed. */
  whenClosed(): Promise<void>;
  /** Resolves when connections were found idle that many times from now on. */
  whenTimedOut(count: number): Promise<void>;
  /** Resolves when no request is under way any more. */
  whenIdle(): Promise<void>;
  close(): Promise<void>;
}

export async function startTestGateway(
  mounts: readonly Mount[],
  options: {
    readonly settings?: Partial<GatewayConfig>;
    readonly clock?: Clock;
    readonly log?: Log;
    readonly accessLines?: LineSink;
    readonly users?: readonly User[];
    readonly home?: DirectCacheNode;
  } = {},
): Promise<TestGateway> {
  const service = memoryService();
  const ufsOf = ufsesOver(service);
  const home = options.home ?? new DirectCacheNode(ufsOf);
  const metrics = new Metrics();
  const registry = staticRegistry(mounts, options.users);
  const gateway = createGateway({
    registry,
    cacheNode: home,
    ufsOf,
    serviceOf: () => service,
    credentials: (accessKey) =>
      accessKey === testAccessKey
        ? { secretKey: testSecretKey, name: 'root', permissions: 'all' }
        : registry.view().users.byAccessKey(accessKey),
    settings: {
      ...resolveSettings(gatewaySettings, { flags: {}, env: {}, file: new Map() }),
      ...options.settings,
    },
    metrics,
    clock: options.clock ?? systemClock,
    log: options.log ?? silentLog,
    openAccessLines: options.accessLines && (() => options.accessLines!),
  });
  const server = gateway.createServer();
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  const streamed = streamedBy(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    endpoint: `http://127.0.0.1:${port}`,
    gateway,
    home,
    streamed,
    metrics,
    service,
    ufsOf,
    async whenClosed() {
      await Promise.race(
        [...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))),
      );
    },
    whenTimedOut: (count) => timeoutsOf(server, count),
    whenIdle: () => idleOf(metrics),
    close: () => gateway.drain(0),
  };
}

function streamedBy(server: Server): () => number {
  let count = 0;
  for (const event of ['request', 'checkContinue', 'checkExpectation']) {
    server.on(event, () => {
      count += 1;
    });
  }
  return () => count;
}

/** Memory UFSes that break on demand; those of the pattern mount's buckets are the service's. */
function ufsesOver(service: UfsService): (mount: Mount) => FaultyUfs {
  const ufses = new Map<string, FaultyUfs>();
  return (mount) => {
    const identity = ufsIdentityOf(mount.ufs);
    const known =
      ufses.get(identity) ??
      faultyUfs(mount.pattern ? service.bucket(mount.bucket) : memoryUfs({}, { identity }));
    ufses.set(identity, known);
    return known;
  };
}

function timeoutsOf(server: Server, count: number): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    server.on('timeout', () => {
      seen += 1;
      if (seen === count) resolve();
    });
  });
}

async function idleOf(metrics: Metrics): Promise<void> {
  while (!/^forebay_requests_in_flight 0$/m.test(await metrics.text())) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A registry in which nothing ever changes. */
export function staticRegistry(mounts: readonly Mount[], users: readonly User[] = []): Registry {
  const named = { mounts: new MountTable(mounts), users: new UserTable(users) };
  const view = { revision: 1, members: [], rules: [], pins: [], ...named };
  return {
    view: () => view,
    watch: () => () => {},
    join: async () => {},
    leave: async () => {},
    mount: async () => {},
    unmount: async () => {},
    addUser: async () => {},
    removeUser: async () => {},
    pin: async () => {},
    unpin: async () => {},
  };
}
