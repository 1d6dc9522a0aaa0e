/** Cache nodes as processes: what they answer while they are, and are not, the homes of their keys. */
import { randomBytes } from 'node:crypto';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { clusterTokenOf } from '@forebay/core/cluster-secret';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cluster, clusterKeys, clusterSecret } from '../support/cluster/cluster.ts';
import type { Member } from '../support/cluster/member.ts';
import { openNetwork } from '../support/cluster/network.ts';
import { type MemoryS3, startMemoryS3 } from '../support/memory-s3.ts';
import { s3ClientFor } from '../support/servers.ts';
import { until } from '../support/until.ts';

let ufs: MemoryS3;
let cluster: Cluster;
let s3: S3Client;
let behind: S3Client;
const keys = Array.from({ length: 12 }, (_, index) => `key ${index}`);

beforeAll(async () => {
  const network = openNetwork('proxies');
  ufs = await startMemoryS3({});
  cluster = await Cluster.start({
    ...{ nodes: 2, gateways: 1, network },
    env: { UFS_ACCESS_KEY_ID: ufs.accessKey, UFS_SECRET_ACCESS_KEY: ufs.secretKey },
    mounts: [
      {
        path: '/lake',
        ufs: `s3://lake?endpoint=${ufs.endpoint}&region=us-east-1&pathStyle=true&credentials=env:UFS`,
      },
    ],
  });
  const { endpoint, accessKey: accessKeyId, secretKey: secretAccessKey } = cluster.endpoint(0);
  s3 = new S3Client({
    ...{ endpoint, region: 'us-east-1', forcePathStyle: true },
    credentials: { accessKeyId, secretAccessKey },
    // What is refused is refused once.
    maxAttempts: 1,
  });
  behind = s3ClientFor(ufs);
}, 120_000);
afterAll(async () => {
  s3?.destroy();
  behind?.destroy();
  await cluster?.stop();
  await ufs?.stop();
});

async function put(client: S3Client, key: string): Promise<Buffer> {
  const body = randomBytes(100_000);
  await client.send(new PutObjectCommand({ Bucket: 'lake', Key: key, Body: body }));
  return body;
}

async function read(key: string): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'lake', Key: key }));
  return Buffer.from(await Body!.transformToByteArray());
}

const byClusterSecret = `Bearer ${clusterTokenOf(clusterSecret)}`;
const byRootKeys = `Basic ${Buffer.from(`${clusterKeys.accessKey}:${clusterKeys.secretKey}`).toString('base64')}`;

function askNode(
  adminUrl: string,
  path: string,
  authorization: string,
  init?: RequestInit,
): Promise<Response> {
  return fetch(adminUrl + path, { ...init, headers: { authorization } });
}

/** Of the node as its admin server tells it. */
async function stateOf({ adminUrl }: Member): Promise<{ leased: boolean; stats: { pages: number } }> {
  const answer = await askNode(adminUrl, '/v1/state', byClusterSecret);
  return (await answer.json()) as Awaited<ReturnType<typeof stateOf>>;
}

it('share the objects between them, and answer with what was written last', async () => {
  for (const key of keys) {
    for (let round = 0; round < 2; round += 1) {
      const body = await put(s3, key);
      expect((await read(key)).equals(body)).toBe(true);
    }
  }
  for (const node of cluster.nodes) expect((await stateOf(node)).stats.pages).toBeGreaterThan(0);
});

it('tell what is under /v1/ to who has the cluster secret, and metrics to who has the root keys', async () => {
  const report = { method: 'POST', body: '{"kind":"metrics"}' };
  for (const { adminUrl } of [...cluster.nodes, ...cluster.gateways]) {
    const statusOf = async (...asked: [path: string, authorization: string, init?: RequestInit]) =>
      (await askNode(adminUrl, ...asked)).status;
    expect(await statusOf('/v1/report', byClusterSecret, report)).toBe(200);
    expect(await statusOf('/v1/report', byRootKeys, report)).toBe(401);
    expect(await statusOf('/v1/none', byClusterSecret)).toBe(404);
    expect(await statusOf('/metrics', byRootKeys)).toBe(200);
    expect(await statusOf('/metrics', byClusterSecret)).toBe(401);
  }
  const [{ adminUrl }] = cluster.nodes as [Member];
  for (const path of ['/v1/state', '/v1/stat?bucket=lake&key=a']) {
    expect((await askNode(adminUrl, path, byClusterSecret)).status).toBe(200);
    expect((await askNode(adminUrl, path, byRootKeys)).status).toBe(401);
  }
});

it('lose no read when one of them is killed, and it has its lease when it comes back', async () => {
  const bodies = new Map<string, Buffer>();
  for (const key of keys) bodies.set(key, await put(s3, key));
  const [node] = cluster.nodes;
  await node!.kill9();
  for (const [key, body] of bodies) expect((await read(key)).equals(body)).toBe(true);
  node!.start();
  await node!.untilReady();
  expect(await stateOf(node!)).toMatchObject({ leased: true });
  for (const [key, body] of bodies) expect((await read(key)).equals(body)).toBe(true);
  for (const key of keys) {
    const body = await put(s3, key);
    expect((await read(key)).equals(body)).toBe(true);
  }
});

it('read all info from the UFS, and take no writes, while their leases have run out', async () => {
  const [key] = keys;
  await read(key!);
  const [registry] = cluster.registries;
  registry!.pause();
  const isWithout = async (node: Member) => !(await stateOf(node)).leased;
  for (const node of cluster.nodes) await until('the lease has run out', () => isWithout(node));
  const body = await put(behind, key!);
  expect((await read(key!)).equals(body)).toBe(true);
  await expect(put(s3, key!)).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
  expect((await read(key!)).equals(body)).toBe(true);
  registry!.resume();
  for (const node of cluster.nodes) await node.untilReady();
  const later = await put(s3, key!);
  expect((await read(key!)).equals(later)).toBe(true);
}, 180_000);

it('end with their lease given up when they are asked to', async () => {
  const node = cluster.nodes[1]!;
  expect(await node.stop()).toBe(0);
  for (const key of keys) {
    const body = await put(s3, key);
    expect((await read(key)).equals(body)).toBe(true);
  }
});
