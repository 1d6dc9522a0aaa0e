/** A whole gateway on a loopback port, over memory UFSes and without a cache, for tests. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '@forebay/core/clock';
import { resolveSettings } from '@forebay/core/config';
import { type Log, silentLog } from '@forebay/core/log';
import { Metrics } from '@forebay/core/metrics';
import { type Mount, MountTable, ufsIdentityOf } from '@forebay/core/mount';
import type { Registry } from '@forebay/core/registry';
import { memoryUfs } from '@forebay/ufs/memory';
import type { Ufs } from '@forebay/ufs/ufs';
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
  readonly metrics: Metrics;
  /** The UFS behind a mount; mounts with one `ufsName` share theirs. */
  ufsOf(mount: Mount): Ufs;
  close(): Promise<void>;
}

export async function startTestGateway(
  mounts: readonly Mount[],
  options: {
    readonly settings?: Partial<GatewayConfig>;
    /** Puts something between the gateway and a mount's UFS. */
    readonly wrapUfs?: (ufs: Ufs) => Ufs;
    readonly clock?: Clock;
    readonly log?: Log;
  } = {},
): Promise<TestGateway> {
  const ufses = new Map<string, Ufs>();
  const ufsOf = (mount: Mount): Ufs => {
    const identity = ufsIdentityOf(mount.ufs);
    const known = ufses.get(identity) ?? (options.wrapUfs ?? ((ufs) => ufs))(memoryUfs({}, { identity }));
    ufses.set(identity, known);
    return known;
  };
  const home = new DirectCacheNode(ufsOf);
  const metrics = new Metrics();
  const gateway = createGateway({
    registry: staticRegistry(mounts),
    cacheNode: home,
    ufsOf,
    credentials: (accessKey) =>
      accessKey === testAccessKey ? { secretKey: testSecretKey, name: 'root' } : undefined,
    settings: {
      ...resolveSettings(gatewaySettings, { flags: {}, env: {}, file: new Map() }),
      ...options.settings,
    },
    metrics,
    clock: options.clock ?? systemClock,
    log: options.log ?? silentLog,
  });
  const server = gateway.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    endpoint: `http://127.0.0.1:${port}`,
    gateway,
    home,
    metrics,
    ufsOf,
    close: () => gateway.drain(0),
  };
}

/** A registry whose mounts never change. */
export function staticRegistry(mounts: readonly Mount[]): Registry {
  const view = { revision: 1, mounts: new MountTable(mounts), members: [] };
  return {
    view: () => view,
    watch: () => () => {},
    join: async () => {},
    leave: async () => {},
    mount: async () => {},
    unmount: async () => {},
  };
}
