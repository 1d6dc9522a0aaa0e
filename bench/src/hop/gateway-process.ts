/** A gateway whose cache node is in another process, over TCP. */
import { setTimeout as wait } from 'node:timers/promises';
import { resolveSettings } from '@forebay/core/config';
import type { Registry } from '@forebay/core/registry';
import { createGateway } from '@forebay/gateway/app';
import { gatewaySettings } from '@forebay/gateway/settings';
import { RemoteCacheNode } from '../../../data-plane/src/remote-cache-node.ts';
import { partsOf, roleConfig } from './roles.ts';

const config = roleConfig();
const { mounts, ...parts } = partsOf(config);
const { secretKey, secret, planePort: port } = config;
const view = { revision: 1, mounts, members: [], rules: [], pins: [] };
const registry = { view: () => view, watch: () => () => {} } as unknown as Registry;

const gateway = createGateway({
  ...parts,
  registry,
  cacheNode: await connected(),
  credentials: () => ({ name: 'root', secretKey, permissions: 'all' }),
  settings: resolveSettings(gatewaySettings, {}),
});
gateway.createServer().listen(config.gatewayPort, '127.0.0.1');

/** The node may still be starting. */
async function connected(): Promise<RemoteCacheNode> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await RemoteCacheNode.connect({ address: { host: '127.0.0.1', port }, secret });
    } catch (error) {
      if (attempt === 100) throw error;
      await wait(100);
    }
  }
}
