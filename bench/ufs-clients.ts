/**
 * What a GET costs in CPU through our lean client, and through the SDK with its undici handler (decision
 * 0002). The store is a child process, so that only the client's CPU is counted. Run: `node
 * bench/ufs-clients.ts`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { KiB, MiB } from '@forebay/core/bytes';
import { silentLog } from '@forebay/core/log';
import { openUfs } from '@forebay/ufs/open-ufs';
import { UndiciHttpHandler } from '@smithy/undici-http-handler';

const inFlight = 16;
const warmUps = 300;

type Get = (key: string) => Promise<AsyncIterable<Uint8Array>>;

if (process.argv[2] === 'store') serve();
else await compare();

/** Answers a GET of `/bucket/SIZE` with as many bytes. */
function serve(): void {
  const server = createServer((request, response) => {
    const sizeBytes = Number(/\/(\d+)(?:\?|$)/.exec(request.url ?? '')?.[1]);
    response.writeHead(200, { 'content-length': sizeBytes, etag: '"e"', 'x-amz-meta-a': 'b' });
    response.end(Buffer.alloc(sizeBytes));
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}

async function compare(): Promise<void> {
  const store = fork(fileURLToPath(import.meta.url), ['store']);
  const [port] = await once(store, 'message');
  const endpoint = `http://127.0.0.1:${port}`;
  const { lean, sdk, close } = await clients(endpoint);
  const rows: Record<string, Record<string, number>> = {};
  for (const { name, sizeBytes, count } of [
    { name: '4 KiB', sizeBytes: 4 * KiB, count: 4_000 },
    { name: '64 KiB', sizeBytes: 64 * KiB, count: 2_000 },
    { name: '1 MiB', sizeBytes: MiB, count: 600 },
    { name: '64 MiB', sizeBytes: 64 * MiB, count: 32 },
  ]) {
    // Alternating rounds: what else the machine does falls on both.
    const rounds = { lean: [] as number[], sdk: [] as number[] };
    for (let round = 0; round < 5; round += 1) {
      rounds.lean.push(await cpuPerGet(lean, sizeBytes, count));
      rounds.sdk.push(await cpuPerGet(sdk, sizeBytes, count));
    }
    const [leanUs, sdkUs] = [median(rounds.lean), median(rounds.sdk)];
    const leanPerMiB = Math.round((leanUs * MiB) / sizeBytes);
    rows[name] = { 'lean, µs': leanUs, 'lean, µs per MiB': leanPerMiB, 'client-s3, µs': sdkUs };
  }
  console.table(rows);
  await close();
  store.kill();
}

async function clients(endpoint: string): Promise<{ lean: Get; sdk: Get; close(): Promise<void> }> {
  const env = { BENCH_ACCESS_KEY_ID: 'bench', BENCH_SECRET_ACCESS_KEY: 'bench' };
  const ufs = await openUfs(
    {
      scheme: 's3',
      bucket: 'lake',
      prefix: '',
      endpoint,
      region: 'us-east-1',
      pathStyle: true,
      credentials: { kind: 'env', name: 'BENCH' },
    },
    { env, log: silentLog },
  );
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: new UndiciHttpHandler({ dispatcher: { connections: 64 } }),
  });
  return {
    lean: async (key) => (await ufs.get(key)).body,
    sdk: async (key) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: 'lake', Key: key }));
      return Body as AsyncIterable<Uint8Array>;
    },
    close: async () => {
      await ufs.close();
      client.destroy();
    },
  };
}

/** Process CPU (user and system) per GET in µs, with `inFlight` at once. */
async function cpuPerGet(get: Get, sizeBytes: number, count: number): Promise<number> {
  await getMany(get, sizeBytes, Math.min(warmUps, count));
  const before = process.cpuUsage();
  await getMany(get, sizeBytes, count);
  const { user, system } = process.cpuUsage(before);
  return Math.round((user + system) / count);
}

async function getMany(get: Get, sizeBytes: number, count: number): Promise<void> {
  let left = count;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      let receivedBytes = 0;
      for await (const piece of await get(String(sizeBytes))) receivedBytes += piece.byteLength;
      if (receivedBytes !== sizeBytes) throw new Error(`got ${receivedBytes} of ${sizeBytes} bytes`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
