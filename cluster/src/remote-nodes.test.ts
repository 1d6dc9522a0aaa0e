import { resolveSettings } from '@forebay/core/config';
import type { RingMember } from '@forebay/core/membership';
import { MountTable } from '@forebay/core/mount';
import { nodeClientSettings } from '@forebay/data-plane/settings';
import { anyPort, never, Pairs, secret } from '@forebay/data-plane/testing/pair';
import { memoryUfs } from '@forebay/ufs/memory';
import { afterEach, describe, expect, it } from 'vitest';
import { RemoteNodes } from './remote-nodes.ts';
import { lake, objectAt } from './testing/test-cluster.ts';
import { TestOwner } from './testing/test-owner.ts';

const defaults = resolveSettings(nodeClientSettings, { flags: {}, env: {}, file: new Map() });
const pairs = new Pairs();
const opened: RemoteNodes[] = [];
afterEach(async () => {
  for (const nodes of opened.splice(0)) nodes.close();
  await pairs.clear();
});

const mounts = new MountTable([lake]);
const served = (nodeId: string) => ({
  ...{ node: new TestOwner(nodeId, memoryUfs({ k: 'what is there' })), mounts: () => mounts, secret },
});
const memberAt = (port: number, incarnation = '1'): RingMember => {
  return { nodeId: 'a', address: `127.0.0.1:${port}`, weight: 1, incarnation, state: 'active' };
};

async function serveByPort(nodeId = 'a') {
  const { server, address } = await pairs.serve(served(nodeId), anyPort);
  return { server, port: 'port' in address ? address.port : 0 };
}

function remoteNodes(): RemoteNodes {
  const nodes = new RemoteNodes({ secret, settings: { ...defaults, nodeSilenceTimeoutMs: 1000 } });
  opened.push(nodes);
  return nodes;
}

const question = { object: objectAt('k'), want: 'info', signal: never } as const;

describe('connections to the nodes of a cluster', () => {
  it('are one for each process of a node, until it is no member any more', async () => {
    const { port } = await serveByPort();
    const nodes = remoteNodes();
    const node = await nodes.nodeOf(memberAt(port));
    expect(await nodes.nodeOf(memberAt(port))).toBe(node);
    expect(await node.open(question)).toMatchObject({ kind: 'object', nodeId: 'a' });
    const again = await nodes.nodeOf(memberAt(port, '2'));
    expect(again).not.toBe(node);
    await expect(node.open(question)).rejects.toMatchObject({ kind: 'node-unavailable' });
    nodes.retain([memberAt(port, '2')]);
    expect(await again.open(question)).toMatchObject({ kind: 'object' });
    nodes.retain([]);
    await expect(again.open(question)).rejects.toMatchObject({ kind: 'node-unavailable' });
  });

  it('are tried again where the node was not there', async () => {
    const { server, port } = await serveByPort();
    await server.close();
    const nodes = remoteNodes();
    await expect(nodes.nodeOf(memberAt(port))).rejects.toMatchObject({ kind: 'node-unavailable' });
    await pairs.serve(served('a'), { host: '127.0.0.1', port });
    expect((await nodes.nodeOf(memberAt(port))).nodeId).toBe('a');
  });
});
