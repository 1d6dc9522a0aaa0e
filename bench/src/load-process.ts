/**
 * The other side of load-client.ts: a process that reads what it is told to and says how long each read
 * took.
 */
import { SigningS3Client } from 'forebay/demo/s3-client';
import type { LoadAnswer, LoadJob, LoadResult } from './load-client.ts';

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
function clientOf(target: LoadJob['target']): SigningS3Client {
  const known = clients.get(target.endpoint);
  if (known) return known;
  const client = new SigningS3Client(target, { connectionsMax: 1 });
  clients.set(target.endpoint, client);
  return client;
}

async function run({ target, paths, passes }: LoadJob): Promise<LoadResult> {
  const client = clientOf(target);
  const durationsUs: number[] = [];
  const xCache: Record<string, number> = {};
  let bytes = 0;
  const startedMs = performance.now();
  for (let pass = 0; pass < passes; pass += 1) {
    for (const path of paths) {
      const sentMs = performance.now();
      const { sizeBytes, headers } = await client.send({ method: 'GET', path });
      durationsUs.push((performance.now() - sentMs) * 1000);
      bytes += sizeBytes;
      const result = String(headers['x-cache'] ?? 'none');
      xCache[result] = (xCache[result] ?? 0) + 1;
    }
  }
  return { durationsUs, elapsedMs: performance.now() - startedMs, bytes, xCache };
}
