/**
 * A gateway whose cache node is behind the data plane: everything real but the second process, so that a test
 * can take the node away. The same answers as from a node at hand, and cut ones where the node dies.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import { cacheNodeSettings } from '@forebay/cache-node/settings';
import { CachePolicies } from '@forebay/core/cache-policy';
import { systemClock } from '@forebay/core/clock';
import { resolveSettings } from '@forebay/core/config';
import { silentLog } from '@forebay/core/log';
import { Metrics } from '@forebay/core/metrics';
import { type Mount, MountTable } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import type { Registry } from '@forebay/core/registry';
import { CacheNodeServer } from '@forebay/data-plane/cache-node-server';
import { RemoteCacheNode } from '@forebay/data-plane/remote-cache-node';
import { createGateway } from '@forebay/gateway/app';
import { gatewaySettings } from '@forebay/gateway/settings';
import { openUfs, openUfsService } from '@forebay/ufs/open-ufs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type S3Server, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { WireClient } from '../support/wire-client.ts';

const MiB = 1024 * 1024;
const keys = { accessKey: 'HOPTESTKEY', secretKey: 'a secret of the test' };
const secret = 'another secret of the test';

const needed = await needs('versitygw');
describe('a node behind the data plane', needed, () => {
  let store: S3Server;
  let undo: (() => unknown)[] = [];
  let client: WireClient;
  let plane: CacheNodeServer;

  beforeAll(async () => {
    store = await startVersitygw();
    await store.createBucket('lake');
  });
  afterAll(() => store?.stop());
  beforeEach(async () => {
    const parts = partsOf(store);
    const { mounts } = parts;
    const directory = tempDir('hop');
    const node = await LocalCacheNode.open({
      ...parts,
      nodeId: 'hop-node',
      dataDir: join(directory, 'cache'),
      settings: resolveSettings(cacheNodeSettings, {}),
      policies: new CachePolicies(),
      mounts: () => mounts,
    });
    undo.push(() => node.close());
    plane = new CacheNodeServer({ node, mounts: () => mounts, secret });
    const address = await plane.listen({ host: '127.0.0.1', port: 0 });
    undo.push(() => plane.close());
    const cacheNode = await RemoteCacheNode.connect({ address, secret });
    undo.push(() => cacheNode.close());
    const server = await listening(partsOf(store), cacheNode);
    undo.push(() => server.close().closeAllConnections());
    const { port } = server.address() as { port: number };
    client = new WireClient({ endpoint: `http://127.0.0.1:${port}`, ...keys });
    undo.push(() => client.close());
  });
  afterEach(async () => {
    for (const step of undo.reverse()) await step();
    undo = [];
  });

  it('answers with the bytes that were written, cold and warm, whole and in ranges', async () => {
    for (const sizeBytes of [0, 1, 4096, 100_000, 5 * MiB + 123]) {
      const content = randomBytes(sizeBytes);
      const path = `/lake/size-${sizeBytes}`;
      expect(await client.send({ method: 'PUT', path, body: content })).toMatchObject({ status: 200 });
      for (let round = 0; round < 3; round += 1) {
        const { status, body, headers } = await client.send({ path });
        expect([status, body.equals(content)]).toEqual([200, true]);
        if (round === 2) expect(headers['x-cache']).toBe('HIT');
      }
      if (sizeBytes < 10) continue;
      const range = { path, headers: { range: `bytes=7-${sizeBytes - 3}` } };
      const part = await client.send(range);
      expect([part.status, part.body.equals(content.subarray(7, sizeBytes - 2))]).toEqual([206, true]);
      const { etag = '' } = part.headers;
      expect((await client.send({ path, headers: { 'if-none-match': etag } })).status).toBe(304);
      expect((await client.send({ path, headers: { 'if-match': '"other"' } })).status).toBe(412);
      expect((await client.send({ path, headers: { range: `bytes=${sizeBytes}-` } })).status).toBe(416);
    }
    expect(await client.send({ path: '/lake/none' })).toMatchObject({ status: 404, code: 'NoSuchKey' });
  });

  it('answers with what was written last, as soon as that is answered', async () => {
    for (let round = 0; round < 10; round += 1) {
      const body = randomBytes(round % 2 === 0 ? 300_000 : 30);
      await client.send({ method: 'PUT', path: '/lake/again', body });
      for (let read = 0; read < 2; read += 1) {
        expect((await client.send({ path: '/lake/again' })).body.equals(body)).toBe(true);
      }
    }
    await client.send({ method: 'DELETE', path: '/lake/again' });
    expect((await client.send({ path: '/lake/again' })).status).toBe(404);
  });

  it('that is gone is a 503, and the connection is cut where bytes were on their way', async () => {
    const content = randomBytes(64 * MiB);
    await client.send({ method: 'PUT', path: '/lake/large', body: content });
    const message = await client.start({ path: '/lake/large' });
    await once(message, 'readable');
    await plane.close();
    const pieces: Buffer[] = [];
    await expect(
      (async () => {
        for await (const piece of message) pieces.push(piece as Buffer);
      })(),
    ).rejects.toThrow();
    const got = Buffer.concat(pieces);
    expect(got.equals(content.subarray(0, got.length))).toBe(true);
    expect((await client.send({ path: '/lake/large' })).status).toBe(503);
  });
});

/** What each process has of its own. */
function partsOf({ endpoint, accessKey, secretKey }: S3Server) {
  const text = `/lake=s3://lake?endpoint=${endpoint}&credentials=env:HOP&ttl=1h`;
  const mounts = new MountTable([parseMount(text, { pageSizeBytes: MiB, createdAtMs: 0 })]);
  const env = { HOP_ACCESS_KEY_ID: accessKey, HOP_SECRET_ACCESS_KEY: secretKey };
  const ufs = openUfs(mounts.mounts[0]!.ufs, { env, log: silentLog });
  return {
    mounts,
    log: silentLog,
    clock: systemClock,
    metrics: new Metrics(),
    ufsOf: () => ufs,
    serviceOf: (pattern: Mount) => openUfsService(pattern.ufs, { env, log: silentLog }),
  };
}

async function listening(parts: ReturnType<typeof partsOf>, cacheNode: RemoteCacheNode): Promise<Server> {
  const { mounts, ...rest } = parts;
  const view = { revision: 1, mounts, members: [], rules: [], pins: [] };
  const server = createGateway({
    ...rest,
    registry: { view: () => view, watch: () => () => {} } as unknown as Registry,
    cacheNode,
    credentials: () => ({ name: 'root', secretKey: keys.secretKey, permissions: 'all' }),
    settings: resolveSettings(gatewaySettings, {}),
  }).createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
