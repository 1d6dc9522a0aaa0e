/** The same reads with nodes on the other side of real connections: nothing of them passes this process. */
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '@forebay/core/clock';
import type { RingMember } from '@forebay/core/membership';
import { MountTable } from '@forebay/core/mount';
import { isRelayed } from '@forebay/core/pieces';
import { syscalls } from '@forebay/core/syscalls';
import type { CacheNodeServer } from '@forebay/data-plane/cache-node-server';
import type { RemoteCacheNode } from '@forebay/data-plane/remote-cache-node';
import { anyPort, never, Pairs, secret } from '@forebay/data-plane/testing/pair';
import { Clients, readAll, relay } from '@forebay/data-plane/testing/relaying';
import { contentOf } from '@forebay/data-plane/testing/scripted-node';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bytesOf, lake, objectAt, TestCluster } from './testing/test-cluster.ts';

const KiB = 1024;
const nodeIds = ['a', 'b', 'c'];
const content = contentOf(3_000_000);
const pairs = new Pairs();
const clients = new Clients();
const clusters: TestCluster[] = [];

afterEach(async () => {
  clients.clear();
  for (const { node } of clusters.splice(0)) node.close();
  await pairs.clear();
});

interface Wired {
  readonly cluster: TestCluster;
  readonly servers: Map<string, CacheNodeServer>;
  readonly remotes: Map<string, RemoteCacheNode>;
}

async function wiredCluster(): Promise<Wired> {
  const servers = new Map<string, CacheNodeServer>();
  const remotes = new Map<string, RemoteCacheNode>();
  const cluster = new TestCluster(nodeIds, 300 * KiB, {
    clock: systemClock,
    sleep: (ms, signal) => wait(ms, undefined, { signal }),
    nodeOf: ({ nodeId }: RingMember) => remotes.get(nodeId)!,
  });
  clusters.push(cluster);
  await cluster.put('k', content);
  const mounts = new MountTable([lake]);
  for (const nodeId of nodeIds) {
    const node = cluster.owner(nodeId);
    node.pieceBytes = 100_000;
    const { server, address } = await pairs.serve({ node, mounts: () => mounts, secret }, anyPort);
    servers.set(nodeId, server);
    remotes.set(nodeId, await pairs.connect({ address, secret, silenceMs: 1000 }));
  }
  return { cluster, servers, remotes };
}

async function openedBody({ node }: TestCluster) {
  const opened = await node.open({ object: objectAt('k'), want: 'bytes', signal: never });
  if (opened.kind === 'absent' || !opened.body || opened.body instanceof Uint8Array) throw new Error('odd');
  return opened.body;
}

describe('a body of many nodes', () => {
  it('is passed on from socket to socket', { skip: !syscalls() }, async () => {
    const { cluster, remotes } = await wiredCluster();
    const { gateway, client } = await clients.open();
    const receiving = readAll(client);
    const passedBytes = await relay(await openedBody(cluster), gateway);
    gateway.end();
    expect((await receiving).equals(content)).toBe(true);
    expect(passedBytes).toBeGreaterThan(content.length / 2);
    const reads = nodeIds.map((nodeId) => cluster.owner(nodeId).reads.length);
    expect(reads.filter((count) => count > 0).length).toBeGreaterThan(1);
    for (const remote of remotes.values()) {
      expect(remote.lentBytes).toBe(0);
      expect(remote.lentPipes).toBe(0);
    }
  });

  it('goes on elsewhere where a node goes, read or passed on, at any moment', async () => {
    for (const isPassedOn of [true, false]) {
      if (isPassedOn && !syscalls()) continue;
      const { cluster, servers } = await wiredCluster();
      for (const nodeId of ['a', 'b']) {
        const owner = cluster.owner(nodeId);
        let pieces = 0;
        owner.faultAt = () => {
          pieces += 1;
          if (pieces === 150_000) void servers.get(nodeId)!.close();
          return undefined;
        };
      }
      const body = await openedBody(cluster);
      expect(isRelayed(body)).toBe(true);
      if (!isPassedOn) {
        expect((await bytesOf(body)).equals(content)).toBe(true);
        continue;
      }
      const { gateway, client } = await clients.open();
      const receiving = readAll(client);
      await relay(body, gateway);
      gateway.end();
      expect((await receiving).equals(content)).toBe(true);
    }
  });

  it('is left by its reader, and by all nodes', async () => {
    const { cluster, remotes } = await wiredCluster();
    const body = await openedBody(cluster);
    const pieces = body[Symbol.asyncIterator]();
    await pieces.next();
    await pieces.return?.();
    await vi.waitFor(() => expect(cluster.bodiesOpen).toBe(0));
    for (const remote of remotes.values()) expect(remote.lentBytes).toBe(0);
  });
});

describe('a home on the other side of a wire', () => {
  it('that goes is passed by', async () => {
    const { cluster, servers } = await wiredCluster();
    const [home] = cluster.ownersOf('k');
    await servers.get(home!.nodeId)!.close();
    expect((await bytesOf(await openedBody(cluster))).equals(content)).toBe(true);
  });

  it('that is not the home any more is asked no longer', async () => {
    const { cluster } = await wiredCluster();
    const [home] = cluster.ownersOf('k');
    const others = nodeIds.filter((nodeId) => nodeId !== home!.nodeId);
    cluster.form(others);
    expect((await bytesOf(await openedBody(cluster))).equals(content)).toBe(true);
    expect(cluster.refreshes).toBe(1);
    expect(home!.opens).toHaveLength(1);
  });

  it('is told of writes by the epoch', async () => {
    const { cluster } = await wiredCluster();
    cluster.form(['a', 'b']);
    await cluster.node.beginWrite([objectAt('k')], 'f');
    await cluster.node.endWrite([objectAt('k')], 'f', 'known');
    expect(cluster.ownersOf('k')[0]!.writes).toEqual(['begin f k', 'end f k known']);
  });
});
