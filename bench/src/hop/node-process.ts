/** A cache node that serves the data plane over TCP. */
import { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import { cacheNodeSettings } from '@forebay/cache-node/settings';
import { CachePolicies } from '@forebay/core/cache-policy';
import { resolveSettings } from '@forebay/core/config';
import { CacheNodeServer } from '../../../data-plane/src/cache-node-server.ts';
import { partsOf, roleConfig } from './roles.ts';

const config = roleConfig();
const parts = partsOf(config);
const { log, mounts } = parts;
const node = await LocalCacheNode.open({
  ...parts,
  nodeId: 'bench-node',
  dataDir: config.dataDir,
  settings: resolveSettings(cacheNodeSettings, {}),
  policies: new CachePolicies(),
  mounts: () => mounts,
});
const server = new CacheNodeServer({ node, mounts: () => mounts, secret: config.secret, log });
await server.listen({ host: '127.0.0.1', port: config.planePort });
