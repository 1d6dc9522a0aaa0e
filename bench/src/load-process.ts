/**
 * The other side of load-client.ts: a process that reads what it is told to, checks it, and says how long
 * each read took.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { isContent } from 'forebay/bench/content';
import { SigningS3Client } from 'forebay/demo/s3-client';
import type { LoadAnswer, LoadJob, LoadRead, LoadResult } from './load-client.ts';

const clients = new Map<string, SigningS3Client>();

process.on('message', (job: LoadJob) => {
  void run(job).then(
    (result) => answer({ result }),
    (error: unknown) => answer({ failed: String(error) }),
  );
});

function answer(message: LoadAnswer): void {
  process.send?.(message);
}

/** Connections are kept from job to job, as a client's are. */
function clientOf(target: LoadJob['target'], connectionsMax: number): SigningS3Client {
  const name = `${connectionsMax} ${target.endpoint}`;
  const known = clients.get(name);
  if (known) return known;
  const client = new SigningS3Client(target, { connectionsMax });
  clients.set(name, client);
  return client;
}

async function run({
  target,
  reads,
  passes = 1,
  connections = 1,
  pauseMs = 0,
}: LoadJob): Promise<LoadResult> {
  const client = clientOf(target, connections);
  const all = Array.from({ length: passes }, () => reads).flat();
  const measured: OneRead[] = new Array(all.length);
  let next = 0;
  const reader = async () => {
    while (next < all.length) {
      const index = next;
      next += 1;
      if (pauseMs > 0) await wait(pauseMs);
      measured[index] = await readOne(client, all[index]!);
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: connections }, reader));
  return {
    durationsUs: measured.map(({ durationUs }) => durationUs),
    firstByteUs: measured.map(({ firstByteUs }) => firstByteUs),
    xCache: measured.map(({ xCache }) => xCache),
    elapsedMs: performance.now() - startedMs,
    bytes: measured.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

interface OneRead {
  readonly durationUs: number;
  readonly firstByteUs: number;
  readonly xCache: string;
  readonly sizeBytes: number;
}

async function readOne(client: SigningS3Client, read: LoadRead): Promise<OneRead> {
  const { path, range, object } = read;
  const start = range?.start ?? 0;
  let at = start;
  let wrong = false;
  let firstMs: number | undefined;
  const sentMs = performance.now();
  const { sizeBytes, headers } = await client.send({
    method: 'GET',
    path,
    ...(range && { range }),
    onBytes: (bytes) => {
      firstMs ??= performance.now();
      wrong ||= !isContent(bytes, object, at);
      at += bytes.length;
    },
  });
  const endedMs = performance.now();
  if (wrong || sizeBytes !== read.sizeBytes) throw new Error(`wrong bytes in ${path} from ${start}`);
  return {
    durationUs: (endedMs - sentMs) * 1000,
    firstByteUs: ((firstMs ?? endedMs) - sentMs) * 1000,
    xCache: String(headers['x-cache'] ?? 'none'),
    sizeBytes,
  };
}
